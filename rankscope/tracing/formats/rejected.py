"""The list of what an import could not use: one JSON object a line with number, reason and raw text."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO

from rankscope.tracing.formats.importer import Rejected
from rankscope.tracing.formats.records import RAW_LIMIT
from rankscope.tracing.json_text import to_json_text

__all__ = ["RejectedFile", "rejected_path"]


def rejected_path(path: Path) -> Path:
    """``run.jsonl`` gives ``run.jsonl.rejected.jsonl`` beside it."""
    return path.with_name(f"{path.name}.rejected.jsonl")


class RejectedFile:
    """Written under another name and moved into place at the end; readable by its owner alone.

    There is no file where nothing was rejected: one of an earlier import is removed then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f"{path.name}.part")
        self._file: IO[str] | None = None

    def __enter__(self) -> RejectedFile:
        return self

    def write(self, outcome: Rejected) -> None:
        """Add one rejection."""
        if self._file is None:
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        row = {"line": outcome.line, "reason": outcome.reason, "raw": outcome.raw[:RAW_LIMIT]}
        if outcome.records != 1:
            row["records"] = outcome.records
        self._file.write(to_json_text(row) + "\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        if kind is not None:
            self._part.unlink(missing_ok=True)
        elif self._file is not None:
            self._part.replace(self.path)
        else:
            self.path.unlink(missing_ok=True)
