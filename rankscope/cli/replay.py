"""``rankscope replay``: saved traces through today's reranker or pipeline."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.options import with_overrides
from rankscope.core.counting import counted
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.config import Settings
    from rankscope.engine.replay import NotReplayed, Replay, Replayed, ReplayEvent, ReplayProgress
    from rankscope.engine.workspace import Workspace
    from rankscope.tracing.store import TraceStore

__all__ = ["command"]

_REDRAW_S = 0.2
_LOG_S = 30.0
"""Seconds between two lines where nothing can be redrawn."""
_SHOWN = 20
"""Most changed traces in the table."""


@click.command(name="replay")
@click.argument("selections", nargs=-1, metavar="[ID or FILTER]...")
@click.option("--all", "everything", is_flag=True, help="Every stored trace that is no replay itself.")
@click.option("--rerank-only", "mode", flag_value="rerank-only", default="rerank-only", help="The default.")
@click.option("--full", "mode", flag_value="full", help="The query through the whole pipeline of today.")
@click.option("-n", "--candidates", type=click.IntRange(1), help="N: only so many candidates are reranked.")
@click.option("-k", "--top-k", type=click.IntRange(1), help="K: most documents that are kept.")
@click.option("--floor", help="Relevance floor on the reranker's scale, or 'none'.")
@click.option("--model", help="Another reranker: the bundled one, a folder, or a downloaded hub name.")
@click.option("--name", default="", help="Another name replays again what was replayed unchanged.")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="Trace database.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(workspace_folder: str | None, /, **given: Any) -> None:
    """Run saved traces again and show what changed; the new traces are stored beside the old ones.

    --rerank-only sends the saved candidates through today's reranker and needs no index. --full sends the
    query through today's pipeline. Today's floor and K decide. Traces are named by ids (or their start) or
    by a filter as in `traces list`, such as origin:import. A replay that was stopped or killed goes on where
    it was when the same command is run again; what was replayed before is not replayed twice.

    \b
    Example:
      rankscope replay 019c1f
      rankscope replay --all --model ./my-reranker
      rankscope replay origin:import --full -n 100 --json
    """
    from rankscope.engine.replay import Replay
    from rankscope.engine.replay_today import today_of
    from rankscope.engine.workspace import find_workspace

    if bool(given["selections"]) == given["everything"]:
        raise UsageError("nothing says which traces.", remedy="Name some, or give --all, not both.")
    workspace = find_workspace(workspace_folder)
    with closing(workspace), _store(workspace, given["db"]) as store:
        ids = _chosen(store, given["selections"])
        settings = _settings(workspace.settings, given)
        if given["mode"] == "full":
            _prepare(workspace)
        today = today_of(workspace, given["mode"], settings)
        candidates = given["candidates"] if given["mode"] == "rerank-only" else None
        replay = Replay(store, ids, today, candidates=candidates, name=given["name"])
        outcome = Outcome()
        with Progress() as progress:
            for event in replay.iter_events():
                outcome.add(event)
                progress.show(event)
        if given["as_json"]:
            from rankscope.cli.traces import print_json

            print_json(outcome.as_json(replay))
        else:
            click.echo("\n".join(outcome.lines(replay, store)))
    if replay.not_replayed and not replay.replayed and not replay.known:
        sys.exit(2)


def _store(workspace: Workspace, db: Path | None) -> TraceStore:
    from rankscope.tracing.store import TraceStore

    return TraceStore(db if db is not None else workspace.traces_path, create=False)


def _prepare(workspace: Workspace) -> None:
    from rankscope.cli.progress import show_progress

    show_progress(workspace.prepare())


def _settings(settings: Settings, given: dict[str, Any]) -> Settings:
    """Today's settings with what the command line says in their place."""
    settings = with_overrides(settings, top_k=given["top_k"], floor=given["floor"])
    if given["mode"] == "full":
        settings = with_overrides(settings, candidates=given["candidates"])
    if given["model"] is not None:
        folder = Path(given["model"])
        settings = settings.override(
            "rerank", model=str(folder.resolve()) if folder.is_dir() else given["model"]
        )
    return settings


def _chosen(store: TraceStore, selections: Iterable[str]) -> list[str]:
    """Ids of the named traces; of all that are no replays where none is named."""
    from rankscope.engine.comparing import select_side
    from rankscope.engine.replay import replayable_ids

    now = datetime.now(UTC)
    chosen = [key.trace_id for text in selections for key in select_side(store, text, now=now).keys]
    if selections:
        return chosen
    ids = replayable_ids(store)
    if not ids:
        raise UsageError("there is no trace to replay.", remedy="Run a query or import traces first.")
    return ids


