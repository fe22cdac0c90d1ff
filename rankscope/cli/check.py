"""``rankscope check``: a linter for rankings, over stored traces or files of traces."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rankscope.config import Settings
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.checking import Checked, CheckPlan, Unreadable

__all__ = ["command"]


@click.command(name="check")
@click.argument("targets", nargs=-1, metavar="[ID or FILE]...")
@click.option("--select", metavar="CODES", help="Only these rules, for example RS1,RS201.")
@click.option("--ignore", metavar="CODES", help="Leave these rules out.")
@click.option(
    "--qrels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Judgments for RS301 to RS303 and RS504; those in the database count too.",
)
@click.option(
    "--queries",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Query file that gives ids to traces that only hold the text.",
)
@click.option(
    "--db", type=click.Path(dir_okay=False, path_type=Path), help="Trace database; default: the workspace's."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "github"]),
    default="text",
    show_default=True,
    help="Lines for people, or annotations for GitHub Actions.",
)
@click.option("--exact", is_flag=True, help="Ask the index too, for RS304 and RS301; loads the bi-encoder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(
    folder: str | None,
    targets: tuple[str, ...],
    select: str | None,
    ignore: str | None,
    qrels: Path | None,
    queries: Path | None,
    db: Path | None,
    format_: str,
    exact: bool,
    as_json: bool,
) -> None:
    """Look for what is wrong with rankings: RS101 to RS602, see `rankscope rule`.

    Without arguments, checks every stored trace; with ids, those; with files (RankScope's .jsonl or any
    format that `traces import` knows), the traces in them. The rules and their thresholds are the
    [findings] and [budget] sections of rankscope.toml. Exits with 1 when an error is found, with 2 when
    something could not be read.

    \b
    Example:
      rankscope check
      rankscope check production.jsonl --select RS1,RS201 --format github
    """
    from rankscope.cli.check_output import GithubOutput, JsonOutput, Output, TextOutput
    from rankscope.cli.options import workspace_of
    from rankscope.engine.checking import plan_for
    from rankscope.engine.workspace import find_workspace

    outputs: dict[str, type[Output]] = {"text": TextOutput, "github": GithubOutput}
    output = (JsonOutput if as_json else outputs[format_])()
    workspace = workspace_of(folder) if exact else find_workspace(folder)
    with closing(workspace):
        settings = _chosen(workspace.settings, select, ignore)
        plan = plan_for(workspace, settings, traces_path=db, queries=queries, qrels=qrels, exact=exact)
        for item in _outcomes(folder, db, targets, plan):
            output.add(item)
    if output.tally.traces == 0 and output.tally.unreadable == 0:
        raise UsageError(
            "there is no trace to check.", remedy="Run a query first, or name a file: `rankscope check FILE`."
        )
    output.end()
    if output.tally.unreadable:
        sys.exit(2)
    if output.tally.severities["error"]:
        sys.exit(1)


def _chosen(settings: Settings, select: str | None, ignore: str | None) -> Settings:
    """The settings with what the command line says in their place; some rule must be left."""
    from rankscope.insight.findings import select_rules

    given = {"select": select, "ignore": ignore}
    settings = settings.override(
        "findings", **{name: value for name, value in given.items() if value is not None}
    )
    if not select_rules(settings.findings.select, settings.findings.ignore):
        raise UsageError("every selected rule is ignored.", remedy="Change --select or --ignore.")
    return settings


def _outcomes(
    workspace: str | None, db: Path | None, targets: tuple[str, ...], plan: CheckPlan
) -> Iterator[Checked | Unreadable]:
    """Files first, in the order given, then stored traces."""
    from rankscope.cli.traces import traces_path
    from rankscope.engine.checking import check_file, check_store

    files = [Path(name) for name in targets if _is_file(name)]
    ids = [name for name in targets if not _is_file(name)]
    for path in files:
        yield from check_file(path, plan)
    if ids or not files:
        path = traces_path(workspace, db)
        if ids or db is not None or path.exists():
            yield from check_store(path, plan, ids)


def _is_file(name: str) -> bool:
    """Whether the argument means a file: one that exists, or that looks like a path."""
    return Path(name).exists() or "/" in name or "\\" in name or Path(name).suffix != ""
