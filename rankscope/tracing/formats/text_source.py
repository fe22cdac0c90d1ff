"""Opening a file as lines of text: gzip by its magic bytes, UTF-16 by its mark, bad bytes kept visible."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from rankscope.errors import InputError

__all__ = ["has_undecoded", "open_bytes", "open_text", "read_lines", "read_start", "suffixes_of"]

_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def suffixes_of(path: Path) -> str:
    """The suffix that names the format, lower case, without ``.gz``: ``run.trec.gz`` gives ``.trec``."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def is_plain(path: Path) -> bool:
    """Whether the bytes can be read as UTF-8 from any line on: neither packed nor UTF-16."""
    with path.open("rb") as probe:
        return probe.read(2) not in (_GZIP_MAGIC, *_UTF16_MARKS)


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where it is gzip, whatever its name says."""
    with path.open("rb") as probe:
        packed = probe.read(2) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def open_text(path: Path, newline: str | None = None) -> io.TextIOWrapper:
    """The file as text, UTF-8 unless marked as UTF-16.

    Bytes that are not UTF-8 become lone surrogates (``surrogateescape``), so that a reader can reject the
    one record that holds them and go on.
    """
    stream = open_bytes(path)
    mark = stream.read(2)
    stream.seek(0)
    encoding = "utf-16" if mark in _UTF16_MARKS else "utf-8-sig"
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline=newline)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines from 1, without their ends. Only a line feed ends a line."""
    try:
        with open_text(path, newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                yield number, line.rstrip("\n").rstrip("\r")
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"the gzip data is damaged: {error}.", path=path) from error


def read_start(path: Path, size: int) -> bytes:
    """The first ``size`` unpacked bytes."""
    try:
        with open_bytes(path) as stream:
            return stream.read(size)
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"the gzip data is damaged: {error}.", path=path) from error


def has_undecoded(text: str) -> bool:
    """Whether the text holds bytes that were not UTF-8."""
    return not text.isascii() and any("\udc80" <= char <= "\udcff" for char in text)
