"""The bundled architecture's fast path: the query is read once, read passages are kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from rankscope.config import ModelSettings, RerankSettings
from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.core.trace import ModelInfo
from rankscope.stages.dense.bundled import model_revision
from rankscope.stages.dense.precision import choose_device, choose_dtype
from rankscope.stages.model_name import model_name
from rankscope.stages.rerank.passage_cache import PassageCache, ReadPassage, ReadWindow
from rankscope.stages.rerank.reading import Reading
from rankscope.stages.rerank.scorer import PreparedPassage, padded_batches
from rankscope.stages.rerank.split_bert import Side
from rankscope.stages.rerank.split_cross_encoder import SplitCrossEncoder, pad
from rankscope.stages.rerank.windows import WindowPlan, plan_windows

__all__ = ["SplitScorer"]

_READ_BUDGET = 2048
_BATCH_TOKENS = {"cpu": 2048, "cuda": 65_536}
"""Padded tokens of a batch of pairs: a processor gains nothing from more, a GPU idles with less."""


@dataclass(frozen=True, slots=True)
class _Query:
    side: Side
    cut: int


class SplitScorer:
    """Implements :class:`rankscope.stages.rerank.scorer.Scorer` for a split cross-encoder's folder."""

    score_scale = ScoreScale.PROBABILITY
    reads_apart = True

    def __init__(self, folder: Path, rerank: RerankSettings, models: ModelSettings) -> None:
        self._device = choose_device(models.device)
        dtype = choose_dtype(models.precision, self._device)
        self._module = SplitCrossEncoder.load(str(folder))
        self._module.max_seq_length = min(self._module.max_seq_length, rerank.max_length)
        self._network = self._module.network.to(self._device).eval()
        for name, part in self._network.named_children():
            if name != "interaction":  # its few numbers stay as exact as they were stored
                part.to(dtype)
        self.batch_tokens = _BATCH_TOKENS.get(self._device.type, 4096)
        self._most = rerank.max_windows if rerank.windows else 1
        self._cache = PassageCache(rerank.cache_mb * 2**20)
        self.info = ModelInfo(
            name=model_name(rerank.model),
            revision=model_revision(folder),
            dtype=str(dtype).removeprefix("torch."),
            max_length=self._module.max_seq_length,
            activation="sigmoid",
        )

    @property
    def cached_bytes(self) -> int:
        """Memory that kept passages take."""
        return self._cache.size

    def query(self, text: str) -> _Query:
        """The query, read alone."""
        pieces = self._module.pieces([text])[0]
        kept = pieces[: self._module.query_limit]
        with torch.inference_mode():
            ids, mask = pad([kept], self._network.config)
            side = self._network.read(ids.to(self._device), mask.to(self._device))
        return _Query(side, len(pieces) - len(kept))

    def queries(self, texts: Sequence[str]) -> list[_Query]:
        """The queries, each read alone, those of one length together."""
        limit = self._module.query_limit
        pieces = self._module.pieces(texts)
        by_length: dict[int, list[int]] = {}
        for row, read in enumerate(pieces):
            by_length.setdefault(min(len(read), limit), []).append(row)
        found: dict[int, _Query] = {}
        with torch.inference_mode():
            for length, rows in by_length.items():
                most = max(1, self.batch_tokens // (length + 2))
                for start in range(0, len(rows), most):
                    batch = rows[start : start + most]
                    ids, mask = pad([pieces[row][:limit] for row in batch], self._network.config)
                    side = self._network.read(ids.to(self._device), mask.to(self._device))
                    for place, row in enumerate(batch):
                        only = slice(place, place + 1)
                        one = Side(side.ids[only], side.mask[only], side.states[only])
                        found[row] = _Query(one, max(0, len(pieces[row]) - limit))
        return [found[row] for row in range(len(texts))]

    def query_length(self, query: _Query) -> int:
        """Word pieces of the query, special ones included."""
        return int(query.side.ids.shape[1])

    def query_tokens_cut(self, query: _Query) -> int:
        """How many word pieces at the end of the query are not read."""
        return query.cut

    def reading(self, query: str, text: str) -> Reading:
        """What is read of a passage; it does not depend on the query."""
        tokens = self._module.token_spans(text)
        plan = plan_windows(len(tokens), self._module.passage_limit, self._most)
        asked, most = len(self._module.pieces([query])[0]), self._module.query_limit
        return Reading(
            text,
            tuple(tokens),
            plan.spans,
            min(asked, most),
            max(0, asked - most),
            self._module.passage_limit,
        )

    def prepare(
        self,
        query: _Query,  # noqa: ARG002  # what is read of a passage does not depend on it: that is the point
        candidates: Sequence[Document],
        check: Callable[[], None],
    ) -> list[PreparedPassage]:
        """Windows as they were read, from memory where they are known."""
        keys = [document.content_hash for document in candidates]
        found = {key: entry for key in keys if (entry := self._cache.get(key)) is not None}
        known = frozenset(found)
        fresh = {key: item.searchable for key, item in zip(keys, candidates, strict=True) if key not in known}
        for key, passage in zip(fresh, self._read(list(fresh.values()), check), strict=True):
            found[key] = passage
            self._cache.put(key, passage)
        return [
            PreparedPassage(
                windows=found[key].windows,
                lengths=tuple(len(window) for window in found[key].windows),
                tokens=found[key].tokens,
                cut=found[key].cut,
                cached=key in known if self._cache.limit else None,
            )
            for key in keys
        ]

    def _read(self, texts: Sequence[str], check: Callable[[], None]) -> list[ReadPassage]:
        if not texts:
            return []
        pieces = self._module.pieces(texts)
        plans = [plan_windows(len(ids), self._module.passage_limit, self._most) for ids in pieces]
        cut = [ids[start:end] for ids, plan in zip(pieces, plans, strict=True) for start, end in plan.spans]
        windows: list[ReadWindow | None] = [None] * len(cut)
        lengths = [len(ids) + 2 for ids in cut]
        with torch.inference_mode():
            for batch in padded_batches(lengths, _READ_BUDGET):
                check()
                ids, mask = pad([cut[row] for row in batch], self._network.config)
                side = self._network.read(ids.to(self._device), mask.to(self._device))
                for place, row in enumerate(batch):
                    end = lengths[row]
                    # Copies: a view would keep the whole padded batch in memory.
                    windows[row] = ReadWindow(side.ids[place, :end].clone(), side.states[place, :end].clone())
        return _by_passage([item for item in windows if item is not None], pieces, plans)

    def logits(self, query: _Query, windows: Sequence[ReadWindow]) -> list[float]:
        """Calibrated logits of windows against the query, in one batch."""
        with torch.inference_mode():
            passages = self._stacked([(window.ids, window.states) for window in windows])
            scores: list[float] = self._network.score(query.side.expand(len(windows)), passages).tolist()
            return scores

    def pair_logits(self, queries: Sequence[_Query], windows: Sequence[ReadWindow]) -> list[float]:
        """Calibrated logits of pairs, in one batch; without padding where all lengths are equal."""
        with torch.inference_mode():
            asked = self._stacked([(query.side.ids[0], query.side.states[0]) for query in queries])
            passages = self._stacked([(window.ids, window.states) for window in windows])
            scores: list[float] = self._network.score(asked, passages).tolist()
            return scores

    def _stacked(self, parts: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Side:
        """Sides of one row each, padded to the longest."""
        lengths = [int(ids.shape[0]) for ids, _ in parts]
        longest = max(lengths)
        first_ids, first_states = parts[0]
        if min(lengths) == longest:
            ids = torch.stack([ids for ids, _ in parts])
            mask = torch.ones(len(parts), longest, dtype=torch.bool, device=self._device)
            return Side(ids, mask, torch.stack([states for _, states in parts]))
        config = self._network.config
        states = first_states.new_zeros(len(parts), longest, *first_states.shape[1:])
        ids = first_ids.new_full((len(parts), longest), config.pad_id)
        mask = torch.zeros(len(parts), longest, dtype=torch.bool, device=self._device)
        for row, (row_ids, row_states) in enumerate(parts):
            ids[row, : lengths[row]] = row_ids
            states[row, : lengths[row]] = row_states
            mask[row, : lengths[row]] = True
        return Side(ids, mask, states)

    def activate(self, logit: float) -> float:
        """Probability of relevance."""
        return sigmoid(logit)


def _by_passage(
    windows: Sequence[ReadWindow], pieces: Sequence[Sequence[int]], plans: Sequence[WindowPlan]
) -> list[ReadPassage]:
    """Windows in order, back under their passages."""
    passages: list[ReadPassage] = []
    start = 0
    for ids, plan in zip(pieces, plans, strict=True):
        end = start + len(plan.spans)
        passages.append(ReadPassage(tuple(windows[start:end]), len(ids), plan.cut))
        start = end
    return passages
