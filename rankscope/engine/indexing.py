"""Building an index: read, embed, compile BM25, write vectors, swap in.

The build works beside the live index and holds a lock. Reading is strict: the first bad record ends the
build with its file and line, and nothing has changed. Embeddings are committed batch by batch under their
content hash, so a killed or cancelled build resumes, and an unchanged document is never embedded twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankscope.core.cancellation import never
from rankscope.core.protocols import Encoder
from rankscope.engine.examples import example_queries
from rankscope.engine.manifest import Manifest, corpus_fingerprint
from rankscope.engine.progress import IndexProgress, ProgressClock
from rankscope.errors import Cancelled, RankScopeError, WorkspaceBusy

if TYPE_CHECKING:
    from rankscope.corpus.document_store import DocumentStore
    from rankscope.corpus.loader import Loading, LoadOptions
    from rankscope.engine.workspace import Workspace
    from rankscope.stages.dense.vector_cache import VectorCache

__all__ = ["IndexBuild", "IndexReport"]

_EMBED_BATCH = 256
_READ_BATCH = 500
_VECTOR_BATCH = 1000
_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
"""Number types by the setting that asks for one."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a build did."""

    documents: int
    embedded: int
    """Documents whose vector was computed now; the rest was there already."""
    unchanged: bool
    """Whether the index in use already was this corpus, so that nothing was done."""
    truncated_documents: int
    truncated_tokens: int
    skipped: int
    rejected: tuple[str, ...] = ()
    """One line for each record that was left out, the first thousand."""
    notes: tuple[str, ...] = ()
    """What was left out by rule, such as files of other kinds."""


