"""A workspace: one folder with settings, an index and a trace store.

Opening one costs nothing; the index, the models and the trace store are opened when they are first used,
once, and shared by every pipeline made here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope.config import FILE_NAME, Settings, load_settings
from rankscope.core.cancellation import never
from rankscope.engine.generations import Generations
from rankscope.engine.manifest import Manifest
from rankscope.engine.progress import IndexProgress
from rankscope.engine.sample import sample_corpus_folder, sample_workspace_folder
from rankscope.errors import IndexMissing, WorkspaceError

if TYPE_CHECKING:
    from rankscope.engine.factory import Parts
    from rankscope.engine.known_judgments import KnownJudgments
    from rankscope.engine.pipeline import Pipeline
    from rankscope.tracing.store import TraceStore

__all__ = ["Workspace", "find_workspace"]


class Workspace:
    """A folder that holds ``rankscope.toml``, ``index/`` and ``traces.db``."""

    def __init__(
        self,
        folder: Path,
        *,
        sample: bool = False,
        settings: Settings | None = None,
        traces_path: Path | None = None,
    ) -> None:
        """``traces_path`` is another trace database than the folder's, for runs that must leave no trace."""
        self.folder = folder
        self._traces_path = traces_path
        self.sample = sample
        self.settings = settings if settings is not None else load_settings(folder / FILE_NAME)
        self.generations = Generations(folder / "index")
        self._lock = threading.Lock()
        self._parts: Parts | None = None
        self._store: TraceStore | None = None
        self._judgments: KnownJudgments | None = None

    @property
    def name(self) -> str:
        """What the title bar calls this workspace."""
        return "sample_corpus" if self.sample else self.folder.resolve().name

    @property
    def traces_path(self) -> Path:
        """The trace database; it need not exist yet."""
        return self._traces_path if self._traces_path is not None else self.folder / "traces.db"

    @property
    def manifest(self) -> Manifest | None:
        """Facts about the index in use, None when there is none."""
        for attempt in range(3):
            folder = self.generations.current()
            if folder is None:
                return None
            try:
                return Manifest.read(folder)
            except FileNotFoundError as error:  # a build may have swapped the index between the two looks
                if attempt == 2:
                    raise WorkspaceError(
                        f"{folder}: its manifest is missing.", remedy="Run `rankscope index` again."
                    ) from error
        return None

    @property
    def document_count(self) -> int:
        """Documents in the index in use; 0 when there is none."""
        manifest = self.manifest
        return 0 if manifest is None else manifest.documents

    @property
    def example_queries(self) -> tuple[str, ...]:
        """A few queries to start with, where the corpus came with some."""
        manifest = self.manifest
        return () if manifest is None else manifest.example_queries

    def prepare(self, cancelled: Callable[[], bool] = never) -> Iterator[IndexProgress]:
        """Make sure that an index is there; the sample corpus is indexed on first use.

        Raises IndexMissing for a workspace of the user's that has none yet.
        """
        if self.generations.current() is not None and (not self.sample or self._readable()):
            return
        if not self.sample:
            raise IndexMissing(
                f"{self.folder}: nothing is indexed here yet.", remedy="Run `rankscope index SOURCE`."
            )
        from rankscope.engine.indexing import IndexBuild

        yield from IndexBuild(self, sample_corpus_folder()).iter_progress(cancelled)

    @property
    def outdated(self) -> bool:
        """Whether this is the sample, with an index of another version: :meth:`prepare` builds it anew."""
        return self.sample and self.generations.current() is not None and not self._readable()

    def _readable(self) -> bool:
        """Whether the index in use is of this version; the sample's is built anew when it is not."""
        from rankscope.corpus.document_store import DocumentStore

        folder = self.generations.current()
        try:
            if self.manifest is None or folder is None:
                return False
            DocumentStore.open(folder / "documents.db").close()
        except (WorkspaceError, FileNotFoundError):
            return False
        return True

    def parts(self) -> Parts:
        """The opened index and the (still unloaded) models. Raises IndexMissing or IndexMismatch."""
        from rankscope.engine.factory import open_parts

        with self._lock:
            if self._parts is None:
                self._parts = open_parts(self.generations, self.settings)
            return self._parts

    def warm_up(self) -> None:
        """Load both models and run them once, so that the first query does not pay for it."""
        self.parts().warm_up()

    def pipeline(self, settings: Settings | None = None) -> Pipeline:
        """A pipeline with these settings over the shared index and models."""
        from rankscope.engine.factory import build_pipeline
        from rankscope.engine.floors import passport_in_force

        chosen = settings if settings is not None else self.settings
        passport = passport_in_force(self.traces_path, chosen.floor)
        return build_pipeline(self.parts(), chosen, self.name, passport, self.judgments.relevant_to)

    @property
    def judgments(self) -> KnownJudgments:
        """What is judged, by files beside the corpus and by people."""
        from rankscope.engine.known_judgments import KnownJudgments

        if self._judgments is None:
            self._judgments = KnownJudgments(self)
        return self._judgments

    @property
    def traces(self) -> TraceStore:
        """The trace store, opened on first use."""
        from rankscope.tracing.store import TraceStore

        with self._lock:
            if self._store is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._store = TraceStore(self.traces_path)
            return self._store

    def close(self) -> None:
        """Flush the trace store and release the index."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
            if self._parts is not None:
                self._parts.close()
                self._parts = None


def find_workspace(explicit: str | Path | None = None, start: Path | None = None) -> Workspace:
    """The named workspace, else the nearest one upward from ``start``, else the sample corpus'.

    A folder is a workspace when it holds ``rankscope.toml`` or ``index/CURRENT``.
    """
    if explicit is not None:
        folder = Path(explicit)
        if not folder.is_dir():
            raise WorkspaceError(
                f"{folder}: there is no such folder.", remedy="Run `rankscope index SOURCE --workspace DIR`."
            )
        return Workspace(folder)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file() or (folder / "index" / "CURRENT").is_file():
            return Workspace(folder)
    return Workspace(sample_workspace_folder(), sample=True)
