"""Index generations: an index is built beside the live one and swapped in by one atomic rename.

``index/CURRENT`` names the folder in use. A build works in ``index/staging``; only a complete one is
renamed to ``index/gen-...`` and then named in ``CURRENT``. A process killed at any point leaves either the
old or the new index in use, never a half-built one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rankscope.core.identifiers import new_trace_id

__all__ = ["Generations"]


class Generations:
    """The folder that holds the generations of one index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def lock_path(self) -> Path:
        """File that a build holds locked."""
        return self.folder / "build.lock"

    @property
    def vectors_path(self) -> Path:
        """Embeddings by content, shared by all generations."""
        return self.folder / "vectors.db"

    def current(self) -> Path | None:
        """The generation in use, or None when nothing is built."""
        try:
            name = (self.folder / "CURRENT").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        path = self.folder / name
        return path if name and path.is_dir() else None

    def fresh_staging(self) -> Path:
        """An empty folder for a build; leftovers of a killed build are removed. Call with the lock held."""
        staging = self.folder / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True, mode=0o700)
        return staging

    def discard_staging(self) -> None:
        """Remove what a build that turned out not to be needed has written. Call with the lock held."""
        shutil.rmtree(self.folder / "staging", ignore_errors=True)
        self._remove_others(self.current())

    def publish(self, staging: Path) -> Path:
        """Make a complete build the one in use and remove the others. Call with the lock held."""
        for path in sorted(staging.rglob("*")):
            _sync(path)
        _sync(staging)
        target = self.folder / f"gen-{new_trace_id()}"
        staging.rename(target)
        _sync(self.folder)
        pointer = self.folder / "CURRENT.new"
        pointer.write_text(target.name + "\n", encoding="utf-8")
        _sync(pointer)
        pointer.replace(self.folder / "CURRENT")
        _sync(self.folder)
        self._remove_others(target)
        return target

    def _remove_others(self, kept: Path | None) -> None:
        """Generations out of use, those included that a killed build left behind."""
        for old in self.folder.glob("gen-*"):
            if kept is not None and old != kept:
                shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    """Push a file or folder to the disk before something that relies on it is written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
