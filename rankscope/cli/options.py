"""What several commands share: opening the workspace, overriding settings, reading filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rankscope.config import Settings
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.workspace import Workspace

__all__ = ["parse_filters", "with_overrides", "workspace_of"]


def workspace_of(folder: str | None) -> Workspace:
    """The workspace to work on, its index ready; building the sample's shows progress on stderr."""
    from rankscope.cli.progress import show_progress
    from rankscope.engine.workspace import find_workspace

    workspace = find_workspace(folder)
    if workspace.sample and workspace.generations.current() is None:
        click.echo("Indexing the sample corpus (once) ...", err=True)
    show_progress(workspace.prepare())
    return workspace


def parse_filters(where: tuple[str, ...]) -> dict[str, str]:
    """``KEY=VALUE`` arguments as a mapping; a key given twice is an error, not a guess."""
    filters: dict[str, str] = {}
    for item in where:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--where {item!r} is not KEY=VALUE.", remedy="For example --where year=2024.")
        if key.strip() in filters:
            raise UsageError(f"--where names {key.strip()!r} twice.", remedy="Give each key once.")
        filters[key.strip()] = value.strip()
    return filters


def with_overrides(
    settings: Settings,
    *,
    candidates: int | None = None,
    depth: int | None = None,
    rrf_k: int | None = None,
    top_k: int | None = None,
    floor: str | None = None,
    no_rerank: bool = False,
) -> Settings:
    """Settings with what the command line says in place of what the file says."""
    retrieval = {"candidates": candidates, "depth": depth, "rrf_k": rrf_k}
    settings = settings.override(
        "retrieval", **{name: value for name, value in retrieval.items() if value is not None}
    )
    if top_k is not None:
        settings = settings.override("floor", top_k=top_k)
    if floor is not None:
        settings = settings.override("floor", value=_floor_value(floor), source="manual")
    if no_rerank:
        settings = settings.override("rerank", enabled=False)
    return settings


def _floor_value(text: str) -> float | None:
    if text.strip().lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--floor {text!r} is neither a number nor 'none'.") from None
