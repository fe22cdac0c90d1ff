"""``rankscope gate``: when the reranker is not called: what that would save and cost, and setting it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.judged_source import say_rescaled
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.config import GateSettings, Settings
    from rankscope.core.trace import Trace
    from rankscope.insight.gate_sweep import GateSweep, SweepPoint
    from rankscope.insight.judgments import Judgments

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_SIGNALS = ("fusion", "bm25", "dense")


@click.group(name="gate")
def command() -> None:
    """Choose when the reranker is not called.

    \b
    Example:
      rankscope gate sweep
      rankscope gate set 0.0124 --signal fusion
      rankscope gate show
    """


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(workspace: str | None, as_json: bool) -> None:
    """The gate that the workspace's settings have.

    \b
    Example:
      rankscope gate show --json
    """
    from rankscope.engine.workspace import find_workspace

    gate = find_workspace(workspace).settings.gate
    if as_json:
        _print_json(asdict(gate))
    else:
        click.echo(_said(gate))


@command.command(name="set")
@click.argument("gap", type=click.FloatRange(0))
@click.option("--signal", type=click.Choice(_SIGNALS), help="List that the gap is taken from.")
@click.option("--few", type=click.IntRange(0), help="Skip for no more candidates than this; 0 is off.")
@click.option("--follow-up/--no-follow-up", default=None, help="Skip for the query before's candidates.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def set_(
    workspace: str | None,
    gap: float,
    signal: str | None,
    few: int | None,
    follow_up: bool | None,
    as_json: bool,
) -> None:
    """Write the gate to rankscope.toml: skip where rank 1 leads rank 10 by GAP or more; 0 turns it off.

    \b
    Example:
      rankscope gate set 0.0124
      rankscope gate set 0 --follow-up
    """
    from rankscope.config import FILE_NAME
    from rankscope.engine.settings_file import write_settings
    from rankscope.engine.workspace import find_workspace

    found = find_workspace(workspace)
    given = {"gap": gap, "signal": signal, "few": few, "follow_up": follow_up}
    values = {name: value for name, value in given.items() if value is not None}
    gate = found.settings.override("gate", **values).gate  # refused before anything is written
    write_settings(found.folder / FILE_NAME, "gate", values)
    if as_json:
        _print_json(asdict(gate))
    else:
        click.echo(_said(gate))


@command.command()
@click.option("--traces", "stored", is_flag=True, help="Take the stored traces instead of running queries.")
@click.option("--pipeline", help="With --traces: fingerprint of the pipeline, or its start.")
@click.option("--queries", type=_FILE, help="Queries: BEIR .jsonl, or lines of id, tab, text.")
@click.option("--qrels", type=_FILE, help="Judgments: BEIR .tsv or TREC qrels.")
@click.option("--collection", type=_FOLDER, help="A BEIR folder instead of the workspace.")
@click.option("--signal", type=click.Choice(_SIGNALS), multiple=True, help="Only this list; repeatable.")
@click.option(
    "--least-saved", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Share of calls."
)
@click.option("--most-lost", type=click.FloatRange(0, 1), default=0.01, show_default=True, help="nDCG@10.")
@click.option("--limit", type=click.IntRange(1), help="A fixed random sample of this many judged queries.")
@click.option("--set", "set_best", is_flag=True, help="Write the best gate to rankscope.toml.")
@click.option("--reuse", is_flag=True, help="Take over stored results of the same pipeline.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def sweep(workspace: str | None, /, **given: Any) -> None:
    """For each gap: the share of the reranker's calls that it saves, and the nDCG@10 that it costs.

    Runs the judged queries that came with the corpus or are given, without a gate; with --traces, takes the
    stored traces of judged queries. A run that is stopped resumes, and scores given before are reused.

    \b
    Example:
      rankscope gate sweep
      rankscope gate sweep --traces --signal fusion --set
      rankscope gate sweep --collection beir/cranfield --json
    """
    from rankscope.insight.gate_sweep import Criteria, sweep_gates

    _check(given)
    name, traces, judgments = (
        _from_store(workspace, given) if given["stored"] else _from_run(workspace, given)
    )
    criteria = Criteria(given["least_saved"], given["most_lost"])
    found = sweep_gates(traces, judgments, signals=given["signal"] or _SIGNALS, criteria=criteria)
    if not found.points:
        raise UsageError(
            f"{name}: no judged trace has a reranking after a list of ten scores or more.",
            remedy="A gate is read off queries that were reranked without one.",
        )
    if given["as_json"]:
        _print_json({"name": name, **_as_json(found)})
    else:
        click.echo("\n".join(_lines(name, found)))
    if given["set_best"]:
        _set_best(workspace, found)


def _check(given: Mapping[str, Any]) -> None:
    if (given["queries"] is None) != (given["qrels"] is None):
        raise UsageError("--queries and --qrels are given together or not at all.")
    if given["collection"] is not None and (given["stored"] or given["queries"] is not None):
        raise UsageError("--collection has queries of its own.", remedy="Leave --traces and --queries out.")
    if given["pipeline"] is not None and not given["stored"]:
        raise UsageError("--pipeline chooses among stored traces.", remedy="Add --traces.")
    if given["collection"] is not None and given["set_best"]:
        raise UsageError("--set writes to the workspace, and a collection is another corpus.")


def _from_store(folder: str | None, given: Mapping[str, Any]) -> tuple[str, Sequence[Trace], Judgments]:
    from rankscope.engine.floors import judged_of
    from rankscope.engine.judged_traces import from_store
    from rankscope.engine.workspace import find_workspace
    from rankscope.insight.verdict.rows import identified

    workspace = find_workspace(folder)
    judged = judged_of(workspace, given["queries"], given["qrels"])
    if judged.judgments is None:
        raise UsageError(
            "there are no judgments.", remedy="Judge some queries, or give --queries FILE and --qrels FILE."
        )
    say_rescaled(judged)
    found = from_store(
        workspace.traces_path, judged.judgments, name=workspace.name, pipeline=given["pipeline"]
    )
    return found.name, identified(found.traces, found.judgments), found.judgments


def _from_run(folder: str | None, given: Mapping[str, Any]) -> tuple[str, Sequence[Trace], Judgments]:
    from rankscope.cli.eval_targets import collection_targets, load_queries, run_queries, workspace_target
    from rankscope.engine.workspace import find_workspace

    settings = ungated(find_workspace(folder).settings)
    targets = (
        workspace_target(folder, given["queries"], given["qrels"])
        if given["collection"] is None
        else collection_targets([given["collection"]], settings)
    )
    for target in targets:
        query_set = load_queries(target, limit=given["limit"])
        run = run_queries(target, query_set, target.workspace.pipeline(settings), reuse=given["reuse"])
        run.settle()
        return target.name, run.traces, query_set.judgments
    raise AssertionError("a command has one target")


def ungated(settings: Settings) -> Settings:
    """The settings with no gate, and with scores kept: what a gate would skip must be known."""
    from rankscope.cli.eval_targets import with_score_cache

    settings = settings.override("gate", gap=0.0, few=0, follow_up=False)
    return with_score_cache(settings.override("rerank", enabled=True))


def _set_best(folder: str | None, found: GateSweep) -> None:
    from rankscope.config import FILE_NAME
    from rankscope.engine.settings_file import write_settings
    from rankscope.engine.workspace import find_workspace

    if found.best is None:
        raise UsageError("no gate was set: none meets the criteria.")
    workspace = find_workspace(folder)
    values: dict[str, str | float | int] = {"gap": found.best.gap, "signal": found.best.signal}
    workspace.settings.override("gate", **values)
    write_settings(workspace.folder / FILE_NAME, "gate", values)
    click.echo(one_line(f"{workspace.folder / FILE_NAME}: gate set."), err=True)


def _said(gate: GateSettings) -> str:
    """The gate in a sentence."""
    parts = []
    if gate.gap > 0:
        parts.append(f"rank 1 of {gate.signal} leads rank 10 by {gate.gap:.4g} or more")
    if gate.few > 0:
        parts.append(f"there are no more than {counted(gate.few, 'candidate')}")
    if gate.follow_up:
        parts.append("another query right before had the same candidates")
    if not parts:
        return "No gate: the reranker is called whenever there are more than K candidates."
    return f"The reranker is not called where {', or where '.join(parts)}."


def _lines(name: str, found: GateSweep) -> list[str]:
    lines = [
        f"{one_line(name)}: {counted(found.calls, 'call')} of the reranker; "
        f"{counted(found.answerable, 'answerable query', 'answerable queries')}",
        "",
        f"{'list':<7} {'gap':>9}  {'calls saved':>16}  {'nDCG@10':>8}  {'95 % interval':>17}  refusals lost",
    ]
    for point in found.points:
        mark = "  <" if point is found.best else ""
        lines.append(_row(point) + mark)
    return [*lines, "", *_conclusion(found)]


def _row(point: SweepPoint) -> str:
    change = point.change
    bounds = "–" if change.low is None else f"{change.low:+.4f} to {change.high:+.4f}"
    saved = f"{point.skipped:,} ({point.saved:.0%})"
    return (
        f"{point.signal:<7} {point.gap:>9.4g}  {saved:>16}  {change.value:>+8.4f}  {bounds:>17}  "
        f"{point.refusals_lost:>13,}"
    )


def _conclusion(found: GateSweep) -> list[str]:
    criteria, best, held = found.criteria, found.best, found.held_out
    asked = (
        f"saves at least {criteria.least_saved:.0%} of the calls for at most {criteria.most_lost:.2g} nDCG@10"
    )
    lines = []
    if best is None:
        lines.append(f"No gate {asked}.")
    else:
        lines.append(
            f"This gate {asked}: `rankscope gate set {best.gap:.4g} --signal {best.signal}` skips "
            f"{best.skipped:,} of {counted(found.calls, 'call')} for {best.change.value:+.4f}."
        )
        if not found.sure:
            lines.append(
                f"The interval does not rule out a loss of {2 * criteria.most_lost:.2g}: more judged queries "
                "would tell."
            )
        if best.refusals_lost:
            lines.append(
                counted(best.refusals_lost, "of the skipped queries is", "of the skipped queries are")
                + " refused today: without the reranker's scores its floor cannot be applied."
            )
    if found.lift is not None:
        lift = found.lift
        bounds = "" if lift.low is None else f" ({lift.low:+.4f} to {lift.high:+.4f})"
        lines.append(f"Always called, the reranker is worth {lift.value:+.4f} nDCG@10{bounds}.")
    lines.append(
        f"Chosen on four fifths and tried on the rest, five times: a gate in {held.chosen}, "
        f"{held.saved:.0%} saved, {held.change:+.4f} nDCG@10."
    )
    if best is not None and held.change < -criteria.most_lost:
        lines.append(
            "On queries that it was not chosen on, a gate costs more than that: more judgments first."
        )
    if found.follow_ups:
        lines.append(
            f"{counted(found.follow_ups, 'call')} had just the candidates of the query before (--follow-up)."
        )
    return lines


def _as_json(found: GateSweep) -> dict[str, Any]:
    return {
        "calls": found.calls,
        "answerable": found.answerable,
        "criteria": asdict(found.criteria),
        "points": [asdict(point) for point in found.points],
        "best": None if found.best is None else {**asdict(found.best), "sure": found.sure},
        "held_out": asdict(found.held_out),
        "lift": None if found.lift is None else asdict(found.lift),
        "follow_ups": found.follow_ups,
    }


def _print_json(document: object) -> None:
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")
