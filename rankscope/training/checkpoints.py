"""Finding the checkpoint that a killed run goes on from."""

from __future__ import annotations

from pathlib import Path

__all__ = ["COMPLETE", "last_checkpoint"]

COMPLETE = "complete"
"""Name of the file that is written last; a checkpoint without it was cut short."""


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end, None when there is none."""
    found = [path for path in folder.glob("checkpoint-*") if (path / COMPLETE).is_file()]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
