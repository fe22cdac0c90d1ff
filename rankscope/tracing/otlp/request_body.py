"""Reading the body of an HTTP/1.1 request: by Content-Length or in chunks, never beyond a limit or a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from email.message import Message
from typing import BinaryIO

__all__ = ["BodyError", "read_body"]

_LINE = 1024
_PIECE = 64 * 1024


class BodyError(Exception):
    """The body cannot be read: the HTTP status that says so, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def read_body(
    headers: Message[str, str], stream: BinaryIO, connection: socket.socket, *, limit: int, seconds: float
) -> bytes:
    """The body's bytes as sent. Raises BodyError, TimeoutError after ``seconds``, OSError on a lost peer.

    A request that says its length in two ways, or twice, is refused: two readers would disagree where the
    next one starts.
    """
    lengths = headers.get_all("Content-Length") or []
    codings = [value.strip().lower() for value in headers.get_all("Transfer-Encoding") or []]
    deadline = time.monotonic() + seconds
    if codings:
        if lengths or codings != ["chunked"]:
            raise BodyError(400, "a body is either chunked or has a Content-Length.")
        return b"".join(_chunks(stream, connection, limit, deadline))
    if not lengths:
        raise BodyError(411, "the request has no Content-Length and is not chunked.")
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise BodyError(400, "Content-Length is not one whole number.")
    if len(lengths[0]) > 18 or int(lengths[0]) > limit:
        raise BodyError(413, f"the body is larger than {limit:,} bytes.")
    return _exactly(stream, connection, int(lengths[0]), deadline)


def _chunks(stream: BinaryIO, connection: socket.socket, limit: int, deadline: float) -> Iterator[bytes]:
    room = limit
    while True:
        size_text = _line(stream, connection, deadline).partition(b";")[0].strip()
        if not size_text or len(size_text) > 8 or size_text.strip(b"0123456789abcdefABCDEF"):
            raise BodyError(400, "a chunk's size is not a hexadecimal number.")
        size = int(size_text, 16)
        if size == 0:
            break
        room -= size
        if room < 0:
            raise BodyError(413, f"the body is larger than {limit:,} bytes.")
        yield _exactly(stream, connection, size, deadline)
        if _line(stream, connection, deadline):
            raise BodyError(400, "a chunk is longer than its size says.")
    for _ in range(32):  # trailers
        if not _line(stream, connection, deadline):
            return
    raise BodyError(400, "too many trailers.")


def _line(stream: BinaryIO, connection: socket.socket, deadline: float) -> bytes:
    _arm(connection, deadline)
    line = stream.readline(_LINE)
    if not line.endswith(b"\n"):
        raise BodyError(400, "the chunked body ends early.")
    return line.rstrip(b"\r\n")


def _exactly(stream: BinaryIO, connection: socket.socket, size: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while size:
        _arm(connection, deadline)
        # One receive at a time, so that a sender of one byte now and then meets the deadline.
        part = stream.read1(min(size, _PIECE))  # type: ignore[attr-defined]  # a buffered reader
        if not part:
            raise BodyError(400, "the body ends early.")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _arm(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
