"""Running a judged query set through a pipeline, query by query, in a way that survives being killed.

Each finished trace is appended to a log as one line of ``rankscope.trace/1`` (without texts and most
details), so a second run goes on where the first was stopped. The log is named after everything that the
outcome depends on: corpus, models, settings, floor, K and RankScope's version.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rankscope import __version__
from rankscope.config import Settings
from rankscope.core.cancellation import never
from rankscope.core.counting import counted
from rankscope.core.documents import Query
from rankscope.core.protocols import DocumentSource
from rankscope.core.trace import PipelineInfo, Ranking, Trace
from rankscope.corpus.judgments_io import JudgedQuery, read_qrels, read_queries
from rankscope.engine.merged_grades import lowest_relevant, merge_grades
from rankscope.engine.pipeline import Pipeline
from rankscope.engine.progress import IndexProgress, ProgressClock
from rankscope.engine.trace_log import TraceLog
from rankscope.engine.workspace import Workspace
from rankscope.errors import Cancelled, InputError, UsageError, WorkspaceBusy
from rankscope.insight.judgments import Judgments

__all__ = [
    "EvaluationRun",
    "QuerySet",
    "collection_workspace",
    "load_query_set",
    "pinned_precision",
    "stored_query_set",
]


_KEPT = ("tokens", "tokens_cut")
"""Details of a hit that say whether a passage fits the models' windows."""
_PRECISION = "precision.json"


def unchanged(trace: Trace) -> Trace:
    """The ``complete`` of a run that measures nothing besides."""
    return trace


@dataclass(frozen=True, slots=True)
class QuerySet:
    """The judged queries of one collection, and what was left out of them."""

    name: str
    queries: tuple[JudgedQuery, ...]
    judgments: Judgments
    judged: int
    """Judged queries before a limit was applied."""
    unjudged: int
    """Queries that no judgment speaks of: left out, since nothing can be said about them."""
    unknown: int
    """Judged query ids that the file of queries does not have."""
    rescaled: bool = False
    """Whether the file's grades were raised to the scale of the stored ones, which is to be said."""

    @property
    def strata(self) -> dict[str, str]:
        """Stratum by query id."""
        return {item.query_id: item.stratum for item in self.queries}

    def counts(self, documents: DocumentSource) -> dict[str, int]:
        """What the figures do not cover: queries left out, and relevant documents that cannot be found."""
        relevant = {doc_id for item in self.queries for doc_id in self.judgments.relevant(item.query_id)}
        return {
            "left_out_by_limit": self.judged - len(self.queries),
            "unjudged": self.unjudged,
            "unknown_queries": self.unknown,
            "unknown_relevant": len(relevant) - len(documents.fetch(sorted(relevant))),
        }


def load_query_set(
    name: str,
    queries: Path,
    qrels: Path,
    *,
    relevant_from: int | None = None,
    limit: int | None = None,
    stored: Mapping[str, Mapping[str, int]] | None = None,
    marked: bool = False,
) -> QuerySet:
    """Read queries and judgments; with ``limit``, a fixed random sample of that many judged queries.

    ``stored`` are grades by query id or text that stand above those of the files; with ``marked`` some of
    them are marked as borderline, which is grade 1, and 2 is the lowest relevant one where
    ``relevant_from`` says nothing. Raises CorpusError for a bad line, UsageError when not one of the
    queries is judged.
    """
    known = read_queries(queries)
    texts = {item.query_id: item.query.text for item in known}
    merged = merge_grades(read_qrels(qrels), stored or {}, texts, marked=marked)
    judgments = Judgments(merged.grades, relevant_from or lowest_relevant(marked))
    if not any(judgments.is_judged(item.query_id) for item in known):
        raise UsageError(
            f"{qrels}: judges none of the {counted(len(known), 'query', 'queries')} of {queries}.",
            remedy="Their query ids must be the same.",
        )
    return replace(_query_set(name, known, judgments, limit), rescaled=merged.rescaled)


def stored_query_set(
    name: str,
    grades: Mapping[str, Mapping[str, int]],
    *,
    relevant_from: int | None = None,
    limit: int | None = None,
    marked: bool = False,
) -> QuerySet:
    """The queries that were judged in the workspace itself: their texts are their ids."""
    known = [JudgedQuery(Query(text, query_id=text)) for text in grades if text.strip()]
    return _query_set(name, known, Judgments(grades, relevant_from or lowest_relevant(marked)), limit)


def _query_set(name: str, known: Sequence[JudgedQuery], judgments: Judgments, limit: int | None) -> QuerySet:
    judged = [item for item in known if judgments.is_judged(item.query_id)]
    chosen = judged
    if limit is not None and limit < len(judged):
        places = sorted(random.Random(0).sample(range(len(judged)), limit))  # noqa: S311  # not for secrets
        chosen = [judged[place] for place in places]
    return QuerySet(
        name=name,
        queries=tuple(chosen),
        judgments=judgments.only(item.query_id for item in chosen),
        judged=len(judged),
        unjudged=len(known) - len(judged),
        unknown=len(judgments.grades.keys() - {item.query_id for item in known}),
    )


def collection_workspace(source: Path, work: Path, settings: Settings) -> Workspace:
    """The workspace under ``work`` in which a collection is indexed: one a source folder and version."""
    path = source.resolve()
    digest = hashlib.sha256(os.fsencode(path) + b"\0" + __version__.encode()).hexdigest()[:8]
    folder = work / f"{path.name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Workspace(folder, settings=pinned_precision(folder / "eval", settings))


