"""From traces to observations: a selection of traces, sorted by the source of their scores."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from rankscope.core.trace import Trace, of_experiment
from rankscope.insight.floors.observations import (
    DEFAULT_TOP_K,
    UNJUDGED,
    Observations,
    ScoreSource,
    distinct,
    dtype_of,
    grades_of,
    source_of,
)
from rankscope.insight.judgments import Judgments

__all__ = ["Gathered", "Selection", "gather", "grade_meaning"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which traces to look at; what is None or empty does not limit.

    Those of experiments, which ask the same queries again, only where ``origin`` names them.
    """

    since: datetime | None = None
    before: datetime | None = None
    origin: str | None = None
    """``live``, ``replay`` ...; ``import`` matches every ``import:FORMAT``."""
    fingerprint: str | None = None
    """Of the pipeline, or the start of it."""
    stratum: str | None = None
    judged: bool | None = None
    """True: only traces whose query was judged; False: only those whose query was not."""

    def accepts(self, trace: Trace, *, stratum: str, judged: bool) -> bool:
        """Whether a trace is among those chosen."""
        return self.accepts_facts(
            trace.created_at, trace.origin, trace.pipeline.fingerprint, stratum=stratum, judged=judged
        )

    def accepts_facts(
        self, created_at: datetime, origin: str, fingerprint: str, *, stratum: str, judged: bool
    ) -> bool:
        """The same of what a selection asks about."""
        if self.since is not None and created_at < self.since:
            return False
        if self.before is not None and created_at >= self.before:
            return False
        if self.origin is None and of_experiment(origin):
            return False
        if self.origin is not None and origin.partition(":")[0] != self.origin != origin:
            return False
        if self.fingerprint is not None and not fingerprint.startswith(self.fingerprint):
            return False
        if self.stratum is not None and stratum != self.stratum:
            return False
        return self.judged is None or judged is self.judged


@dataclass(frozen=True, slots=True)
class Gathered:
    """The observations of a selection, one table a source of scores, the one of most traces first."""

    groups: tuple[Observations, ...]
    traces: int
    """Traces that the selection accepted."""
    without_order: int
    """Of those, traces in which no stage ran: they are in no group."""


def grade_meaning(judgments: Judgments | None) -> tuple[int, int | None]:
    """Lowest relevant grade and the borderline grade of graded or binary judgments.

    Where grades above 1 occur, 1 is borderline and 2 is relevant; where 1 is the highest, it is relevant
    and nothing is borderline.
    """
    if judgments is None:
        return 1, None
    highest = max((grade for known in judgments.grades.values() for grade in known.values()), default=1)
    return (2, 1) if highest > 1 else (1, None)


def gather(
    traces: Iterable[Trace],
    *,
    judgments: Judgments | None = None,
    strata: Mapping[str, str] | None = None,
    selection: Selection | None = None,
    relevant_from: int | None = None,
    borderline_grade: int | None = None,
    unjudged_as: int | None = None,
) -> Gathered:
    """Observations of the chosen traces, one table for each score scale and model.

    Without a selection all are taken. Judgments and ``strata`` are looked up by query id, else by query
    text. ``relevant_from`` and
    ``borderline_grade`` are read from the grades where they are not given. ``unjudged_as`` is the grade
    that an unjudged document of a judged query counts as; by default it stays unknown.
    """
    usual = grade_meaning(judgments)
    lowest = usual[0] if relevant_from is None else relevant_from
    borderline = usual[1] if borderline_grade is None else borderline_grade
    columns: dict[ScoreSource, _Columns] = {}
    accepted = without_order = 0
    for trace in traces:
        known = grades_of(judgments, trace)
        names = strata or {}
        stratum = names.get(trace.query.query_id or "") or names.get(trace.query.text, "")
        if selection is not None and not selection.accepts(trace, stratum=stratum, judged=bool(known)):
            continue
        accepted += 1
        source = source_of(trace)
        if source is None:
            without_order += 1
            continue
        columns.setdefault(source, _Columns()).add(trace, known, stratum, lowest, unjudged_as)
    groups = [table.observations(source, lowest, borderline) for source, table in columns.items()]
    groups.sort(key=lambda group: -group.trace_count)
    return Gathered(tuple(groups), accepted, without_order)


@dataclass
class _Columns:
    """Growing columns of one source."""

    scores: array[float] = field(default_factory=lambda: array("d"))
    grades: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[float] = field(default_factory=lambda: array("d"))
    doc_ids: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    top_ks: list[int] = field(default_factory=list)
    answerable: list[int] = field(default_factory=list)
    trace_ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    created_at: list[datetime] = field(default_factory=list)
    strata: list[str] = field(default_factory=list)
    numbers: dict[tuple[str, frozenset[tuple[str, str]]], int] = field(default_factory=dict)
    dtypes: list[str] = field(default_factory=list)
    corpora: list[str] = field(default_factory=list)

    def add(
        self, trace: Trace, known: Mapping[str, int], stratum: str, lowest: int, unjudged_as: int | None
    ) -> None:
        final = trace.final
        assert final is not None
        unknown = UNJUDGED if unjudged_as is None or not known else unjudged_as
        for hit in final.hits:
            self.scores.append(-np.inf if hit.score is None else hit.score)
            self.grades.append(known.get(hit.doc_id, unknown))
            document = trace.documents.get(hit.doc_id)
            self.sizes.append(np.nan if document is None else len(document.text))
            self.doc_ids.append(hit.doc_id)
        self.lengths.append(len(final.hits))
        identity = (trace.query.text, frozenset(trace.query.filters.items()))
        self.queries.append(self.numbers.setdefault(identity, len(self.numbers)))
        self.top_ks.append(DEFAULT_TOP_K if trace.top_k is None else trace.top_k)
        self.answerable.append(-1 if not known else int(any(grade >= lowest for grade in known.values())))
        self.trace_ids.append(trace.trace_id)
        self.texts.append(trace.query.text)
        self.created_at.append(trace.created_at)
        self.strata.append(stratum)
        self.dtypes.append(dtype_of(trace))
        self.corpora.append(trace.pipeline.corpus)

    def observations(self, source: ScoreSource, lowest: int, borderline: int | None) -> Observations:
        return Observations(
            source=source,
            scores=np.array(self.scores, dtype=float),
            grades=np.array(self.grades, dtype=np.int64),
            sizes=np.array(self.sizes, dtype=float),
            offsets=np.concatenate(([0], np.cumsum(self.lengths, dtype=np.int64))),
            queries=np.array(self.queries, dtype=np.int64),
            top_ks=np.array(self.top_ks, dtype=np.int64),
            answerable=np.array(self.answerable, dtype=np.int8),
            trace_ids=self.trace_ids,
            texts=self.texts,
            created_at=self.created_at,
            doc_ids=self.doc_ids,
            strata=self.strata if any(self.strata) else (),
            relevant_from=lowest,
            borderline_grade=borderline,
            dtypes=distinct(self.dtypes),
            corpora=distinct(self.corpora),
        )
