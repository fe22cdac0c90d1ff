"""The verdict on a workspace: its judged traces of one pipeline, and every judgment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace
from rankscope.engine.floors import judged_of
from rankscope.engine.judged_traces import JudgedTraces, from_store
from rankscope.errors import UsageError
from rankscope.insight.ab import Comparison, compare
from rankscope.insight.verdict.assemble import draw_verdict
from rankscope.insight.verdict.model import Verdict
from rankscope.tracing.database import connect, one_line_errors, prepare

if TYPE_CHECKING:
    from rankscope.engine.workspace import Workspace

__all__ = ["Compared", "Drawn", "compared_of", "judged_traces", "last_numbers", "rests_on", "verdict_of"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A verdict, and what it was drawn from."""

    judged: JudgedTraces
    verdict: Verdict
    source: str
    """Where the judgments came from."""

    @property
    def basis(self) -> str:
        """What the verdict rests on, as a sentence says it."""
        return rests_on(self.judged)


def rests_on(found: JudgedTraces, *, where: str = "stored") -> str:
    """Which traces a verdict is drawn from: how many, of which pipeline, since when."""
    name = (
        found.pipeline.removeprefix("sha256:")[:12]
        if found.pipeline.startswith("sha256:")
        else found.pipeline
    )
    since = min(trace.created_at for trace in found.traces)
    count = counted(len(found.traces), f"{where} trace")
    return f"from {count} of pipeline {one_line(name, 24)}, newest of each query, since {since:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Compared:
    """Two pipelines on the same queries, and what was compared."""

    a: JudgedTraces
    b: JudgedTraces
    comparison: Comparison

    def trace(self, trace_id: str) -> Trace | None:
        """A trace of either side by its id."""
        found = (trace for side in (self.a, self.b) for trace in side.traces if trace.trace_id == trace_id)
        return next(found, None)

    def grades(self, query_id: str) -> Mapping[str, int]:
        """Grades of a query by document."""
        return self.a.judgments.grades.get(query_id, {})


def judged_traces(workspace: Workspace, pipeline: str | None = None) -> tuple[JudgedTraces, str]:
    """The stored traces of judged queries of one pipeline, and where the judgments came from.

    Raises UsageError where nothing is judged or no stored trace is of a judged query.
    """
    judged = judged_of(workspace)
    if judged.judgments is None:
        raise UsageError("nothing is judged yet.", remedy="Judge some candidates, or import judgments.")
    found = from_store(
        workspace.traces_path,
        judged.judgments,
        name=workspace.name,
        strata=judged.strata,
        texts=judged.texts,
        pipeline=pipeline,
    )
    return found, judged.source


def verdict_of(workspace: Workspace, pipeline: str | None = None) -> Drawn:
    """Read and decide; takes seconds. Raises UsageError as :func:`judged_traces` does."""
    found, source = judged_traces(workspace, pipeline)
    verdict = draw_verdict(found.traces, found.judgments, strata=found.strata, settings=workspace.settings)
    return Drawn(found, verdict, source)


def compared_of(workspace: Workspace, a: str, b: str) -> Compared:
    """Pipeline ``b`` against ``a``, both named by their fingerprints; takes seconds.

    Pipelines that cut documents differently are compared by document. Raises UsageError where they have
    no judged query in common.
    """
    one, _ = judged_traces(workspace, a)
    other, _ = judged_traces(workspace, b)
    cuts = [side.traces[0].pipeline.settings.get("chunking") for side in (one, other)]
    comparison = compare(
        one.traces,
        other.traces,
        one.judgments,
        strata=one.strata,
        top_k=workspace.settings.floor.top_k,
        by_document=None not in cuts and cuts[0] != cuts[1],
    )
    return Compared(one, other, comparison)


def last_numbers(path: Path, *, busy_seconds: float = 5.0) -> tuple[int, int]:
    """Numbers of the trace and of the judgment stored last: what tells that there is something new."""
    if not path.exists():
        return 0, 0
    prepare(path, create=False, busy_seconds=busy_seconds)
    connection = connect(path, busy_seconds=busy_seconds, readonly=True)
    try:
        with one_line_errors(path):
            sql = "SELECT (SELECT max(seq) FROM traces), (SELECT max(judgment) FROM judgments)"
            trace, judgment = connection.execute(sql).fetchone()
            return trace or 0, judgment or 0
    finally:
        connection.close()
