"""What ``eval``, ``verdict`` and ``ab`` run on: a workspace that is ready, and the files that judge it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rankscope.cli.options import workspace_of
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.config import Settings
    from rankscope.core.trace import Trace
    from rankscope.engine.evaluation import EvaluationRun, QuerySet
    from rankscope.engine.pipeline import Pipeline
    from rankscope.engine.progress import IndexProgress
    from rankscope.engine.workspace import Workspace

__all__ = [
    "Target",
    "collection_targets",
    "load_queries",
    "run_queries",
    "with_score_cache",
    "workspace_target",
]

_SCORES_MB = 512
"""Disk that the scores of a workspace's evaluations may take; about a million pairs."""


@dataclass(frozen=True, slots=True)
class Target:
    """A workspace whose index is ready, and what judges it."""

    name: str
    workspace: Workspace
    queries: Path | None
    qrels: Path | None
    """None, like ``queries``, where the judgments in the workspace's own database are all there is."""
    left_out: int = 0
    """Bad records of the corpus that are not in the index."""


def workspace_target(folder: str | None, queries: Path | None, qrels: Path | None) -> Iterator[Target]:
    """The workspace's own corpus, with the given judgments, else those that came with its source."""
    from rankscope.corpus.judgments_io import beir_query_files
    from rankscope.engine.evaluation import pinned_precision

    workspace = workspace_of(folder)
    workspace.settings = pinned_precision(workspace.folder / "eval", workspace.settings)
    with closing(workspace):
        if queries is None or qrels is None:
            manifest = workspace.manifest
            source = Path(manifest.source) if manifest is not None else workspace.folder
            queries, qrels = beir_query_files(source) or (None, None)
            if queries is None and not _stored_grades(workspace):
                raise UsageError(
                    f"{source}: came without queries.jsonl and qrels/test.tsv, and nothing is judged yet.",
                    remedy="Judge some, or give --queries FILE and --qrels FILE, or --collection DIR.",
                )
        yield Target(workspace.name, workspace, queries, qrels)


def _stored_grades(workspace: Workspace) -> dict[str, dict[str, int]]:
    from rankscope.tracing.stored_grades import read_stored_grades

    return read_stored_grades(workspace.traces_path)


def collection_targets(
    folders: Sequence[Path], settings: Settings, work: Path | None = None
) -> Iterator[Target]:
    """Each BEIR folder indexed in a workspace of its own, one open at a time; unchanged ones are kept.

    Raises UsageError for a folder that is none when called, ahead of any work.
    """
    from rankscope.corpus.judgments_io import beir_query_files

    judged = []
    for folder in folders:
        files = beir_query_files(folder)
        if files is None:
            raise UsageError(
                f"{folder}: not a BEIR folder with judgments.",
                remedy="Expected corpus.jsonl, queries.jsonl and qrels/test.tsv in it.",
            )
        judged.append((folder.resolve(), *files))
    return _indexed(judged, settings, work)


def _indexed(
    judged: Sequence[tuple[Path, Path, Path]], settings: Settings, work: Path | None
) -> Iterator[Target]:
    from rankscope.cli.progress import show_progress
    from rankscope.corpus.loader import LoadOptions
    from rankscope.engine.evaluation import collection_workspace
    from rankscope.engine.indexing import IndexBuild
    from rankscope.stages.user_cache import user_cache_folder

    for folder, queries, qrels in judged:
        workspace = collection_workspace(folder, work or user_cache_folder() / "eval", settings)
        with closing(workspace):
            click.echo(one_line(f"{folder.name}: indexing ..."), err=True)
            # A public collection with an empty passage is still worth measuring; the report counts it.
            build = IndexBuild(workspace, folder, LoadOptions(chunking=settings.chunking, skip_bad=True))
            show_progress(build.iter_progress())
            left_out = 0 if build.report is None else build.report.skipped
            yield Target(folder.name, workspace, queries, qrels, left_out)


def load_queries(target: Target, *, relevant_from: int | None = None, limit: int | None = None) -> QuerySet:
    """The target's judged queries; judgments given in the workspace stand above those of the files."""
    from rankscope.engine.evaluation import load_query_set, stored_query_set
    from rankscope.engine.merged_grades import RESCALED
    from rankscope.tracing.judgment_log import JudgmentLog

    log = JudgmentLog(target.workspace.traces_path)
    stored, marked = log.grades(), bool(log.borderline())
    if target.queries is None or target.qrels is None:
        return stored_query_set(target.name, stored, relevant_from=relevant_from, limit=limit, marked=marked)
    loaded = load_query_set(
        target.name,
        target.queries,
        target.qrels,
        relevant_from=relevant_from,
        limit=limit,
        stored=stored,
        marked=marked,
    )
    if loaded.rescaled:
        click.echo(one_line(f"{target.name}: {RESCALED}."), err=True)
    own = {name for item in loaded.queries for name in (item.query_id, item.query.text)} & stored.keys()
    if own:
        click.echo(
            one_line(f"{target.name}: judgments given here count for {len(own):,} of the queries."), err=True
        )
    return loaded


def run_queries(
    target: Target,
    query_set: QuerySet,
    pipeline: Pipeline,
    *,
    reuse: bool = False,
    fresh: bool = False,
    variant: str = "",
    complete: Callable[[Trace], Trace] | None = None,
) -> EvaluationRun:
    """Run the judged queries with progress on stderr; what a stopped run had done is taken over."""
    from rankscope.cli.progress import show_progress
    from rankscope.engine.evaluation import EvaluationRun, unchanged

    run = EvaluationRun(
        pipeline,
        query_set,
        target.workspace.folder / "eval",
        reuse=reuse,
        fresh=fresh,
        variant=variant,
        complete=complete or unchanged,
    )
    click.echo(
        one_line(f"{target.name}: {counted(len(query_set.queries), 'judged query', 'judged queries')} ..."),
        err=True,
    )
    show_progress(_announced(run))
    _say_reused(run)
    return run


def _say_reused(run: EvaluationRun) -> None:
    """The hit rate of the kept scores, where any was hit."""
    counts = [trace.after.details for trace in run.traces if trace.after is not None]
    reused = sum(int(known.get("reused", 0)) for known in counts)
    if reused:
        scored = sum(int(known.get("scored", 0)) for known in counts)
        line = f"{reused:,} of {counted(scored, 'score')} ({reused / scored:.0%}) kept from earlier runs."
        click.echo(one_line(f"{run.query_set.name}: {line}"), err=True)


def with_score_cache(settings: Settings) -> Settings:
    """Settings under which pairs that were scored before are looked up: what an evaluation does again."""
    return settings.override("rerank", score_cache_mb=max(settings.rerank.score_cache_mb, _SCORES_MB))


def _announced(run: EvaluationRun) -> Iterator[IndexProgress]:
    """The run's progress; says first how much of an earlier run is taken over."""
    for step in run.iter_progress():
        if step.stage == "queries" and step.done == 0 and run.taken_over:
            before = counted(run.taken_over, "of them was", "of them were")
            click.echo(one_line(f"{run.query_set.name}: {before} done before."), err=True)
        yield step
