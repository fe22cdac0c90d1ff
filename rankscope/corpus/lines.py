"""Lines of a source file, decoded one at a time: gzip, byte-order mark and CRLF are seen to here."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from rankscope.corpus.records import MAX_PASSAGE
from rankscope.errors import CorpusError

__all__ = ["Line", "decode_error", "open_bytes", "read_lines"]

_GZIP_MAGIC = b"\x1f\x8b"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Line:
    """One line; ``error`` says why it cannot be used."""

    number: int
    text: str
    """Without its line end. Bytes that are not UTF-8 are surrogates here; a line too long is empty."""
    error: CorpusError | None = None


@contextmanager
def open_bytes(path: Path) -> Iterator[BufferedReader | gzip.GzipFile]:
    """The bytes of a file, unpacked when it is gzip. Raises CorpusError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            if stream.peek(2)[:2] == _GZIP_MAGIC:
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    yield unpacked
            else:
                yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorpusError(
            f"the gzip file is damaged: {error}.", path=path, remedy="Download or pack it again."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise CorpusError(f"cannot be read: {reason}.", path=path, remedy="Check path and rights.") from error


def read_lines(path: Path) -> Iterator[Line]:
    """Every line of a UTF-8 file. Only a line feed ends a line; other Unicode separators are text.

    A line that is too long or not UTF-8 is yielded with its error. Raises CorpusError when the file is
    empty, of another encoding, or cannot be read.
    """
    with open_bytes(path) as stream:
        number = 0
        while raw := stream.readline(MAX_PASSAGE + 1):
            number += 1
            if number == 1:
                if raw.startswith(_UTF16_MARKS):
                    raise _utf16(path)
                raw = raw.removeprefix(_UTF8_MARK)
            if len(raw) > MAX_PASSAGE and not raw.endswith(b"\n"):
                yield Line(number, "", _too_long(path, number, len(raw) + _skip_rest(stream)))
                continue
            try:
                text, problem = raw.decode("utf-8"), None
            except UnicodeDecodeError as error:
                text, problem = raw.decode("utf-8", "surrogateescape"), decode_error(error, path, number)
            yield Line(number, text.removesuffix("\n").removesuffix("\r"), problem)
        if number == 0:
            raise CorpusError("the file is empty.", path=path, remedy="Expected at least one document.")


def _skip_rest(stream: BufferedReader | gzip.GzipFile) -> int:
    """Read to the end of the line in pieces; returns how many bytes there were."""
    skipped = 0
    while piece := stream.readline(MAX_PASSAGE):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def decode_error(error: UnicodeDecodeError, path: Path, line: int) -> CorpusError:
    """One line for bytes that are not UTF-8; the byte is counted from 1 within the line."""
    before = error.object.rfind(b"\n", 0, error.start) + 1
    return CorpusError(
        f"not valid UTF-8: byte {error.start - before + 1} of the line is 0x{error.object[error.start]:02x}.",
        path=path,
        line=line,
        remedy="Save the file as UTF-8.",
    )


def _utf16(path: Path) -> CorpusError:
    return CorpusError("the file is UTF-16, expected UTF-8.", path=path, remedy="Save the file as UTF-8.")


def _too_long(path: Path, line: int, length: int) -> CorpusError:
    return CorpusError(
        f"the line has {length:,} bytes, at most {MAX_PASSAGE:,} (1 MiB) are read.",
        path=path,
        line=line,
        remedy="Write one document a line, and split a text this long into passages.",
    )
