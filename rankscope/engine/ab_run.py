"""Running two pipelines on the same judged queries, each over an index that fits it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankscope import __version__
from rankscope.config import Settings
from rankscope.engine.evaluation import pinned_precision
from rankscope.engine.progress import IndexProgress
from rankscope.engine.workspace import Workspace
from rankscope.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from rankscope.core.trace import Trace

__all__ = ["cuts_differently", "needs_own_index", "overridden", "own_index", "storing"]


def overridden(settings: Settings, items: Mapping[str, Any]) -> Settings:
    """Settings with ``section.key`` values in their place, checked as those of the file are."""
    for name, value in items.items():
        section, dot, key = name.partition(".")
        if not dot or section not in settings.as_mapping():
            raise SettingsError(f"{name!r} is not SECTION.KEY.", remedy="For example retrieval.candidates.")
        settings = settings.override(section, **{key: value})
    return settings


def needs_own_index(settings: Settings, indexed: Settings) -> bool:
    """Whether the settings ask for other vectors or other passages than the index was made with."""
    return settings.models != indexed.models or settings.chunking != indexed.chunking


def cuts_differently(a: Settings, b: Settings, documents: Iterator[str]) -> bool:
    """Whether passages of the two have other borders: chunking differs, and there are passages at all."""
    return a.chunking != b.chunking and any("#" in doc_id for doc_id in documents)


def own_index(
    workspace: Workspace, settings: Settings, work: Path
) -> tuple[Workspace, Iterator[IndexProgress]]:
    """A workspace under ``work`` that indexes the same source by these settings, and its progress.

    One a source and index settings, so a second comparison finds it ready. Raises UsageError where the
    source is not known or gone.
    """
    from rankscope.corpus.loader import LoadOptions
    from rankscope.engine.indexing import IndexBuild

    manifest = workspace.manifest
    source = Path(manifest.source) if manifest is not None else None
    if source is None or not source.exists():
        raise UsageError(
            f"{workspace.folder}: the corpus that was indexed here is not at {source} any more.",
            remedy="Comparing other models or another chunking needs it.",
        )
    chosen = settings.as_mapping()
    identity = json.dumps([chosen["models"], chosen["chunking"], __version__], sort_keys=True)
    digest = hashlib.sha256(os.fsencode(source.resolve()) + identity.encode()).hexdigest()[:12]
    folder = work / f"{source.name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Workspace(folder, settings=pinned_precision(folder / "eval", settings))
    build = IndexBuild(made, source, LoadOptions(chunking=settings.chunking, skip_bad=True))
    return made, build.iter_progress()


def storing(workspace: Workspace, name: str) -> Any:
    """What keeps each finished trace of a side in the workspace's store, so that it can be opened.

    The traces say in their attributes which side they are of.
    """
    from dataclasses import replace

    def keep(trace: Trace) -> Trace:
        named = replace(trace, attributes={**trace.attributes, "ab": name})
        workspace.traces.append(named)
        return named

    return keep
