"""Traces that can be measured: one of each judged query, from the store or from files.

Several pipelines may have left traces of the same queries. They are never mixed: those of one are taken, of
each query the newest, and the others are counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rankscope.core.counting import counted
from rankscope.core.trace import Trace, of_experiment
from rankscope.errors import InputError, UsageError
from rankscope.insight.judgments import Judgments

__all__ = ["JudgedTraces", "from_files", "from_store"]


@dataclass(frozen=True, slots=True)
class JudgedTraces:
    """Traces of judged queries, one a query, all of one pipeline."""

    name: str
    traces: tuple[Trace, ...]
    judgments: Judgments
    strata: Mapping[str, str] = field(default_factory=dict)
    pipeline: str = ""
    """Fingerprint of the pipeline, or where the traces came from when they name none."""
    others: Mapping[str, int] = field(default_factory=dict)
    """Judged queries of the pipelines that were not taken."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """``unjudged`` traces, ``older`` traces of queries that have a newer one, ``rejected`` records, traces
    ``of comparisons``."""


class _Row(NamedTuple):
    key: str
    """What the judgments know the query by."""
    trace_id: str
    pipeline: str
    newest: tuple[datetime, int]


def from_store(
    path: Path,
    judgments: Judgments,
    *,
    name: str = "",
    strata: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    pipeline: str | None = None,
) -> JudgedTraces:
    """The stored traces of judged queries of the pipeline that has most of them, or of the one named.

    Judgments are looked up by query id, else by text; ``texts`` (by query id) tells which ids and texts
    are one query. ``pipeline`` is a fingerprint or its start. Traces of experiments are taken only where
    ``pipeline`` names their origin (``eval:ab`` and a fingerprint), or a fingerprint that has no others.
    Raises UsageError when no stored trace is judged, or the pipeline has none.
    """
    from rankscope.tracing.score_rows import ScoreReader
    from rankscope.tracing.store import TraceStore
    from rankscope.tracing.summaries import TraceFilter

    ids = _ids_of(texts)
    rows: list[_Row] = []
    experiments: list[_Row] = []
    total = made_for_experiments = 0
    if path.exists():
        with ScoreReader.open(path) as reader:
            for row in reader.rows(TraceFilter()):
                apart = of_experiment(row.origin)
                made_for_experiments += apart
                total += not apart
                key = _key(judgments, ids, row.query_id, row.query)
                if key is not None:
                    made_by = row.pipeline.fingerprint or row.origin
                    if apart:
                        made_by = f"{row.origin} {row.pipeline.fingerprint}"
                    found = _Row(key, row.trace_id, made_by, (row.created_at, row.seq))
                    (experiments if apart else rows).append(found)
    apart_but_named = _of_experiments(experiments, rows, pipeline)
    if pipeline is None and experiments and not rows:
        raise UsageError(
            "no trace of a judged query is there, only those of comparisons.",
            remedy=f"Name one of their pipelines, for example {experiments[-1].pipeline[:30]!r}.",
        )
    chosen, made_by, others, older = _choose(
        apart_but_named or rows, None if apart_but_named else pipeline, total
    )
    with TraceStore(path, create=False) as store:
        traces = tuple(_under(store.get(row.trace_id), row.key) for row in chosen)
    counts = {"unjudged": total - len(rows), "older": older}
    if made_for_experiments and not apart_but_named:
        counts["of comparisons"] = made_for_experiments
    return JudgedTraces(name, traces, judgments, strata or {}, made_by, others, counts)


def from_files(
    files: Sequence[Path],
    judgments: Judgments,
    *,
    name: str = "",
    strata: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    pipeline: str | None = None,
    format_name: str | None = None,
    staged: Sequence[tuple[str, Path]] = (),
    queries: Path | None = None,
    corpus: Path | None = None,
) -> JudgedTraces:
    """The same from files of any format that can be imported; nothing is stored.

    ``staged`` are runs that become the stages of the same traces, such as ``("bm25", run)``. Raises
    InputError for a file of no known format or without a usable record.
    """
    rejected: Counter[str] = Counter()
    traces = list(_read(files, format_name, rejected))
    if staged:
        traces += _read_staged(staged, format_name, queries, corpus, rejected)
    if not traces:
        reason = next(iter(rejected), "nothing in it is a ranking")
        raise InputError(f"no trace could be read: {reason:.120}.", path=files[0] if files else staged[0][1])
    ids = _ids_of(texts)
    by_row: dict[str, Trace] = {}
    rows = []
    for number, trace in enumerate(traces):
        key = _key(judgments, ids, trace.query.query_id, trace.query.text)
        if key is not None:
            by_row[str(number)] = trace
            made_by = trace.pipeline.fingerprint or trace.origin
            rows.append(_Row(key, str(number), made_by, (trace.created_at, number)))
    chosen, made_by, others, older = _choose(rows, pipeline, len(traces))
    counts = {"unjudged": len(traces) - len(rows), "older": older, "rejected": rejected.total()}
    found = tuple(_under(by_row[row.trace_id], row.key) for row in chosen)
    return JudgedTraces(name, found, judgments, strata or {}, made_by, others, counts)


def _ids_of(texts: Mapping[str, str] | None) -> dict[str, str]:
    """Query id by text, where the text belongs to one id alone."""
    texts = texts or {}
    known = Counter(texts.values())
    return {text: query_id for query_id, text in texts.items() if known[text] == 1}


def _key(judgments: Judgments, ids: Mapping[str, str], query_id: str | None, text: str) -> str | None:
    """The query's one name: its id where there is one, else its text; None where it is not judged."""
    names = (query_id, ids.get(text), text)
    return next((name for name in names if name and judgments.is_judged(name)), None)


