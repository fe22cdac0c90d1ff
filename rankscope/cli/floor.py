"""``rankscope floor``: look at score distributions, find a floor, see what it does, set it, undo it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rankscope.cli.floor_carry import carry
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.cli.floor_material import Material
    from rankscope.insight.floors.suggestion import Suggestion

__all__ = ["command"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
METHODS = (
    "otsu",
    "mixture",
    "best-f1",
    "target-precision",
    "target-answer-rate",
    "conformal",
    "null",
    "borderline",
)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


def selection_options(function: _Command) -> _Command:
    """The options that choose traces, judgments and one source of scores."""
    options = [
        click.option("--since", metavar="DATE", help="Only traces from this moment on."),
        click.option("--before", metavar="DATE", help="Only traces from before this moment."),
        click.option(
            "--origin", help="Only this origin: live, replay, recorder, import, import:FORMAT or eval:ab."
        ),
        click.option("--pipeline", metavar="FINGERPRINT", help="Only this pipeline; may be shortened."),
        click.option("--stratum", help="Only queries of this kind."),
        click.option("--judged/--not-judged", default=None, help="Only judged, or only unjudged, queries."),
        click.option("--scale", help="Scores of this scale, where traces hold several."),
        click.option("--model", help="Scores of this model, where traces hold several; may be shortened."),
        click.option("--queries", type=_FILE, help="Queries of the judgments; default: the corpus' own."),
        click.option("--qrels", type=_FILE, help="Judgments: BEIR .tsv or TREC qrels."),
        click.option(
            "--relevant-from",
            type=click.IntRange(1),
            help="Lowest grade that is relevant; 2 where grades go above 1, else 1.",
        ),
        click.option(
            "--unjudged",
            type=click.Choice(["skip", "junk"]),
            default="skip",
            show_default=True,
            help="What an unjudged document of a judged query counts as.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.pass_obj,
    ]
    for option in reversed(options):
        function = option(function)  # type: ignore[operator] # click types pass_obj apart from options
    return function


@click.group(name="floor")
def command() -> None:
    """Choose the relevance floor from real scores, and know what it does.

    \b
    Example:
      rankscope floor show
      rankscope floor suggest
      rankscope floor whatif 0.55
      rankscope floor set --method best-f1
    """


command.add_command(carry)


@command.command()
@click.option(
    "--of",
    "kind",
    type=click.Choice(["all", "top", "at-k", "gap"]),
    default="all",
    show_default=True,
    help="All scores, the best of each query, the score at rank K, or the fall from rank 1 to 10.",
)
@click.option("--rank", type=click.IntRange(1), help="K of --of at-k; default: each trace's own.")
@click.option("--axis", type=click.Choice(["native", "logit", "probability"]), default="native")
@click.option("--bins", type=click.IntRange(1, 200), default=20, show_default=True)
@selection_options
def show(
    workspace: str | None,
    /,
    kind: str,
    rank: int | None,
    axis: str,
    bins: int,
    as_json: bool,
    **chosen: Any,
) -> None:
    """The floor in force, its passport, the scores around it, and whether they have drifted since.

    \b
    Example:
      rankscope floor show --of top --axis logit
      rankscope floor show --judged --json
    """
    from rankscope.cli.floor_material import load_material
    from rankscope.cli.floor_output import show_json, show_lines
    from rankscope.insight.floors.distributions import histogram

    material = load_material(workspace, chosen)
    counted = histogram(material.group, kind, axis=axis, bins=bins, rank=rank)  # type: ignore[arg-type] # click checks the choice
    if as_json:
        print_json(show_json(material, counted))
    else:
        print_lines(show_lines(material, counted))


@command.command()
@click.option("--method", "methods", type=click.Choice(METHODS), multiple=True, help="Repeatable; all.")
@click.option("--precision", type=_SHARE, default=0.9, show_default=True, help="Of target-precision.")
@click.option("--answer-rate", type=_SHARE, default=0.9, show_default=True, help="Of target-answer-rate.")
@click.option("--loss", type=_SHARE, default=0.1, show_default=True, help="Lost evidence, of conformal.")
@click.option("--false-answers", type=_SHARE, default=0.1, show_default=True, help="Of null.")
@click.option("--bound", type=click.Choice(["wilson", "clopper-pearson"]), default="wilson")
@selection_options
def suggest(workspace: str | None, /, methods: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """What each method suggests, with its interval and the evidence behind it.

    otsu and mixture need no judgments. A method that knows too little says so and gives no number. Where
    the stored floor was set on another model, and both models scored the same pairs (replay the traces),
    it is also carried over to this one.

    \b
    Example:
      rankscope floor suggest
      rankscope floor suggest --method target-precision --precision 0.95
    """
    from rankscope.cli.floor_material import load_material
    from rankscope.cli.floor_output import carried_lines, suggestion_lines

    targets, chosen = _targets(given)
    material = load_material(workspace, chosen)
    found = _suggest(material, methods or METHODS, targets)
    carried = material.carried()
    if as_json:
        document = {**material.as_json(), "suggestions": [item.as_json() for item in found]}
        print_json({**document, "carried": None if carried is None else carried.as_json()})
    else:
        print_lines([*material.heading(), "", *suggestion_lines(found), *carried_lines(carried)])


@command.command()
@click.argument("value", metavar="VALUE")
@click.option("-k", "--top-k", type=click.IntRange(1), help="K; default: each trace's own.")
@click.option("--limit", "-l", type=click.IntRange(0), default=10, show_default=True, help="Queries listed.")
@selection_options
def whatif(
    workspace: str | None,
    /,
    value: str,
    top_k: int | None,
    limit: int,
    as_json: bool,
    **chosen: Any,
) -> None:
    """What the floor VALUE (or 'none') would do to the chosen traces, beside the floor in force.

    \b
    Example:
      rankscope floor whatif 0.55
      rankscope floor whatif none --since 2026-01-01 --json
    """
    from rankscope.cli.floor_material import load_material
    from rankscope.cli.floor_output import whatif_lines
    from rankscope.insight.floors.whatif import whatif as consequences

    floor = parse_value(value)
    material = load_material(workspace, chosen)
    said = consequences(material.group, floor, top_k, baseline=material.baseline)
    if as_json:
        print_json({**material.as_json(), "whatif": said.as_json(material.group)})
    else:
        print_lines([*material.heading(), "", *whatif_lines(said, material.group, limit)])


@command.command(name="set")
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--method", type=click.Choice(METHODS), help="Set what this method suggests.")
@click.option("--precision", type=_SHARE, default=0.9, show_default=True, help="Of target-precision.")
@click.option("--answer-rate", type=_SHARE, default=0.9, show_default=True, help="Of target-answer-rate.")
@click.option("--loss", type=_SHARE, default=0.1, show_default=True, help="Lost evidence, of conformal.")
@click.option("--false-answers", type=_SHARE, default=0.1, show_default=True, help="Of null.")
@click.option("--bound", type=click.Choice(["wilson", "clopper-pearson"]), default="wilson")
@click.option("--replaces", type=click.IntRange(0), help="Refuse unless this is the newest floor's number.")
@selection_options
def set_(
    workspace: str | None,
    /,
    value: str | None,
    method: str | None,
    replaces: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Store a floor with its passport and write it to rankscope.toml; `floor undo` takes it back.

    VALUE is a number on the scale of the scores, or 'none'; or --method names who chooses.

    \b
    Example:
      rankscope floor set 0.55
      rankscope floor set --method conformal --loss 0.05
    """
    from rankscope.cli.floor_material import load_material, stored_json
    from rankscope.cli.floor_output import stored_line, whatif_lines
    from rankscope.insight.floors.whatif import whatif as consequences

    if (value is None) == (method is None):
        raise UsageError("give either a VALUE or --method.", remedy="For example `rankscope floor set 0.55`.")
    targets, chosen = _targets(given)
    material = load_material(workspace, chosen)
    suggestion = None
    floor = None if value is None else parse_value(value)
    if method is not None:
        (suggestion,) = _suggest(material, (method,), targets)
        if suggestion.value is None:
            raise UsageError(f"{method} suggests no floor: {suggestion.warning}")
        floor = suggestion.value
    said = consequences(material.group, floor, baseline=material.baseline)
    stored = material.store(floor, said, suggestion, replaces=replaces)
    if as_json:
        print_json({"floor": stored_json(stored), "whatif": said.as_json(material.group)})
    else:
        print_lines([stored_line(stored), "", *whatif_lines(said, material.group, 5)])


