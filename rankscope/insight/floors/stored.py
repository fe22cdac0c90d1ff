"""Observations straight from the trace database, without building traces.

The same tables as :func:`rankscope.insight.floors.gather.gather` makes of the stored traces, but for the
order of the traces: here it is that in which they were stored.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import of_experiment
from rankscope.insight.floors.gather import Gathered, Selection, grade_meaning
from rankscope.insight.floors.observations import (
    DEFAULT_TOP_K,
    UNJUDGED,
    Observations,
    ScoreSource,
    distinct,
    source_from,
)
from rankscope.insight.judgments import Judgments
from rankscope.tracing.score_cache import ScoreCache
from rankscope.tracing.score_rows import ScoreReader, ScoreRow
from rankscope.tracing.summaries import TraceFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gather_stored"]


def gather_stored(
    path: Path,
    *,
    judgments: Judgments | None = None,
    strata: Mapping[str, str] | None = None,
    selection: Selection | None = None,
    relevant_from: int | None = None,
    borderline_grade: int | None = None,
    unjudged_as: int | None = None,
    documents: bool = True,
) -> Gathered:
    """Observations of the stored traces that the selection accepts, one table a source of scores.

    Without ``documents`` neither ids nor lengths of documents are read (``sizes`` is NaN and ``doc_ids``
    empty): faster, and enough for histograms and counts.
    """
    chosen = selection or Selection()
    usual = grade_meaning(judgments)
    meaning = (
        usual[0] if relevant_from is None else relevant_from,
        usual[1] if borderline_grade is None else borderline_grade,
    )
    known = _Known(judgments, strata or {}, meaning, unjudged_as)
    filtered = TraceFilter(origin=chosen.origin, since=chosen.since, before=chosen.before)
    with _not_collecting(), ScoreReader.open(path) as reader:
        rows = reader.rows(filtered)
        if chosen.origin is None:
            rows = [row for row in rows if not of_experiment(row.origin)]
        if replace(chosen, origin=None, since=None, before=None) != Selection():  # SQL looked at those three
            rows = [row for row in rows if known.accepts(chosen, row)]
        standing = [row for row in rows if row.ranking is not None]
        by_source: dict[ScoreSource, list[ScoreRow]] = {}
        sources: dict[tuple[int, str, str], ScoreSource] = {}
        for row in standing:
            key = (id(row.pipeline), row.stage, row.score_scale)
            if key not in sources:
                sources[key] = source_from(row.pipeline, row.stage, ScoreScale(row.score_scale))
            by_source.setdefault(sources[key], []).append(row)
        cache = ScoreCache(path)
        groups = [
            _observations(reader, cache, source, part, known, documents) for source, part in by_source.items()
        ]
        cache.save()
    groups.sort(key=lambda group: -group.trace_count)
    return Gathered(tuple(groups), len(rows), len(rows) - len(standing))


@contextmanager
def _not_collecting() -> Iterator[None]:
    """Rows hold no cycles; looking for some while a hundred thousand are made takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Known:
    """Judgments and strata, looked up by query id, else by text."""

    def __init__(
        self,
        judgments: Judgments | None,
        strata: Mapping[str, str],
        meaning: tuple[int, int | None],
        unjudged_as: int | None,
    ) -> None:
        self._grades = {} if judgments is None else judgments.grades
        self._strata = strata
        self.relevant_from, self.borderline_grade = meaning
        self.unjudged_as = unjudged_as

    def accepts(self, chosen: Selection, row: ScoreRow) -> bool:
        return chosen.accepts_facts(
            row.created_at,
            row.origin,
            row.pipeline.fingerprint,
            stratum=self.stratum(row),
            judged=bool(self.grades(row)),
        )

    def grades(self, row: ScoreRow) -> Mapping[str, int]:
        by_id, by_text = self._grades.get(row.query_id or ""), self._grades.get(row.query)
        return {**by_id, **by_text} if by_id and by_text else by_id or by_text or {}

    def stratum(self, row: ScoreRow) -> str:
        return self._strata.get(row.query_id or "") or self._strata.get(row.query, "")

    def strata(self, rows: Sequence[ScoreRow]) -> Sequence[str]:
        """The stratum of each; empty where none has one."""
        found = [self.stratum(row) for row in rows] if self._strata else []
        return found if any(found) else ()

    def judged(self, rows: Sequence[ScoreRow]) -> list[int]:
        """Which of these have judgments."""
        return [number for number, row in enumerate(rows) if self.grades(row)] if self._grades else []

    def answerables(self, rows: Sequence[ScoreRow]) -> NDArray:
        """1 where the query is judged to have an answer, 0 where to have none, else -1."""
        if not self._grades:
            return np.full(len(rows), -1, dtype=np.int8)
        return np.array([self.answerable(row) for row in rows], dtype=np.int8)

    def answerable(self, row: ScoreRow) -> int:
        grades = self.grades(row)
        return int(any(grade >= self.relevant_from for grade in grades.values())) if grades else -1


def _observations(
    reader: ScoreReader,
    cache: ScoreCache,
    source: ScoreSource,
    rows: Sequence[ScoreRow],
    known: _Known,
    documents: bool,
) -> Observations:
    keys = [row.ranking for row in rows if row.ranking is not None]
    scores, offsets = cache.scores(rows, reader.scores)
    numbers: dict[tuple[str, str], int] = {}
    strata = known.strata(rows)
    role = {"rerank": "cross_encoder", "dense": "bi_encoder"}.get(source.stage, "")
    pipelines = list({id(row.pipeline): row.pipeline for row in rows}.values())
    models = [pipeline.models.get(role) for pipeline in pipelines]
    return Observations(
        source=source,
        scores=scores,
        grades=_grades(reader, rows, offsets, known),
        sizes=reader.sizes(keys) if documents else np.full(len(scores), np.nan),
        offsets=offsets,
        queries=np.array([numbers.setdefault((row.query, row.filters), len(numbers)) for row in rows]),
        top_ks=np.array([DEFAULT_TOP_K if row.top_k is None else row.top_k for row in rows]),
        answerable=known.answerables(rows),
        trace_ids=[row.trace_id for row in rows],
        texts=[row.query for row in rows],
        created_at=[row.created_at for row in rows],
        doc_ids=list(reader.doc_ids(keys)) if documents else (),
        strata=strata,
        relevant_from=known.relevant_from,
        borderline_grade=known.borderline_grade,
        dtypes=distinct(model.dtype for model in models if model is not None),
        corpora=distinct(pipeline.corpus for pipeline in pipelines),
    )


def _grades(reader: ScoreReader, rows: Sequence[ScoreRow], offsets: NDArray, known: _Known) -> NDArray:
    """Grades of all hits; only the lists of judged queries are looked at."""
    grades: NDArray = np.full(int(offsets[-1]), UNJUDGED, dtype=np.int64)
    judged = known.judged(rows)
    doc_ids = reader.doc_ids(
        [row.ranking for row in map(rows.__getitem__, judged) if row.ranking is not None]
    )
    unknown = UNJUDGED if known.unjudged_as is None else known.unjudged_as
    for number in judged:
        found = known.grades(rows[number])
        for hit in range(int(offsets[number]), int(offsets[number + 1])):
            grades[hit] = found.get(next(doc_ids), unknown)
    return grades
