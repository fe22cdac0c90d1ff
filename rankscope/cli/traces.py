"""``rankscope traces``: list, show, import, export and prune stored traces."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import click

from rankscope.cli.traces_guess import guess_mapping
from rankscope.cli.traces_import import import_traces
from rankscope.cli.traces_why import traces_why
from rankscope.core.counting import counted
from rankscope.errors import InputError, UsageError

if TYPE_CHECKING:
    from rankscope.core.trace import Trace
    from rankscope.tracing.store import TraceStore
    from rankscope.tracing.summaries import TraceSummary

__all__ = ["command"]

EXPORTS = ("jsonl", "trec", "parquet", "moves", "openinference")
_db_option = click.option(
    "--db", type=click.Path(dir_okay=False, path_type=Path), help="Trace database; default: the workspace's."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(name="traces")
def command() -> None:
    """List, show, explain, import, export and prune stored traces.

    \b
    Example:
      rankscope traces list --limit 5
      rankscope traces show 019c1f
      rankscope traces import spans.jsonl
    """


command.add_command(import_traces)
command.add_command(guess_mapping)
command.add_command(traces_why)


@command.command(name="list")
@click.argument("words", nargs=-1)
@click.option(
    "--limit", "-l", type=click.IntRange(1), default=20, show_default=True, help="Most traces shown."
)
@click.option("--origin", help="Only this origin: live, replay, recorder, import, import:FORMAT or eval:ab.")
@click.option("--decision", type=click.Choice(["answer", "refuse"]), help="Only this decision.")
@click.option("--finding", metavar="CODE", help="Only traces with this finding, such as RS101.")
@click.option("--slower-than", type=float, metavar="MS", help="Only traces that took longer.")
@click.option("--since", metavar="DATE", help="Only traces from this moment on.")
@click.option("--parent", metavar="ID", help="Only replays of this trace; its id or the start of it.")
@_db_option
@_json_option
@click.pass_obj
def list_traces(
    workspace: str | None,
    words: tuple[str, ...],
    limit: int,
    origin: str | None,
    decision: str | None,
    finding: str | None,
    slower_than: float | None,
    since: str | None,
    parent: str | None,
    db: Path | None,
    as_json: bool,
) -> None:
    """Newest traces first; WORDS must all occur in the query.

    \b
    Example:
      rankscope traces list ibuprofen --slower-than 500
      rankscope traces list --decision refuse --json
      rankscope traces list --parent 019c1f
    """
    from rankscope.tracing.summaries import TraceFilter

    chosen = TraceFilter(
        words=words,
        origin=origin,
        decision=cast(Literal["answer", "refuse"] | None, decision),
        findings=() if finding is None else (finding,),
        slower_than_ms=slower_than,
        since=None if since is None else parse_moment(since, "--since"),
    )
    rows: list[TraceSummary] = []
    names: list[str] = []
    total = 0
    if db is not None or traces_path(workspace, db).exists():
        with opened(workspace, db) as store:
            if parent is not None:
                chosen = replace(chosen, parent_id=_whole_id(store, parent))
            rows, total = store.summaries(limit, chosen=chosen), store.count(chosen)
            names = [store.shortest_prefix(row.trace_id) for row in rows]
    if as_json:
        print_json([summary_to_json(row) for row in rows])
        return
    if not rows:
        click.echo(
            "No traces pass." if chosen != TraceFilter() else "No traces yet. Run a query first.", err=True
        )
        return
    from rankscope.cli.trace_table import list_lines, screen_width

    click.echo("\n".join(list_lines(rows, names, width=screen_width())))
    if total > len(rows):
        click.echo(f"{total - len(rows):,} more; --limit shows them.", err=True)


def _whole_id(store: TraceStore, start: str) -> str:
    """The stored id that starts so; as it is where none does: the parent may have been deleted."""
    try:
        return store.resolve(start)
    except InputError as error:
        if "several traces" in error.message:
            raise
        return start


@command.command()
@click.argument("trace_id", metavar="ID")
@click.option("--top", type=click.IntRange(1), help="Documents shown; default: K of the trace.")
@_db_option
@_json_option
@click.pass_obj
def show(workspace: str | None, trace_id: str, top: int | None, db: Path | None, as_json: bool) -> None:
    """One trace: its stages, decision and findings, and the ranks of its documents in every stage.

    ID may be shortened as long as only one trace has it.

    \b
    Example:
      rankscope traces show 019c1f
      rankscope traces show 019c1f --json
    """
    with opened(workspace, db) as store:
        trace = store.get(trace_id)
    if as_json:
        from rankscope.tracing.formats.native import to_json

        print_json(to_json(trace))
        return
    from rankscope.cli.trace_table import screen_width, trace_lines

    click.echo("\n".join(trace_lines(trace, top=top, width=screen_width())))


@command.command()
@click.argument("ids", nargs=-1)
@click.option("--format", "format_", type=click.Choice(EXPORTS), default="jsonl", show_default=True)
@click.option("--stage", help="The stage that a TREC run holds; default: the order that stands at the end.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; default: stdout."
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@_db_option
@click.pass_obj
def export(
    workspace: str | None,
    ids: tuple[str, ...],
    format_: str,
    stage: str | None,
    output: Path | None,
    force: bool,
    db: Path | None,
) -> None:
    """Write traces, oldest first; all of them where no IDS are given.

    jsonl is RankScope's own format, which import reads back equal; moves is a CSV of rank moves.

    \b
    Example:
      rankscope traces export -o traces.jsonl
      rankscope traces export 019c1f 019c20 > two.jsonl
      rankscope traces export --format trec --stage rerank -o rerank.run
    """
    from rankscope.tracing.formats.native import dumps

    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} exists.", remedy="Name another file, or add --force.")
    if format_ != "jsonl" or stage is not None:
        _export_as(format_, stage, ids, output, workspace, db)
        return
    count = 0
    with opened(workspace, db) as store, output_stream(output) as stream:
        traces: Iterator[Trace] = map(store.get, ids) if ids else store.iter_traces(oldest_first=True)
        for trace in traces:
            stream.write(dumps(trace) + "\n")
            count += 1
    click.echo(f"{counted(count, 'trace')} exported.", err=True)


def _export_as(
    format_: str,
    stage: str | None,
    ids: tuple[str, ...],
    output: Path | None,
    workspace: str | None,
    db: Path | None,
) -> None:
    """Write a format for other programs, under another name until the file is complete."""
    from rankscope.tracing.formats.export.registry import export_traces

    if output is None:
        raise UsageError(f"{format_} is written to a file.", remedy="Name it with -o.")
    part = output.with_name(f"{output.name}.part")
    part.touch(mode=0o600)
    try:
        with opened(workspace, db) as store:
            traces: Iterator[Trace] = map(store.get, ids) if ids else store.iter_traces(oldest_first=True)
            count = export_traces(traces, part, format_, stage=stage)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    click.echo(f"{counted(count, 'trace')} exported.", err=True)


@command.command()
@click.option("--before", metavar="DATE", help="Delete traces older than this moment, such as 2026-01-31.")
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Delete all but the newest N.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@_db_option
@click.pass_obj
def prune(workspace: str | None, before: str | None, keep: int | None, yes: bool, db: Path | None) -> None:
    """Delete old traces and the texts that only they refer to; asks first.

    With both options a trace goes only if both say so.

    \b
    Example:
      rankscope traces prune --before 2026-01-01
      rankscope traces prune --keep 10000 --yes
    """
    if before is None and keep is None:
        raise UsageError("nothing says which traces to delete.", remedy="Give --before DATE or --keep N.")
    moment = None if before is None else parse_moment(before, "--before")
    with opened(workspace, db) as store:
        count = store.count_prunable(before=moment, keep=keep)
        total = store.count()
        if count == 0:
            stay = "the only trace stays" if total == 1 else f"all {total:,} traces stay"
            click.echo(f"Nothing to delete: {stay}.", err=True)
            return
        if not yes:
            click.confirm(f"Delete {count:,} of {counted(total, 'trace')}?", abort=True, err=True)
        deleted = store.prune(before=moment, keep=keep)
        left = store.count()
    click.echo(f"{counted(deleted, 'trace')} deleted, {left:,} left.", err=True)


def traces_path(workspace: str | None, db: Path | None) -> Path:
    """The database that was named, else the one of the workspace."""
    if db is not None:
        return db
    from rankscope.engine.workspace import find_workspace

    return find_workspace(workspace).traces_path


@contextmanager
def opened(workspace: str | None, db: Path | None) -> Iterator[TraceStore]:
    """The trace store, which must exist. Raises WorkspaceError."""
    from rankscope.tracing.store import TraceStore

    with TraceStore(traces_path(workspace, db), create=False) as store:
        yield store


@contextmanager
def output_stream(path: Path | None) -> Iterator[IO[str]]:
    """Stdout, or a private file that appears under its name once it is complete."""
    if path is None:
        yield sys.stdout
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def parse_moment(text: str, option: str) -> datetime:
    """A date or a time in ISO form; without a zone it is this machine's local time."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text!r} is no date.", remedy="For example 2026-01-31 or 2026-01-31T12:00:00Z."
        ) from None


def print_json(value: object) -> None:
    """One JSON document on stdout, ASCII so that no text of a trace reaches the terminal raw."""
    click.echo(json.dumps(value, indent=2))


def summary_to_json(row: TraceSummary) -> dict[str, Any]:
    """A list's row; the keys that a trace as JSON has too mean the same."""
    from rankscope.tracing.json_text import format_time

    return {
        "id": row.trace_id,
        "created_at": format_time(row.created_at),
        "origin": row.origin,
        "parent_id": row.parent_id,
        "query": row.query,
        "decision": row.decision,
        "total_ms": row.total_ms,
        "top_doc": row.top_doc,
        "top_score": row.top_score,
        "moved_doc": row.moved_doc,
        "moved": row.moved,
        "findings": row.finding_count,
    }
