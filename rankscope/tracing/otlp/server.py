"""The OTLP/HTTP endpoint: ``POST /v1/traces`` in protobuf or JSON, plain or gzip, for this machine's senders.

Built on the standard library's threading server: one thread a connection, at most so many at once, each
request bounded in size and time.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from rankscope.errors import InputError, UsageError
from rankscope.tracing.otlp.body import JSON, PROTOBUF, Posted, error_answer, gunzip, read_spans, success
from rankscope.tracing.otlp.request_body import BodyError, read_body

__all__ = ["Bounds", "OtlpServer", "is_loopback"]

PATH = "/v1/traces"
_RPC_CODES = {400: 3, 403: 7, 404: 5, 405: 12, 408: 4, 411: 3, 413: 8, 415: 3, 503: 14}
"""HTTP status to google.rpc.Code: invalid argument, permission denied, not found and so on."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one request and all of them may take."""

    body_bytes: int = 16 * 1024 * 1024
    """Longest body, as sent and uncompressed."""
    body_seconds: float = 20.0
    idle_seconds: float = 60.0
    """Wait for the next request on a connection that is kept open, and for a request's headers."""
    connections: int = 64
    at_once: int = 4
    """Bodies that are decoded at the same time; others wait."""


Offer = Callable[[Posted], bool]
"""Takes the spans of one post; False where there is no room for them now."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OtlpServer(ThreadingHTTPServer):
    """Listens at ``host:port`` (0 picks a free port). Raises UsageError where the address cannot be had.

    ``refused()`` is called for each post that is answered with an error.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        host: str,
        port: int,
        offer: Offer,
        *,
        refused: Callable[[], None],
        bounds: Bounds | None = None,
    ) -> None:
        self.offer = offer
        self.refused = refused
        self.bounds = bounds or Bounds()
        self.local_only = is_loopback(host)
        self.decoding = threading.BoundedSemaphore(self.bounds.at_once)
        self._room = threading.BoundedSemaphore(self.bounds.connections)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise UsageError(
                f"cannot listen at {host}:{port}: {error.strerror or error}.",
                remedy="Another program may listen there already; choose another --port.",
            ) from error

    @property
    def url(self) -> str:
        """Where to send spans."""
        host, port = self.server_address[:2]
        name = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{name}:{port}{PATH}"

    def server_bind(self) -> None:
        """Bind without the base class's look-up of the host's name, which may wait for a network."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, or end it at once where there are too many."""
        if not self._room.acquire(blocking=False):
            with suppress(OSError):
                request.sendall(
                    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
                )
            self.refused()
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A peer that went away or was too slow is no fault of this program; anything else is."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            sys.excepthook(type(error), error, error.__traceback__)


class _Refusal(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, message: str, *, keep: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.keep = keep
        """Whether the body has been read, so that the connection can serve another request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "rankscope"
    sys_version = ""
    server: OtlpServer

    def setup(self) -> None:
        """Bound how long the headers of a request may take to come."""
        super().setup()
        self.connection.settimeout(self.server.bounds.idle_seconds)

    def do_POST(self) -> None:
        """Take the spans of one export."""
        self._media = JSON if self._media_type() == JSON else PROTOBUF
        try:
            body = self._checked_body()
            posted = self._decoded(body)
            if not self.server.offer(posted):
                raise _Refusal(503, "too many spans wait to be stored; send them again later.", keep=True)
        except _Refusal as refusal:
            self._refuse(refusal.status, refusal.message, keep=refusal.keep)
            return
        self._answer(200, success(posted, self._media))

    def _other_method(self) -> None:
        self._media = JSON
        if urlsplit(self.path).path == PATH:
            self._refuse(405, f"{PATH} takes POST.", headers={"Allow": "POST"})
        else:
            self._refuse(404, f"there is nothing here; spans go to {PATH}.")

    # The names that the base class looks for.
    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _other_method  # noqa: N815

    def _checked_body(self) -> bytes:
        """The body of a request that is meant for here, before its content is looked at."""
        if urlsplit(self.path).path != PATH:
            raise _Refusal(404, f"there is nothing here; spans go to {PATH}.")
        if self.server.local_only and not self._host_is_local():
            raise _Refusal(403, "the Host header names another machine.")
        if self._media_type() not in (JSON, PROTOBUF):
            raise _Refusal(415, f"Content-Type is neither {PROTOBUF} nor {JSON}.")
        if self._encoding() not in ("", "identity", "gzip"):
            raise _Refusal(415, "Content-Encoding is neither gzip nor identity.")
        bounds = self.server.bounds
        try:
            return read_body(
                self.headers,
                cast(Any, self.rfile),
                self.connection,
                limit=bounds.body_bytes,
                seconds=bounds.body_seconds,
            )
        except BodyError as error:
            raise _Refusal(error.status, error.message) from error
        except TimeoutError as error:
            raise _Refusal(408, f"the body took longer than {bounds.body_seconds:g} s.") from error
        finally:
            self.connection.settimeout(bounds.idle_seconds)

    def _decoded(self, body: bytes) -> Posted:
        if not self.server.decoding.acquire(timeout=self.server.bounds.body_seconds):
            raise _Refusal(503, "too many posts at once; send them again later.", keep=True)
        try:
            if self._encoding() == "gzip":
                body = gunzip(body, self.server.bounds.body_bytes)
            return read_spans(body, self._media)
        except OverflowError as error:
            limit = self.server.bounds.body_bytes
            raise _Refusal(
                413, f"the body uncompressed is larger than {limit:,} bytes.", keep=True
            ) from error
        except InputError as error:
            raise _Refusal(400, error.message, keep=True) from error
        finally:
            self.server.decoding.release()

    def _media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def _encoding(self) -> str:
        return self.headers.get("Content-Encoding", "").strip().lower()

    def _host_is_local(self) -> bool:
        """Whether the request names this machine: a web page under a name of its own does not."""
        host = self.headers.get("Host")
        if host is None:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", self._media)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(
        self, status: int, message: str, *, keep: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        self.server.refused()
        self.close_connection = self.close_connection or not keep
        headers = {"Retry-After": "1", **(headers or {})} if status == 503 else headers
        self._answer(status, error_answer(_RPC_CODES.get(status, 2), message, self._media), headers)
        if not keep:
            self._let_the_answer_arrive()

    def _let_the_answer_arrive(self) -> None:
        """Read on for a moment: closing with unread bytes resets the connection and loses the answer."""
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(0.5)
            for _ in range(256):
                if not self.rfile.read1(64 * 1024):
                    return

    def handle_expect_100(self) -> bool:
        """Ask for the body only where it will be taken."""
        length = self.headers.get("Content-Length", "0")
        if length.isdigit() and len(length) < 19 and int(length) <= self.server.bounds.body_bytes:
            return super().handle_expect_100()
        self._media = JSON if self._media_type() == JSON else PROTOBUF
        self._refuse(413, f"the body is larger than {self.server.bounds.body_bytes:,} bytes.")
        return False

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses (a broken request line, an unknown method) is answered alike."""
        del explain
        self._media = JSON
        self.close_connection = True
        self.server.refused()
        # The base class may come here before it knows the command and the version.
        self.command = getattr(self, "command", "") or ""
        reason = message or HTTPStatus(code).phrase
        self._answer(code, error_answer(_RPC_CODES.get(code, 2), reason, JSON))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are counted, not listed."""