class IndexBuild:
    """One build of a workspace's index from a source. ``report`` is set when it has finished."""

    def __init__(self, workspace: Workspace, source: Path, options: LoadOptions | None = None) -> None:
        self.workspace = workspace
        self.source = source
        self.options = options
        self.report: IndexReport | None = None
        self._embedded = 0
        self._loading: Loading | None = None

    def run(self) -> IndexReport:
        """Drain :meth:`iter_progress`."""
        for _ in self.iter_progress():
            pass
        assert self.report is not None
        return self.report

    def iter_progress(self, cancelled: Callable[[], bool] = never) -> Iterator[IndexProgress]:
        """Do the work. Raises CorpusError for bad input, WorkspaceBusy when another build holds the lock,
        Cancelled when ``cancelled`` turned true; the index in use stays as it was in each case.
        """
        import filelock

        generations = self.workspace.generations
        generations.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = filelock.FileLock(generations.lock_path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise WorkspaceBusy(
                f"{generations.folder}: another process is building this index.",
                remedy="Wait for it, or stop it; what it has embedded is kept.",
            ) from None
        try:
            yield from self._build(cancelled)
        finally:
            lock.release()

    def _build(self, cancelled: Callable[[], bool]) -> Iterator[IndexProgress]:
        from rankscope.corpus.document_store import DocumentStore

        staging = self.workspace.generations.fresh_staging()
        with DocumentStore.create(staging / "documents.db") as store:
            skipped = yield from self._read(store, cancelled)
            manifest = self._manifest(store, skipped)
            present = self._usable_present()
            if present is not None and present.same_input(manifest):
                self._keep_source(present, manifest)
                self.report = self._reported(present, unchanged=True)
                self.workspace.generations.discard_staging()
                return
            dense = yield from self._embed(store, staging, manifest.bi_encoder_configuration, cancelled)
            yield from _compile_bm25(store, staging, cancelled)
        manifest = replace(manifest, **dense)
        manifest.write(staging)
        yield IndexProgress("finishing", 0, 1, 0.0, None)
        self.workspace.generations.publish(staging)
        self.report = self._reported(manifest, unchanged=False)
        yield IndexProgress("finishing", 1, 1, 0.0, None)

    def _keep_source(self, present: Manifest, new: Manifest) -> None:
        """Say in the manifest in use where the same documents lie now, and how they are read."""
        named = replace(present, source=new.source, load_options=new.load_options, skipped=new.skipped)
        folder = self.workspace.generations.current()
        if named != present and folder is not None:
            named.write(folder)

    def _read(
        self, store: DocumentStore, cancelled: Callable[[], bool]
    ) -> Generator[IndexProgress, None, int]:
        """Copy the source's documents into the store, in batches; returns how many records were left out."""
        from rankscope.corpus.loader import LoadOptions, load
        from rankscope.stages.dense.bundled import token_counter

        clock = ProgressClock("reading", None)
        options = self.options or LoadOptions(chunking=self.workspace.settings.chunking)
        self._loading = loading = load(self.source, replace(options, count_tokens=token_counter()))
        done = 0
        documents = iter(loading)
        while batch := list(islice(documents, _READ_BATCH)):
            _stop_if(cancelled)
            store.insert(batch)
            done += len(batch)
            yield clock.at(done)
        store.seal()
        return loading.skipped

    def _usable_present(self) -> Manifest | None:
        """The manifest of the index in use; None when there is none, or it cannot be opened whole."""
        from rankscope.engine.factory import open_parts

        try:
            parts = open_parts(self.workspace.generations, self.workspace.settings)
        except (RankScopeError, OSError, RuntimeError, ValueError, sqlite3.Error):
            return None  # damaged, of another version or model: it is built anew
        try:
            counts = {len(parts.documents), len(parts.bm25), len(parts.vectors)}
            return parts.manifest if counts == {parts.manifest.documents} else None
        finally:
            parts.close()

    def _manifest(self, store: DocumentStore, skipped: int) -> Manifest:
        from rankscope.corpus.loader import LoadOptions
        from rankscope.stages.bm25.tokenizer import RULES_VERSION
        from rankscope.stages.dense.bundled import model_configuration, model_revision, resolve_model

        models = self.workspace.settings.models
        options = self.options or LoadOptions(chunking=self.workspace.settings.chunking)
        folder = resolve_model(models.bi_encoder, models.download)
        return Manifest(
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            source=str(self.source),
            source_format=self._loading.format if self._loading else "",
            documents=len(store),
            fingerprint=corpus_fingerprint(store.fingerprint_rows()),
            bi_encoder=models.bi_encoder,
            bi_encoder_revision=model_revision(folder),
            bi_encoder_configuration=model_configuration(folder),
            bi_encoder_dtype=_DTYPES.get(models.precision, ""),
            dimension=0,
            tokenizer=RULES_VERSION,
            chunking=asdict(options.chunking),
            truncated_documents=0,
            truncated_tokens=0,
            skipped=skipped,
            example_queries=example_queries(self.source),
            load_options=options.as_json(),
        )

    def _embed(
        self, store: DocumentStore, staging: Path, configuration: str, cancelled: Callable[[], bool]
    ) -> Generator[IndexProgress, None, dict[str, Any]]:
        """Embed what has no vector yet, then write the vector index; returns the manifest's dense facts."""
        from rankscope.engine.factory import make_encoder
        from rankscope.stages.dense.faiss_index import FaissIndex
        from rankscope.stages.dense.vector_cache import VectorCache

        yield IndexProgress("embedding", 0, len(store), 0.0, None)
        encoder = make_encoder(self.workspace.settings.models)
        hashes = store.content_hashes()
        info = encoder.info
        identity = f"{info.name} {info.revision} {info.dtype} {info.max_length} {configuration}"
        with VectorCache(self.workspace.generations.vectors_path, identity, encoder.dimension) as cache:
            yield from self._embed_missing(store, hashes, encoder, cache, cancelled)
            _stop_if(cancelled)
            index = FaissIndex.sized_for(len(hashes), encoder.dimension)
            clock = ProgressClock("vectors", len(hashes))
            yield clock.at(0)
            for start in range(0, len(hashes), _VECTOR_BATCH):
                _stop_if(cancelled)
                index.add(cache.get(hashes[start : start + _VECTOR_BATCH]))
                yield clock.at(len(index))
            index.save(staging / "dense.faiss")
            cut = cache.tokens_cut(hashes)
            cache.keep_only(hashes)
        return {
            "bi_encoder_dtype": encoder.info.dtype,
            "dimension": encoder.dimension,
            "truncated_documents": sum(count > 0 for count in cut),
            "truncated_tokens": sum(cut),
        }

    def _embed_missing(
        self,
        store: DocumentStore,
        hashes: list[str],
        encoder: Encoder,
        cache: VectorCache,
        cancelled: Callable[[], bool],
    ) -> Iterator[IndexProgress]:
        missing = cache.missing(hashes)
        wanted = [row for row, content_hash in enumerate(hashes) if content_hash in missing]
        clock = ProgressClock("embedding", len(wanted))
        for start in range(0, len(wanted), _EMBED_BATCH):
            _stop_if(cancelled)
            rows = wanted[start : start + _EMBED_BATCH]
            texts = store.texts_of(rows)
            vectors = encoder.encode_documents(texts)
            cache.put([hashes[row] for row in rows], vectors, encoder.tokens_cut(texts))
            self._embedded += len(rows)
            yield clock.at(start + len(rows))

    def _reported(self, manifest: Manifest, *, unchanged: bool) -> IndexReport:
        loading = self._loading
        return IndexReport(
            documents=manifest.documents,
            embedded=self._embedded,
            unchanged=unchanged,
            truncated_documents=manifest.truncated_documents,
            truncated_tokens=manifest.truncated_tokens,
            skipped=loading.skipped if loading else 0,
            rejected=tuple(loading.rejected) if loading else (),
            notes=tuple(loading.notes) if loading else (),
        )


def _compile_bm25(
    store: DocumentStore, staging: Path, cancelled: Callable[[], bool]
) -> Iterator[IndexProgress]:
    """Tokenize every document in row order and write the term matrix."""
    from rankscope.stages.bm25.okapi import Bm25Builder
    from rankscope.stages.bm25.tokenizer import tokenize

    clock = ProgressClock("bm25", len(store))
    builder = Bm25Builder()
    for done, document in enumerate(store.documents(), start=1):
        builder.add(tokenize(document.searchable))
        if done % _READ_BATCH == 0:
            _stop_if(cancelled)
            yield clock.at(done)
    builder.finish().save(staging / "bm25")
    yield clock.at(len(store))


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled("indexing was stopped;", remedy="run the same command again to resume.")
