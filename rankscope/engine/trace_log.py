"""A file of finished traces, one line each, that a kill at any moment leaves readable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rankscope.core.trace import Trace
from rankscope.errors import TraceError

__all__ = ["TraceLog"]


class TraceLog:
    """Appends traces as ``rankscope.trace/1`` lines; only its owner may read the file (mode 0600)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Iterator[Trace]:
        """The traces of all complete lines; nothing when there is no file.

        A last line without its end is what a kill cut off, and is left out; :meth:`append` removes it.
        Raises TraceError, with the line, for a complete line that is no trace.
        """
        from rankscope.tracing.formats.native import loads

        try:
            with self.path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.endswith(b"\n"):
                        yield loads(line, path=self.path, line_number=number)
        except FileNotFoundError:
            return
        except TraceError as error:
            raise TraceError(error.message, remedy="Delete the file, or run with --fresh.") from error

    def append(self, trace: Trace) -> None:
        """Add one trace; it is in the hands of the operating system when this returns."""
        from rankscope.tracing.formats.native import dumps

        line = dumps(trace).encode() + b"\n"
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as file:
            file.seek(_end_of_last_line(file.fileno()))
            file.truncate()
            file.write(line)

    def clear(self) -> None:
        """Start anew."""
        self.path.unlink(missing_ok=True)


def _end_of_last_line(handle: int) -> int:
    """Offset behind the last line feed; 0 when there is none."""
    end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - 65_536)
        place = os.pread(handle, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
