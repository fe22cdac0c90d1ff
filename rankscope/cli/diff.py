"""``rankscope diff``: two traces, or two groups of traces."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.judged_source import say_rescaled
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.comparing import Comparison, Side
    from rankscope.engine.workspace import Workspace
    from rankscope.insight.judgments import Judgments
    from rankscope.tracing.store import TraceStore

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", required=False)
@click.option(
    "--top", "-k", "top_k", type=click.IntRange(1), help="K of the comparison; default: the traces'."
)
@click.option("--measure", "measures", multiple=True, help="A measure of ir-measures; repeatable.")
@click.option("--queries", type=_FILE, help="Queries of the judgments: BEIR .jsonl, or id, tab, text.")
@click.option("--qrels", type=_FILE, help="Judgments; default: those beside the corpus and in the store.")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="Trace database.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(workspace_folder: str | None, /, **given: Any) -> None:
    """Say what changed from A to B: moves, stages, times, decisions and why they flipped.

    A and B are each a trace id or its start; a filter as in `traces list`, such as origin:import,
    since:2026-01-31 or parent:ID; job:KEY, the traces of one replay; or a file of traces. A may be the word
    parents: the traces that B's replays were made from. With A alone, a replay beside its parent.

    Groups are paired by parent, else by query id, else by query text. With judgments, measures get a paired
    bootstrap interval; scores of different models or scales are never compared.

    \b
    Example:
      rankscope diff 019c1f 019c20
      rankscope diff parents origin:replay --measure nDCG@10 --measure AP
      rankscope diff before.jsonl after.jsonl --qrels qrels.tsv --json
    """
    from rankscope.engine.workspace import find_workspace

    workspace = find_workspace(workspace_folder)
    with closing(workspace), _store(workspace, given["db"]) as store:
        comparison = _sides(store, given["before"], given["after"])
        if comparison.before.single and comparison.after.single:
            _show_pair(comparison, given["top_k"], as_json=given["as_json"])
        else:
            judgments = _judgments(workspace, given)
            _show_groups(comparison, store, workspace, judgments, given)


def _store(workspace: Workspace, db: Path | None) -> Any:
    """The trace store, or None where there is none and files may do."""
    from rankscope.tracing.store import TraceStore

    path = db if db is not None else workspace.traces_path
    return TraceStore(path, create=False) if db is not None or path.exists() else nullcontext(None)


def _sides(store: TraceStore | None, before: str, after: str | None) -> Comparison:
    from rankscope.engine.comparing import PARENTS, compare_sides, parents_of, select_side

    now = datetime.now(UTC)
    if after == PARENTS:
        raise UsageError("parents are what came before.", remedy="Write `rankscope diff parents B`.")
    if after is None or before == PARENTS:
        second: Side = select_side(store, before if after is None else after, now=now)
        if store is None:
            raise UsageError("the parents of traces in a file are not known.", remedy="Name both sides.")
        return compare_sides(parents_of(store, second), second)
    return compare_sides(select_side(store, before, now=now), select_side(store, after, now=now))


def _show_pair(comparison: Comparison, top_k: int | None, *, as_json: bool) -> None:
    from rankscope.insight.diff import diff_traces

    (pair,) = comparison.pairs()
    diff = diff_traces(*pair, top_k=top_k)
    if as_json:
        from rankscope.cli.diff_json import trace_diff_to_json
        from rankscope.cli.traces import print_json

        print_json(trace_diff_to_json(diff))
        return
    from rankscope.cli.diff_output import pair_lines
    from rankscope.cli.trace_table import screen_width

    click.echo("\n".join(pair_lines(diff, width=screen_width())))


def _show_groups(
    comparison: Comparison,
    store: TraceStore | None,
    workspace: Workspace,
    judgments: Judgments | None,
    given: dict[str, Any],
) -> None:
    from rankscope.insight.diff import diff_groups

    diff = diff_groups(
        comparison.pairs(),
        judgments=judgments,
        measures=_measures(workspace, given["measures"]) if judgments is not None else (),
        top_k=given["top_k"],
    )
    if given["as_json"]:
        from rankscope.cli.diff_json import group_diff_to_json
        from rankscope.cli.traces import print_json

        print_json(group_diff_to_json(diff, comparison))
        return
    from rankscope.cli.diff_output import group_lines
    from rankscope.cli.trace_table import screen_width

    def short(trace_id: str) -> str:
        return trace_id[:8] if store is None else store.shortest_prefix(trace_id)

    click.echo("\n".join(group_lines(diff, comparison, short, width=screen_width())))


def _judgments(workspace: Workspace, given: dict[str, Any]) -> Judgments | None:
    """What is judged; None where nothing is, unless measures were asked for."""
    from rankscope.engine.floors import judged_of

    path = given["db"] if given["db"] is not None else workspace.traces_path
    judged = judged_of(workspace, given["queries"], given["qrels"], traces_path=path, stored=path.exists())
    if judged.judgments is None and given["measures"]:
        raise UsageError("there are no judgments to measure with.", remedy="Give --qrels FILE.")
    say_rescaled(judged)
    return judged.judgments


def _measures(workspace: Workspace, named: Sequence[str]) -> tuple[str, ...]:
    from rankscope.insight.metrics import measure_names

    if named:
        return tuple(dict.fromkeys(named))
    settings = workspace.settings
    return measure_names(settings.retrieval.candidates, settings.floor.top_k)
