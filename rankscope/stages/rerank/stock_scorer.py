"""Any other CrossEncoder: its own tokenizer, its own activation, the scale that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rankscope.config import ModelSettings, RerankSettings
from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo
from rankscope.errors import ModelError
from rankscope.stages.dense.bundled import model_revision
from rankscope.stages.dense.loading import model_text, quiet_loading
from rankscope.stages.dense.precision import choose_device, choose_dtype
from rankscope.stages.model_name import model_name
from rankscope.stages.rerank.reading import Reading
from rankscope.stages.rerank.scorer import PreparedPassage
from rankscope.stages.rerank.windows import plan_windows

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

__all__ = ["StockScorer"]

_SCALES = {"Sigmoid": ScoreScale.PROBABILITY, "Identity": ScoreScale.LOGIT}
_LEAST_WINDOW = 16


@dataclass(frozen=True, slots=True)
class _Query:
    text: str
    room: int
    """Tokens of a passage that fit beside it."""
    cut: int


class StockScorer:
    """Implements :class:`rankscope.stages.rerank.scorer.Scorer` for a folder that ``CrossEncoder`` loads."""

    def __init__(self, folder: Path, rerank: RerankSettings, models: ModelSettings) -> None:
        device = choose_device(models.device)
        dtype = choose_dtype(models.precision, device)
        self._model = _load(folder, device, rerank.max_length)
        if self._model.num_labels != 1:
            raise ModelError(
                f"{folder}: gives {self._model.num_labels} labels a pair, a reranker gives one score."
            )
        self._tokenizer: Any = self._model.tokenizer
        if not getattr(self._tokenizer, "is_fast", False):
            raise ModelError(f"{folder}: has no fast tokenizer, so what it reads of a passage is unknown.")
        self._activation = self._model.activation_fn
        _to_dtype(self._model, dtype)
        self.batch_tokens = 2048 if device.type == "cpu" else 65_536
        self._most = rerank.max_windows if rerank.windows else 1
        limit = self._model.max_seq_length or rerank.max_length
        self._length = min(int(limit), rerank.max_length)
        self._overhead = int(self._model.preprocess([("", "")])["input_ids"].shape[-1])
        name = type(self._activation).__name__
        self.score_scale = _SCALES.get(name, ScoreScale.UNKNOWN)
        self.info = ModelInfo(
            name=model_name(rerank.model),
            revision=model_revision(folder),
            dtype=str(dtype).removeprefix("torch."),
            max_length=self._length,
            activation=name.lower(),
        )

    reads_apart = False

    def query(self, text: str) -> _Query:
        """The query's text, cut so that at least half of the input is left for the passage."""
        readable = model_text(text)
        spans = self._spans(readable)
        most = max(1, (self._length - self._overhead) // 2)
        kept = readable if len(spans) <= most else readable[: spans[most - 1][1]]
        used = min(len(spans), most)
        return _Query(kept, max(_LEAST_WINDOW, self._length - self._overhead - used), len(spans) - used)

    def queries(self, texts: Sequence[str]) -> list[_Query]:
        """Each query by itself: nothing of it is computed ahead of its passages."""
        return [self.query(text) for text in texts]

    def query_length(self, query: _Query) -> int:  # noqa: ARG002
        """0: the lengths of windows hold the query's tokens already."""
        return 0

    def query_tokens_cut(self, query: _Query) -> int:
        """How many tokens at the end of the query are not read."""
        return query.cut

    def prepare(
        self, query: _Query, candidates: Sequence[Document], check: Callable[[], None]
    ) -> list[PreparedPassage]:
        """Windows as pieces of the passages' text; nothing can be read ahead of the query here."""
        check()
        prepared = []
        for document in candidates:
            text = model_text(document.searchable)
            spans = self._spans(text)
            plan = plan_windows(len(spans), query.room, self._most)
            windows = tuple(
                text if (start, end) == (0, len(spans)) else text[spans[start][0] : spans[end - 1][1]]
                for start, end in plan.spans
            )
            lengths = tuple(end - start + self._length - query.room for start, end in plan.spans)
            prepared.append(PreparedPassage(windows, lengths, len(spans), plan.cut))
        return prepared

    def reading(self, query: str, text: str) -> Reading:
        """What is read of a passage: what is left of the input beside the query, in windows."""
        asked = self.query(query)
        tokens = self._spans(model_text(text))
        plan = plan_windows(len(tokens), asked.room, self._most)
        kept = len(self._spans(asked.text))
        return Reading(text, tuple((a, b) for a, b in tokens), plan.spans, kept, asked.cut, asked.room)

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token, special tokens left out."""
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        spans: list[tuple[int, int]] = encoded["offset_mapping"]
        return spans

    def logits(self, query: _Query, windows: Sequence[str]) -> list[float]:
        """Raw scores, before the model's activation."""
        return self.pair_logits([query] * len(windows), windows)

    def pair_logits(self, queries: Sequence[_Query], windows: Sequence[str]) -> list[float]:
        """Raw scores of pairs, before the model's activation."""
        pairs = [(query.text, window) for query, window in zip(queries, windows, strict=True)]
        with torch.inference_mode():
            features = self._model.preprocess(pairs)
            moved = {
                name: value.to(self._model.device) if isinstance(value, torch.Tensor) else value
                for name, value in features.items()
            }
            scores: list[float] = self._model(moved)["scores"].float().reshape(-1).tolist()
            return scores

    def activate(self, logit: float) -> float:
        """The model's own activation of one raw score."""
        activation: Any = self._activation
        return float(activation(torch.tensor([logit], dtype=torch.float32))[0])


def _load(folder: Path, device: torch.device, max_length: int) -> CrossEncoder:
    from sentence_transformers import CrossEncoder

    try:
        with quiet_loading():
            model = CrossEncoder(
                str(folder),
                device=str(device),
                local_files_only=True,
                model_kwargs={"dtype": torch.float32},
            )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{folder}: cannot be loaded as a cross-encoder: {reason}") from error
    known = model.max_seq_length
    model.max_seq_length = max_length if known is None else min(int(known), max_length)
    model.eval()
    return model


def _to_dtype(model: CrossEncoder, dtype: torch.dtype) -> None:
    """Change the number format of all but the last layer, whose rounding would make ties of near scores."""
    model.to(dtype)
    if dtype is torch.float32:
        return
    heads = [
        name
        for name, module in model.named_modules()
        if type(module) is torch.nn.Linear and module.out_features == 1
    ]
    model.set_keep_in_fp32_modules(heads)
