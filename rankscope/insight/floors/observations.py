"""Scores with all that a floor needs to know about them, in columns, one table a score scale and model.

A floor is applied to the order that stands in a trace, so that is the list that is read. Scores of two
scales or two models never share a table: one histogram over both would have no meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo, PipelineInfo, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankscope.insight.judgments import Judgments

__all__ = ["DEFAULT_TOP_K", "UNJUDGED", "Observations", "ScoreSource", "source_from", "source_of"]

DEFAULT_TOP_K = 10
"""K of a trace that states none, as the pipeline takes it."""
UNJUDGED = -(2**31)
"""Grade of a document that nobody judged for its query."""
_MODEL_OF_STAGE = {"rerank": "cross_encoder", "dense": "bi_encoder"}


@dataclass(frozen=True, slots=True)
class ScoreSource:
    """What made a score: only scores of equal sources may be compared."""

    stage: str
    score_scale: ScoreScale
    model: ModelInfo = field(default_factory=lambda: ModelInfo(""))
    """Without its number type, which moves scores by rounding only; see ``Observations.dtypes``."""
    windows: bool | None = None
    """Whether long passages were scored in windows; None where the trace does not say."""

    @property
    def label(self) -> str:
        """One line for a heading: stage, scale and model."""
        model = self.model
        facts = [
            model.name or "model not recorded",
            model.revision[:12],
            model.activation,
            f"max {model.max_length}" if model.max_length else "",
        ]
        if self.stage not in _MODEL_OF_STAGE:
            return f"{self.stage} scores, {self.score_scale}"
        return f"{self.stage} scores, {self.score_scale}, {' '.join(fact for fact in facts if fact)}"


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The scores of many traces that one source made: hits in columns, grouped by trace, in rank order.

    ``offsets`` has one more entry than there are traces: hits ``offsets[i]:offsets[i + 1]`` belong to trace
    ``i``. The same query (text and filters) asked twice has one number in ``queries``: resampling and
    splitting go by query, since two runs of one query are no independent evidence.
    """

    source: ScoreSource
    scores: NDArray
    """float64; minus infinity where an import had no score, which no floor keeps."""
    grades: NDArray
    """int64; UNJUDGED where nobody judged."""
    sizes: NDArray
    """float64: characters of the document's text, NaN where the trace does not hold it."""
    offsets: NDArray
    queries: NDArray
    """int64, one a trace."""
    top_ks: NDArray
    """int64, one a trace: its K."""
    answerable: NDArray
    """int8, one a trace: 1 when a relevant document is known, 0 when judged to have none, -1 not judged."""
    trace_ids: Sequence[str]
    texts: Sequence[str]
    """Query text of each trace."""
    created_at: Sequence[datetime]
    doc_ids: Sequence[str] = ()
    """One a hit; empty where they were not read."""
    strata: Sequence[str] = ()
    """One a trace; empty where none are known."""
    relevant_from: int = 1
    """Lowest grade that counts as relevant."""
    borderline_grade: int | None = None
    """Grade of a borderline document; None where the grades have none."""
    dtypes: tuple[str, ...] = ()
    """Number types in which the model ran."""
    corpora: tuple[str, ...] = ()
    """Corpora (name and fingerprint) that the traces name."""

    @property
    def score_scale(self) -> ScoreScale:
        """Scale of all scores here."""
        return self.source.score_scale

    @property
    def trace_count(self) -> int:
        """Number of traces, those without a hit included."""
        return len(self.offsets) - 1

    @property
    def query_count(self) -> int:
        """Number of different queries."""
        return int(np.unique(self.queries).size)

    @property
    def lengths(self) -> NDArray:
        """Hits of each trace."""
        lengths: NDArray = np.diff(self.offsets)
        return lengths

    @property
    def hit_trace(self) -> NDArray:
        """For each hit, the number of its trace."""
        numbers: NDArray = np.repeat(np.arange(self.trace_count), self.lengths)
        return numbers

    @property
    def positions(self) -> NDArray:
        """For each hit, its place in its list, from 1."""
        places: NDArray = np.arange(len(self.scores)) - np.repeat(self.offsets[:-1], self.lengths) + 1
        return places

    @property
    def scored(self) -> NDArray:
        """Mask of the hits that have a score."""
        mask: NDArray = np.isfinite(self.scores)
        return mask

    @property
    def judged(self) -> NDArray:
        """Mask of the hits that somebody judged."""
        mask: NDArray = self.grades != UNJUDGED
        return mask

    @property
    def relevant(self) -> NDArray:
        """Mask of the hits that were judged relevant."""
        mask: NDArray = self.judged & (self.grades >= self.relevant_from)
        return mask

    @property
    def top_scores(self) -> NDArray:
        """The best score of each trace; minus infinity where it has no scored hit."""
        best: NDArray = np.full(self.trace_count, -np.inf)
        filled = self.lengths > 0
        if filled.any():
            best[filled] = np.maximum.reduceat(self.scores, self.offsets[:-1][filled])
        return best

    def take(self, traces: NDArray) -> Observations:
        """The observations of some traces: a mask or their numbers, each once, in the order given."""
        numbers = np.flatnonzero(traces) if traces.dtype == bool else traces
        lengths = self.lengths[numbers]
        starts = np.repeat(self.offsets[:-1][numbers], lengths)
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        hits = starts + np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        chosen = numbers.tolist()
        return replace(
            self,
            scores=self.scores[hits],
            grades=self.grades[hits],
            sizes=self.sizes[hits],
            offsets=offsets,
            queries=self.queries[numbers],
            top_ks=self.top_ks[numbers],
            answerable=self.answerable[numbers],
            trace_ids=[self.trace_ids[number] for number in chosen],
            texts=[self.texts[number] for number in chosen],
            created_at=[self.created_at[number] for number in chosen],
            doc_ids=[self.doc_ids[hit] for hit in hits.tolist()] if self.doc_ids else (),
            strata=[self.strata[number] for number in chosen] if self.strata else (),
        )


def source_of(trace: Trace) -> ScoreSource | None:
    """What made the scores of the order that stands; None for a trace in which no stage ran."""
    final = trace.final
    return None if final is None else source_from(trace.pipeline, final.stage, final.score_scale)


def source_from(pipeline: PipelineInfo, stage: str, score_scale: ScoreScale) -> ScoreSource:
    """The same from its parts."""
    windows: bool | None = None
    model = ModelInfo("")
    role = _MODEL_OF_STAGE.get(stage)
    if role is not None:
        model = replace(pipeline.models.get(role, model), dtype="")
    if stage == "rerank":
        rerank = pipeline.settings.get("rerank")
        stated = rerank.get("windows") if isinstance(rerank, Mapping) else None
        windows = stated if isinstance(stated, bool) else None
    return ScoreSource(stage, score_scale, model, windows)


def dtype_of(trace: Trace) -> str:
    """Number type in which the model of the order that stands ran; empty where not recorded."""
    final = trace.final
    role = None if final is None else _MODEL_OF_STAGE.get(final.stage)
    model = trace.pipeline.models.get(role or "")
    return "" if model is None else model.dtype


def grades_of(judgments: Judgments | None, trace: Trace) -> Mapping[str, int]:
    """The judgments of a trace's query, by its id and by its text, which wins; empty when there are none."""
    if judgments is None:
        return {}
    by_id = judgments.grades.get(trace.query.query_id or "")
    by_text = judgments.grades.get(trace.query.text)
    return {**by_id, **by_text} if by_id and by_text else by_id or by_text or {}


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Different non-empty texts, in order of first appearance."""
    return tuple(dict.fromkeys(value for value in values if value))
