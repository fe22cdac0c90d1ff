"""Traces into a ``.jsonl`` file, for services that cannot share a database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rankscope.core.file_lock import locked
from rankscope.core.trace import Trace
from rankscope.errors import RankScopeError, TraceError, WorkspaceError
from rankscope.tracing.formats.native import dumps

__all__ = ["JsonLinesSink"]


class JsonLinesSink:
    """Appends one line a trace (``rankscope.trace/1``); the file is private (0600).

    Several processes may append to one file: each batch is written whole, under a lock where the system
    has one. A file that was moved away, as log rotation does, is made anew. A batch that could not be
    written whole is taken back, so that no half line is left.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, traces: Sequence[Trace]) -> list[RankScopeError | None]:
        """Append traces; the error of each that was not written, else None. Raises nothing."""
        answers: list[RankScopeError | None] = []
        lines: list[str] = []
        for trace in traces:
            try:
                lines.append(dumps(trace))
                answers.append(None)
            except TraceError as error:
                answers.append(error)
            except Exception as error:  # noqa: BLE001 - a trace may hold anything; it becomes the answer
                name = f"trace {trace.trace_id!r:.80}"
                answers.append(TraceError(f"{name} cannot be written as JSON: {error!r:.200}."))
        try:
            self._append("".join(f"{line}\n" for line in lines).encode("utf-8"))
        except OSError as error:
            failure = WorkspaceError(
                f"{self._path}: traces cannot be written: {error.strerror or error}.",
                remedy="Check the folder, its permissions and the space on the disk.",
            )
            return [answer or failure for answer in answers]
        return answers

    def close(self) -> None:
        """Nothing is held between batches."""

    def _append(self, data: bytes) -> None:
        if not data:
            return
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            with locked(handle):
                end = os.fstat(handle).st_size
                if end and os.pread(handle, 1, end - 1) != b"\n":
                    data = b"\n" + data  # another writer was killed in the middle of a line
                try:
                    rest = memoryview(data)
                    while rest:
                        rest = rest[os.write(handle, rest) :]
                except OSError:
                    with suppress(OSError):  # the first error is the one to tell
                        os.ftruncate(handle, end)
                    raise
        finally:
            os.close(handle)
