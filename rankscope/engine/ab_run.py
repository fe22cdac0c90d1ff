"""Running two pipelines on the same judged queries, each over an index that fits it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rankscope import __version__
from rankscope.config import ChunkingSettings, Settings
from rankscope.core.trace import COMPARISON_ORIGIN, Trace
from rankscope.engine.evaluation import pinned_precision
from rankscope.engine.manifest import corpus_fingerprint
from rankscope.engine.workspace import Workspace
from rankscope.errors import CorpusError, SettingsError, UsageError

if TYPE_CHECKING:
    from rankscope.corpus.loader import LoadOptions
    from rankscope.engine.indexing import IndexBuild

__all__ = ["cuts_differently", "needs_own_index", "overridden", "own_index", "storing"]

_READ_BATCH = 500


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


def own_index(workspace: Workspace, settings: Settings, work: Path) -> tuple[Workspace, IndexBuild]:
    """A workspace under ``work`` for the same documents by these settings, and the build to be run for it.

    The source is read as it was for the workspace's index. One a source and index settings, so a second
    comparison finds it ready. Raises UsageError where the source is not known, gone, or holds other
    documents than the workspace's index: what is compared would be two corpora.
    """
    from rankscope.engine.indexing import IndexBuild

    source, options = _as_indexed(workspace)
    _refuse_changed(workspace, source, options)
    chosen = settings.as_mapping()
    identity = json.dumps(
        [chosen["models"], chosen["chunking"], options.as_json(), __version__], sort_keys=True
    )
    digest = hashlib.sha256(os.fsencode(source.resolve()) + identity.encode()).hexdigest()[:12]
    folder = work / f"{source.name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Workspace(folder, settings=pinned_precision(folder / "eval", settings))
    return made, IndexBuild(made, source, replace(options, chunking=settings.chunking))


def _as_indexed(workspace: Workspace) -> tuple[Path, LoadOptions]:
    """The source of the workspace's index, and how it was read."""
    from rankscope.corpus.loader import LoadOptions

    manifest = workspace.manifest
    if manifest is None or not Path(manifest.source).exists():
        raise UsageError(
            f"{workspace.folder}: the corpus that was indexed here is not at "
            f"{None if manifest is None else manifest.source} any more.",
            remedy="Comparing other models or another chunking needs it.",
        )
    said = {} if workspace.sample else manifest.load_options  # the sample is read in one way alone
    if said is None:
        raise UsageError(
            f"{workspace.folder}: this index does not say how its source was read.",
            remedy="Run `rankscope index` again before comparing other models or another chunking.",
        )
    return Path(manifest.source), LoadOptions.from_json(said, ChunkingSettings(**manifest.chunking))


def _refuse_changed(workspace: Workspace, source: Path, options: LoadOptions) -> None:
    """Read the source as the workspace's index did and raise UsageError where other documents come out."""
    from rankscope.corpus.document_store import DocumentStore
    from rankscope.corpus.loader import load
    from rankscope.stages.dense.bundled import token_counter

    manifest = workspace.manifest
    assert manifest is not None
    remedy = "Run `rankscope index` again, then compare."
    with (
        TemporaryDirectory(prefix="rankscope-ab-") as scratch,
        DocumentStore.create(Path(scratch) / "documents.db") as store,
    ):
        documents = iter(load(source, replace(options, count_tokens=token_counter())))
        try:
            while batch := list(islice(documents, _READ_BATCH)):
                store.insert(batch)
        except CorpusError as error:
            raise UsageError(f"the source changed since A was indexed: {error}", remedy=remedy) from error
        store.seal()
        today = corpus_fingerprint(store.fingerprint_rows())
    if today != manifest.fingerprint:
        raise UsageError(f"{source}: the source changed since A was indexed.", remedy=remedy)


def storing(workspace: Workspace, name: str) -> Any:
    """What keeps each finished trace of a side in the workspace's store, so that it can be opened.

    The traces say in their attributes which side they are of, and by their origin that nobody asked.
    """

    def keep(trace: Trace) -> Trace:
        named = replace(trace, origin=COMPARISON_ORIGIN, attributes={**trace.attributes, "ab": name})
        workspace.traces.append(named)
        return named

    return keep
