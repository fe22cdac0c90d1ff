"""Traces that exist already, as ``eval``, ``verdict`` and ``ab`` take them: stored ones, or files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.floors import Judged
    from rankscope.engine.judged_traces import JudgedTraces
    from rankscope.insight.judgments import Judgments

__all__ = ["Given", "given_traces", "said_of", "say_rescaled"]


@dataclass(frozen=True, slots=True)
class Given:
    """Which traces, and who judged them."""

    stored: bool = False
    files: tuple[Path, ...] = ()
    staged: tuple[str, ...] = ()
    """``STAGE=FILE``: runs that become the stages of the same traces."""
    pipeline: str | None = None
    queries: Path | None = None
    qrels: Path | None = None
    relevant_from: int | None = None
    """None: 2 where documents are marked as borderline, else 1."""

    @property
    def any(self) -> bool:
        """Whether traces are to be taken rather than made."""
        return self.stored or bool(self.files or self.staged)

    def check(self) -> None:
        """Raise UsageError for options that contradict one another."""
        if self.stored and (self.files or self.staged):
            raise UsageError("--traces takes the stored traces.", remedy="Leave --from and --as out.")
        if self.pipeline is not None and not self.any:
            raise UsageError(
                "--pipeline chooses among traces that exist.", remedy="Add --traces or --from FILE."
            )


def given_traces(folder: str | None, given: Given) -> JudgedTraces:
    """The traces that the options name, one of each judged query. Raises UsageError where none is judged."""
    from rankscope.engine.floors import judged_of
    from rankscope.engine.judged_traces import from_files, from_store
    from rankscope.engine.workspace import find_workspace

    workspace = find_workspace(folder)
    judged = judged_of(workspace, given.queries, given.qrels)
    if judged.judgments is None:
        raise UsageError(
            "there are no judgments.", remedy="Judge some queries, or give --qrels FILE (and --queries FILE)."
        )
    say_rescaled(judged)
    judgments: Judgments = judged.judgments
    if given.relevant_from is not None:
        judgments = replace(judgments, relevant_from=given.relevant_from)
    if given.stored:
        return from_store(
            workspace.traces_path,
            judgments,
            name=workspace.name,
            strata=judged.strata,
            texts=judged.texts,
            pipeline=given.pipeline,
        )
    names = [path.name for path in given.files] or [item.partition("=")[2] for item in given.staged]
    return from_files(
        given.files,
        judgments,
        name=Path(names[0]).stem,
        strata=judged.strata,
        texts=judged.texts,
        pipeline=given.pipeline,
        staged=_runs(given.staged),
        queries=given.queries,
    )


def say_rescaled(judged: Judged) -> None:
    """Say on stderr where grades of a file were raised to the scale of the stored ones."""
    if judged.rescaled:
        click.echo(one_line(f"judgments: {judged.source}."), err=True)


def _runs(staged: Sequence[str]) -> list[tuple[str, Path]]:
    runs = []
    for item in staged:
        stage, equals, name = item.partition("=")
        if not equals or not stage or not name:
            raise UsageError(
                f"--as {item!r:.80} is not STAGE=FILE.", remedy="For example --as bm25=run.trec."
            )
        if not Path(name).is_file():
            raise UsageError(f"--as {stage}: {name} is no file.")
        runs.append((stage, Path(name)))
    return runs


def said_of(found: JudgedTraces) -> str:
    """Where traces came from, and which were not taken."""
    said = f"{counted(len(found.traces), 'trace')} of {found.pipeline:.24}"
    if found.others:
        rest = ", ".join(
            f"{name:.24} ({counted(count, 'query', 'queries')})" for name, count in found.others.items()
        )
        said += f"; not mixed in: {rest}"
    left = [f"{count:,} {name}" for name, count in found.counts.items() if count]
    return f"{said}; left out: {', '.join(left)}" if left else said