@command.command()
@click.option("--limit", "-l", type=click.IntRange(1), default=20, show_default=True, help="Most shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def history(workspace: str | None, limit: int, as_json: bool) -> None:
    """Every floor that was set here, the newest first.

    \b
    Example:
      rankscope floor history --json
    """
    from rankscope.cli.floor_material import log_of, stored_json
    from rankscope.cli.floor_output import history_lines

    entries = log_of(workspace).history()
    if as_json:
        print_json([stored_json(item) for item in entries])
        return
    if not entries:
        click.echo("No floor was set yet. `rankscope floor suggest` looks for one.", err=True)
        return
    print_lines(history_lines(entries[:limit]))
    if len(entries) > limit:
        click.echo(f"{len(entries) - limit:,} more; --limit shows them.", err=True)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def undo(workspace: str | None, as_json: bool) -> None:
    """Bring back the floor that the last one replaced; again goes further back.

    \b
    Example:
      rankscope floor undo
    """
    from rankscope.cli.floor_material import log_of, stored_json
    from rankscope.cli.floor_output import stored_line
    from rankscope.engine.floors import floor_state, undo_floor
    from rankscope.engine.workspace import find_workspace

    found = find_workspace(workspace)
    log = log_of(workspace)
    stored = undo_floor(found, log, replaces=log.last_number())
    if as_json:
        print_json({"floor": stored_json(stored)})
        return
    if stored.undone_to == 0:
        settings = floor_state(found, log).settings
        value = "none" if settings.value is None else f"{settings.value:g}"
        click.echo(f"No stored floor is in force any more; rankscope.toml says {value}, as before.")
    else:
        click.echo(stored_line(stored))


def _targets(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the methods, and those that choose traces."""
    names = {"precision", "answer_rate", "loss", "false_answers", "bound"}
    return (
        {name: value for name, value in given.items() if name in names},
        {name: value for name, value in given.items() if name not in names},
    )


def _suggest(material: Material, methods: tuple[str, ...], targets: Mapping[str, Any]) -> list[Suggestion]:
    from rankscope.insight.floors.suggest import Targets
    from rankscope.insight.floors.suggest import suggest as suggestions

    return suggestions(material.group, methods, Targets(**targets))


def parse_value(text: str) -> float | None:
    """A floor as it is typed: a number or ``none``."""
    import math

    if text.strip().lower() == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{text!r:.60} is no floor.", remedy="Give a number or 'none'.")
    return value


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    json.dump(document, sys.stdout, ensure_ascii=True, indent=1)
    sys.stdout.write("\n")


def print_lines(lines: list[str]) -> None:
    """Lines on stdout."""
    click.echo("\n".join(lines))