def pinned_precision(folder: Path, settings: Settings) -> Settings:
    """The settings with ``auto`` precision decided once for the evaluations in ``folder``.

    Which number format is faster is measured, and may come out either way on a loaded machine; scores of
    the two differ a little. What was chosen is remembered, so that a run that is resumed or repeated is
    made of one of them. Explicit settings are obeyed.
    """
    if settings.models.precision != "auto":
        return settings
    from rankscope.stages.dense.precision import choose_device, choose_dtype

    device = choose_device(settings.models.device)
    path = folder / _PRECISION
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    chosen = known.get(device.type) if isinstance(known, dict) else None
    if chosen not in ("fp32", "bf16"):
        chosen = "bf16" if str(choose_dtype("auto", device)) == "torch.bfloat16" else "fp32"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        staged = path.with_suffix(f".{os.getpid()}.tmp")
        staged.write_text(json.dumps({device.type: chosen}) + "\n", encoding="utf-8")
        staged.replace(path)
    return settings.override("models", precision=chosen)


class EvaluationRun:
    """One query set through one pipeline. ``traces`` holds the outcome, in the order of the queries.

    What an earlier run left in its log is taken over until its caller has settled it, so that a command
    over several collections resumes as a whole. A settled log is computed again, unless ``reuse``; with
    ``fresh`` nothing of an earlier run is used.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        query_set: QuerySet,
        folder: Path,
        *,
        reuse: bool = False,
        fresh: bool = False,
        variant: str = "",
        complete: Callable[[Trace], Trace] = unchanged,
    ) -> None:
        """``complete`` adds to each finished trace what a run of this ``variant`` measures besides."""
        # Judged queries follow upon one another by chance: none is a follow-up.
        self.pipeline = replace(pipeline, gate=replace(pipeline.gate, follow_up=False))
        self.query_set = query_set
        self.folder = folder
        self.traces: tuple[Trace, ...] = ()
        self.taken_over = 0
        """Traces that an earlier run had computed."""
        self._reuse = reuse
        self._fresh = fresh
        self._variant = variant
        self._complete = complete
        self._settled: Path | None = None

    def iter_progress(self, cancelled: Callable[[], bool] = never) -> Iterator[IndexProgress]:
        """Run what is missing. Raises Cancelled when stopped; what was done by then is kept.

        Raises InputError at the first query when a stage fails there: a configuration that cannot work
        is said at once and not after all queries. WorkspaceBusy when another process has the same log.
        """
        import filelock

        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield IndexProgress("models", 0, 1, 0.0, None)
        path = self.folder / f"{self._identity()}.jsonl"
        lock = filelock.FileLock(path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise WorkspaceBusy(
                f"{path}: another process is running the same evaluation.", remedy="Wait for it."
            ) from None
        try:
            yield IndexProgress("models", 1, 1, 0.0, None)
            self._settled = path.with_suffix(".settled")
            yield from self._run(TraceLog(path), cancelled)
        finally:
            lock.release()

    def _run(self, log: TraceLog, cancelled: Callable[[], bool]) -> Iterator[IndexProgress]:
        queries = self.query_set.queries
        done = self._take_over(log)
        missing = [item for item in queries if item.query_id not in done]
        clock = ProgressClock("queries", len(missing))
        yield clock.at(0)
        for place, item in enumerate(missing, start=1):
            try:
                trace = self._complete(self.pipeline.run(item.query, cancelled=cancelled))
            except (Cancelled, KeyboardInterrupt):
                raise Cancelled(
                    "the evaluation was stopped;", remedy="run the same command again to resume."
                ) from None
            if not done:
                _refuse_failed(trace)
            done[item.query_id] = _slim(trace)
            log.append(done[item.query_id])
            yield clock.at(place)
        self.traces = tuple(done[item.query_id] for item in queries)

    def _take_over(self, log: TraceLog) -> dict[str, Trace]:
        """Traces of an earlier run that still hold, by query id; the log is emptied when none shall."""
        assert self._settled is not None
        if self._fresh or (self._settled.exists() and not self._reuse):
            log.clear()
            self._settled.unlink(missing_ok=True)
        wanted = {item.query_id: item.query for item in self.query_set.queries}
        done: dict[str, Trace] = {}
        for trace in log.read():
            query_id = trace.query.query_id or ""
            if wanted.get(query_id) == trace.query:
                done[query_id] = trace
        self.taken_over = len(done)
        return done

    def settle(self) -> None:
        """Say that the outcome has been reported: the next run computes it again. Call after the run."""
        assert self._settled is not None
        self._settled.touch()

    def _identity(self) -> str:
        """Name of the log: a hash of all that the outcome depends on."""
        described: PipelineInfo = self.pipeline.describe()
        parts = [
            __version__,
            described.fingerprint,
            repr(self.pipeline.floor),
            str(self.pipeline.top_k),
            repr(self.pipeline.gate),
            self._variant,
            *(f"{item.query_id}\0{item.query.text}" for item in self.query_set.queries),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _refuse_failed(trace: Trace) -> None:
    for ranking in trace.rankings:
        if ranking.status.startswith("failed:"):
            raise InputError(f"stage {ranking.stage} failed: {ranking.status.removeprefix('failed:')}")


def _slim(trace: Trace) -> Trace:
    """The trace without texts and most details: what measuring needs, in a fraction of the space."""
    return replace(trace, documents={}, rankings=tuple(_bare(ranking) for ranking in trace.rankings))


def _bare(ranking: Ranking) -> Ranking:
    return replace(
        ranking,
        hits=tuple(
            replace(hit, details={name: value for name, value in hit.details.items() if name in _KEPT})
            for hit in ranking.hits
        ),
    )
