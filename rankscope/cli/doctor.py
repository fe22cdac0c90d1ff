"""``rankscope doctor``: is everything here, and how to mend what is not."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import click

from rankscope import __version__
from rankscope.cli.colour import coloured
from rankscope.cli.health import (
    Check,
    check_database,
    check_index,
    check_models,
    check_packages,
    check_precision,
)
from rankscope.core.sanitize import visible

__all__ = ["command"]

_MARKS = {"ok": ("ok", "green"), "warning": ("warn", "yellow"), "error": ("FAIL", "red")}


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as one JSON document.")
@click.pass_obj
def command(workspace_folder: str | None, as_json: bool) -> None:
    """Check versions, models, devices, index and database, and say how to mend each.

    Exits 1 when a check failed.

    \b
    Example:
      rankscope doctor
    """
    from rankscope.engine.workspace import find_workspace

    workspace = find_workspace(workspace_folder)
    checks = [
        Check("rankscope", "ok", f"{__version__}, Python {sys.version.split()[0]}"),
        *check_packages(metadata.requires("rankscope") or []),
        Check(
            "workspace",
            "ok",
            str(_short(workspace.folder)) + (" (sample corpus)" if workspace.sample else ""),
        ),
        *check_index(workspace),
        check_database(workspace.traces_path),
        check_precision(workspace.settings),
        *check_models(workspace.settings),
    ]
    if as_json:
        json.dump([check.as_mapping() for check in checks], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        for check in checks:
            mark, colour = _MARKS[check.verdict]
            shown = coloured(f"{mark:>5}", colour)
            click.echo(f"{shown}  {check.name:<22} {visible(check.message)}")
            if check.remedy:
                click.echo(f"{'':>5}  {'':<22} {visible(check.remedy)}")
    if any(check.verdict == "error" for check in checks):
        sys.exit(1)


def _short(folder: Path) -> Path:
    """The folder as a user would write it."""
    try:
        return Path("~") / folder.resolve().relative_to(Path.home())
    except ValueError:
        return folder