def _under(trace: Trace, key: str) -> Trace:
    """The trace with the id of its query, which live ones lack: two pipelines' traces are paired by it."""
    if key in (trace.query.query_id, trace.query.text):
        return trace
    return replace(trace, query=replace(trace.query, query_id=key))


def _of_experiments(experiments: Sequence[_Row], rows: Sequence[_Row], pipeline: str | None) -> list[_Row]:
    """Those of the experiments' rows that ``pipeline`` names; none where it names others, or nothing."""
    if pipeline is None or any(row.pipeline.startswith(pipeline) for row in rows):
        return []
    return [
        row
        for row in experiments
        if row.pipeline.startswith(pipeline) or row.pipeline.partition(" ")[2].startswith(pipeline)
    ]


def _choose(
    rows: Iterable[_Row], pipeline: str | None, total: int
) -> tuple[list[_Row], str, dict[str, int], int]:
    """The newest row of each query of one pipeline; its name; queries of the others; how many are older."""
    by_pipeline: dict[str, dict[str, _Row]] = defaultdict(dict)
    older: Counter[str] = Counter()
    for row in sorted(rows, key=lambda item: item.newest):
        known = by_pipeline[row.pipeline]
        older[row.pipeline] += row.key in known
        known.pop(row.key, None)
        known[row.key] = row
    if not by_pipeline:
        if not total:
            raise UsageError("there are no traces.", remedy="Run queries, or `rankscope traces import` some.")
        raise UsageError(
            f"{counted(total, 'trace')}, none of a judged query.",
            remedy="Judge some (`rankscope`, key 4), or import judgments of these queries.",
        )
    named = [name for name in by_pipeline if pipeline is None or name.startswith(pipeline)]
    if not named:
        there = ", ".join(f"{name:.24}" for name in by_pipeline)
        raise UsageError(
            f"no judged trace is of the pipeline {pipeline!r:.80}.", remedy=f"There are: {there}."
        )
    latest = {name: max(row.newest for row in found.values()) for name, found in by_pipeline.items()}
    taken = max(named, key=lambda name: (len(by_pipeline[name]), latest[name]))
    others = {name: len(found) for name, found in by_pipeline.items() if name != taken}
    return list(by_pipeline[taken].values()), taken, others, older[taken]


def _read(files: Sequence[Path], format_name: str | None, rejected: Counter[str]) -> Iterable[Trace]:
    from rankscope.tracing.formats.importer import ImportOptions
    from rankscope.tracing.formats.registry import importer_named, sniff

    for path in files:
        importer = importer_named(format_name) if format_name else sniff(path)
        if importer is None:
            raise InputError("no known format was recognised.", path=path, remedy="Name it with --format.")
        yield from _imported(importer.read(path, ImportOptions()), rejected)


def _read_staged(
    staged: Sequence[tuple[str, Path]],
    format_name: str | None,
    queries: Path | None,
    corpus: Path | None,
    rejected: Counter[str],
) -> Iterable[Trace]:
    from rankscope.tracing.formats.importer import ImportOptions
    from rankscope.tracing.formats.staged import read_staged

    outcomes = read_staged(staged, ImportOptions(), queries=queries, corpus=corpus, format_name=format_name)
    return _imported(outcomes, rejected)


def _imported(outcomes: Iterable[object], rejected: Counter[str]) -> Iterable[Trace]:
    from rankscope.tracing.formats.importer import Imported, Rejected

    for outcome in outcomes:
        if isinstance(outcome, Imported):
            yield outcome.trace
        elif isinstance(outcome, Rejected):
            rejected[f"line {outcome.line}: {outcome.reason}"] += outcome.records