class Outcome:
    """What a person wants to know of a replay: totals, and the traces that changed."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.passed_over: list[NotReplayed] = []

    def add(self, event: ReplayEvent) -> None:
        """Keep numbers and names of a replayed trace, and drop the trace."""
        from rankscope.engine.replay import NotReplayed, Replayed

        if isinstance(event, NotReplayed):
            self.passed_over.append(event)
        elif isinstance(event, Replayed):
            self.rows.append(_row(event))

    def as_json(self, replay: Replay) -> dict[str, Any]:
        """Everything, one object a trace."""
        return {
            "job": replay.job,
            "mode": replay.today.mode,
            "replayed": replay.replayed,
            "known": replay.known,
            "not_replayed": [{"id": item.parent_id, "reason": item.reason} for item in self.passed_over],
            "incomplete": replay.incomplete,
            "pairs": replay.pairs,
            "traces": [{key: value for key, value in row.items() if key != "line"} for row in self.rows],
        }

    def lines(self, replay: Replay, store: TraceStore) -> list[str]:
        """Counts, then the traces whose decision or first document changed, decisions first."""
        from rankscope.core.sanitize import one_line

        lines = [
            f"{counted(replay.replayed, 'trace')} replayed ({replay.today.mode}, "
            f"{counted(replay.pairs, 'pair')}), {replay.known:,} replayed before, "
            f"{replay.not_replayed:,} not replayable"
        ]
        lines += [
            f"  {store.shortest_prefix(item.parent_id)}: {item.reason}" for item in self.passed_over[:_SHOWN]
        ]
        partly = [row for row in self.rows if not row["complete"]]
        lines += [f"{len(partly):,} of them only in part:"] if partly else []
        lines += [
            f"  {store.shortest_prefix(row['parent_id'])}: {row['coverage_line']}" for row in partly[:_SHOWN]
        ]
        flips = [row for row in self.rows if row["flip"] is not None]
        changed = [row for row in self.rows if row["top_changed"] and row["flip"] is None]
        lines.append(
            f"{counted(len(flips), 'decision')} flipped, "
            f"{counted(len(changed), 'more has', 'more have')} another first document, "
            f"{len(self.rows) - len(flips) - len(changed):,} neither"
        )
        for row in flips[:_SHOWN]:
            flip = row["flip"]
            head = f"  {store.shortest_prefix(row['parent_id'])} → {store.shortest_prefix(row['id'])}"
            lines.append(f"{head}  {flip['before']} → {flip['after']}  {one_line(row['query'], 60)}")
            lines.append(f"      {one_line(flip['reason'], 200)}")
        rest = len(flips) - _SHOWN
        lines += [f"  and {rest:,} more"] if rest > 0 else []
        if self.rows:
            lines.append(f"\nrankscope diff parents job:{replay.job[:12]}   shows all of it")
        return lines


def _row(event: Replayed) -> dict[str, Any]:
    from rankscope.insight.diff import diff_traces

    diff = diff_traces(event.parent, event.trace)
    flip = diff.flip
    return {
        "id": event.trace.trace_id,
        "parent_id": event.parent.trace_id,
        "query": event.parent.query.text,
        "known": event.known,
        "complete": event.coverage.complete,
        "coverage": event.coverage.as_json(),
        "coverage_line": event.coverage.line,
        "decision": [event.parent.decision, event.trace.decision],
        "flip": None
        if flip is None
        else {
            "before": flip.before,
            "after": flip.after,
            "cause": flip.cause,
            "reason": flip.reason,
            "doc_id": flip.doc_id,
        },
        "top_changed": diff.movement.top_changed,
        "overlap": diff.movement.overlap,
        "rbo": diff.movement.rbo,
        "tau": diff.movement.tau,
    }


class Progress:
    """A line on stderr: redrawn on a terminal, one every half minute elsewhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._live = sys.stderr.isatty()
        self._drawn = 0.0 if self._live else clock()
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def show(self, event: ReplayEvent) -> None:
        """Draw a progress event, now and then."""
        from rankscope.engine.replay import ReplayProgress

        if not isinstance(event, ReplayProgress):
            return
        now = self._clock()
        if now - self._drawn < (_REDRAW_S if self._live else _LOG_S):
            return
        self._drawn = now
        line = progress_line(event)
        click.echo(f"\r\x1b[K{line}" if self._live else line, nl=not self._live, err=True)
        self._shown = self._live

    def __exit__(self, *details: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)


def progress_line(step: ReplayProgress) -> str:
    """Counts, rate, time left."""
    from rankscope.cli.progress import duration

    left = "" if step.eta_s is None else f"  {duration(step.eta_s)} left"
    share = step.done / step.total if step.total else 1.0
    bar = "█" * round(share * 24)
    return (
        f"replaying  {bar:·<24} {step.done:,} of {counted(step.total, 'trace')}  "
        f"{counted(step.pairs, 'pair')}, {step.rate:,.0f}/s{left}"
    )
