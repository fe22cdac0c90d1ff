"""Carry the stored floor over to another model: score the stored pairs with it, and keep the same share.

The old scores stand in the traces; the new model scores the same queries and texts. How far the two models
part at the floor is measured, and where there are judgments, what the floor loses against one that is
fitted afresh on the new scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rankscope.config import RerankSettings
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import Reranker
from rankscope.core.trace import PipelineInfo, Ranking, Trace
from rankscope.engine.floor_material import FloorMaterial, FloorReading
from rankscope.engine.progress import IndexProgress, ProgressClock
from rankscope.errors import InputError, UsageError
from rankscope.insight.floors.best_f1 import fit, lacking
from rankscope.insight.floors.crossfit import held_out
from rankscope.insight.floors.gather import gather
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.quantile_map import Carried, carry_between
from rankscope.insight.floors.sampling import judged_pairs, latest
from rankscope.insight.floors.suggestion import Suggestion
from rankscope.tracing.store import TraceStore

__all__ = ["CarriedFloor", "FloorCarry", "f1_at"]

METHOD = "carried"


@dataclass(frozen=True)
class CarriedFloor:
    """A floor on the new model's scores, and the error that carrying it over made."""

    carried: Carried
    old: Observations
    new: Observations
    f1: float | None
    """F1 of the carried floor over the judged pairs; None where too little is judged."""
    f1_afresh: float | None
    """F1 of floors that are fitted on the new scores, each reported on queries it was not fitted on."""
    without_text: int
    """Documents that were left out because the traces do not hold their text."""

    @property
    def suggestion(self) -> Suggestion:
        """The same as a suggestion, for the evidence of a stored floor."""
        carried = self.carried
        return Suggestion(
            method=METHOD,
            value=carried.value,
            scale=self.new.score_scale,
            low=carried.low,
            high=carried.high,
            observations=carried.pairs,
            queries=carried.queries,
            warning=carried.warning,
            held_out={"decided otherwise": carried.disagreement},
            parameters={"kept share": carried.kept_share, "from": self.old.source.label},
        )

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **self.carried.as_json(),
            "score_scale": self.new.score_scale.value,
            "from": self.old.source.label,
            "to": self.new.source.label,
            "f1": self.f1,
            "f1_afresh": self.f1_afresh,
            "without_text": self.without_text,
        }


@dataclass
class FloorCarry:
    """The work: :meth:`iter_progress` scores, then :attr:`result` is there.

    ``pairs`` bounds how many are scored: whole queries, drawn at random.
    """

    reading: FloorReading
    reranker: Reranker
    settings: RerankSettings
    pairs: int = 2_000
    seed: int = 0
    result: CarriedFloor | None = field(default=None, init=False)

    def iter_progress(self) -> Iterator[IndexProgress]:
        """Score the pairs. Raises UsageError where nothing can be carried, InputError for too few pairs."""
        stored = self.reading.state.stored
        old = self._old_scores()
        assert stored is not None
        assert stored.value is not None
        traces, without_text = self._chosen(old)
        total = sum(len(trace.documents) for trace in traces)
        clock, done, scored = ProgressClock("scoring", total), 0, []
        for trace in traces:
            scored.append(self._scored(trace))
            done += len(trace.documents)
            yield clock.at(done)
        judgments = self.reading.judged.judgments
        before, after = (
            gather(found, judgments=judgments, relevant_from=old.relevant_from).groups[0]
            for found in (traces, scored)
        )
        carried = carry_between(stored.value, before, after)
        afresh, reached = f1_of_both(after, carried.value)
        self.result = CarriedFloor(carried, before, after, reached, afresh, without_text)

    def material(self) -> FloorMaterial:
        """The new scores, to store the carried floor on."""
        assert self.result is not None
        return FloorMaterial(self.reading, self.result.new)

    def _old_scores(self) -> Observations:
        """The scores of the model that the stored floor was set on."""
        stored = self.reading.state.stored
        if stored is None or stored.value is None or not stored.passport:
            raise UsageError(
                "no stored floor to carry over.", remedy="`rankscope floor set` stores one with its passport."
            )
        groups = self.reading.gathered.groups
        passport = None if not groups else self.reading.material(groups[0]).passport
        fitting = [group for group in groups if passport is not None and passport.made_by(group.source)]
        if not fitting:
            raise UsageError(
                "no stored trace has scores of the model that the floor was set on.",
                remedy="Choose more traces, or fit a floor afresh: `rankscope floor suggest`.",
            )
        now = replace(self.reranker.info, dtype="")
        source = fitting[0].source
        same = (now, self.reranker.score_scale, self.settings.windows)
        if (source.model, source.score_scale, source.windows) == same:
            raise UsageError("the stored floor was set on this very model: there is nothing to carry over.")
        return fitting[0]

    def _chosen(self, old: Observations) -> tuple[list[Trace], int]:
        """Traces of queries drawn at random, with the documents whose score and text they hold."""
        ids = list(latest(old).trace_ids)
        np.random.default_rng(self.seed).shuffle(ids)
        chosen, pairs, without_text = [], 0, 0
        with TraceStore(self.reading.workspace.traces_path, create=False) as store:
            for trace_id in ids:
                trace = store.get(trace_id)
                final = trace.final
                assert final is not None
                known = [hit for hit in final.hits if hit.score is not None and hit.doc_id in trace.documents]
                without_text += len(final.hits) - len(known)
                if not known:
                    continue
                hits = tuple(replace(hit, rank=rank) for rank, hit in enumerate(known, start=1))
                documents = {hit.doc_id: trace.documents[hit.doc_id] for hit in hits}
                kept = Ranking(final.stage, final.score_scale, hits)
                chosen.append(replace(trace, rankings=(kept,), documents=documents, findings=()))
                pairs += len(hits)
                if pairs >= self.pairs:
                    break
        if not chosen:
            raise InputError("the traces do not hold the texts of their documents, so none can be scored.")
        return chosen, without_text

    def _scored(self, trace: Trace) -> Trace:
        """The same pairs under the new model."""
        documents = list(trace.documents.values())
        scores = {
            documents[pair.index].doc_id: pair.score
            for chunk in self.reranker.score(trace.query.text, documents)
            for pair in chunk
        }
        ranking = Ranking("rerank", self.reranker.score_scale, rank_by_score(scores.items()))
        pipeline = PipelineInfo(
            corpus=trace.pipeline.corpus,
            settings={"rerank": {"windows": self.settings.windows}},
            models={"cross_encoder": self.reranker.info},
        )
        return replace(trace, rankings=(ranking,), pipeline=pipeline)


def f1_of_both(observations: Observations, floor: float) -> tuple[float | None, float | None]:
    """F1 of a floor that is fitted afresh on these judged scores (cross-fitted), and of ``floor``."""
    pairs = judged_pairs(observations)
    afresh = {} if lacking(pairs) else held_out(pairs, fit, resamples=1)
    if "f1" not in afresh:
        return None, None
    return afresh["f1"].value, f1_at(floor, pairs.scores, pairs.relevant)


def f1_at(floor: float, scores: Any, relevant: Any) -> float:
    """F1 of keeping what scores at or above the floor."""
    kept = scores >= floor
    return float(
        2 * np.count_nonzero(kept & relevant) / (np.count_nonzero(kept) + np.count_nonzero(relevant))
    )
