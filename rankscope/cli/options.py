"""What several commands share: opening the workspace, and options that override settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rankscope.config import Settings
from rankscope.core.filters import parse_filters
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.workspace import Workspace

__all__ = ["parse_filters", "pipeline_options", "with_overrides", "workspace_of"]

Command = TypeVar("Command", bound=Callable[..., Any])


def workspace_of(folder: str | None) -> Workspace:
    """The workspace to work on, its index ready; building the sample's shows progress on stderr."""
    from rankscope.cli.progress import show_progress
    from rankscope.engine.workspace import find_workspace

    workspace = find_workspace(folder)
    if workspace.sample and workspace.generations.current() is None:
        click.echo("Indexing the sample corpus (once) ...", err=True)
    show_progress(workspace.prepare())
    return workspace


_PIPELINE = (
    click.option("-n", "--candidates", type=click.IntRange(1), help="N: fused candidates that are reranked."),
    click.option("-k", "--top-k", type=click.IntRange(1), help="K: most documents that are kept."),
    click.option("--depth", type=click.IntRange(1), help="Documents that each retriever returns."),
    click.option("--rrf-k", type=click.IntRange(0), help="k of reciprocal rank fusion."),
    click.option("--floor", help="Relevance floor on the reranker's scale, or 'none'."),
    click.option("--no-rerank", is_flag=True, help="Stop after fusion."),
)


def pipeline_options(command: Command) -> Command:
    """The options that :func:`with_overrides` takes, in front of a command's own."""
    for option in reversed(_PIPELINE):
        command = option(command)
    return command


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
