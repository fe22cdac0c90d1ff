"""The endpoint over real sockets: what is answered to good, bad, large, slow and hostile requests."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from rankscope.errors import UsageError
from rankscope.tracing.otlp.body import JSON, PROTOBUF, Posted
from rankscope.tracing.otlp.server import Bounds, OtlpServer, is_loopback
from tests.tracing.otlp.spans import as_json, as_protobuf, request

BOUNDS = Bounds(body_bytes=100_000, body_seconds=0.5, idle_seconds=5.0, connections=8)


class _Endpoint:
    """A server on a free port, what it took in and how often it refused."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.taken: list[Posted] = []
        self.refused = 0
        self.room = True
        self.server = OtlpServer("127.0.0.1", 0, self._offer, refused=self._refuse, bounds=bounds)
        self.port = int(self.server.server_address[1])

    def _offer(self, posted: Posted) -> bool:
        if self.room:
            self.taken.append(posted)
        return self.room

    def _refuse(self) -> None:
        self.refused += 1

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def post(
        self, body: bytes, media: str = PROTOBUF, path: str = "/v1/traces", **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        with closing(self.connect()) as connection:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST", path, body, {"Content-Type": media, **given})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers

    def raw(self, *parts: bytes) -> bytes:
        """Everything that comes back for bytes as they are."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=10)) as connection:
            for part in parts:
                connection.sendall(part)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received


@contextmanager
def _serving(bounds: Bounds = BOUNDS) -> Iterator[_Endpoint]:
    endpoint = _Endpoint(bounds)
    thread = threading.Thread(target=endpoint.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.server.shutdown()
        thread.join()
        endpoint.server.server_close()


@pytest.fixture
def endpoint() -> Iterator[_Endpoint]:
    with _serving() as endpoint:
        yield endpoint


HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_an_export_in_each_encoding_plain_and_gzip(endpoint: _Endpoint) -> None:
    for body, media in ((as_protobuf(request()), PROTOBUF), (as_json(request()), JSON)):
        for sent, headers in ((body, {}), (gzip.compress(body), {"Content_Encoding": "gzip"})):
            status, answer, given = endpoint.post(sent, media, **headers)
            assert (status, given["Content-Type"]) == (200, media)
            assert answer == (b"" if media == PROTOBUF else b"{}")
    assert len(endpoint.taken) == 4
    assert all(posted == endpoint.taken[0] for posted in endpoint.taken)
    assert len(endpoint.taken[0].spans) == 3
    assert endpoint.refused == 0


def test_a_connection_serves_several_requests_also_after_an_error(endpoint: _Endpoint) -> None:
    with closing(endpoint.connect()) as connection:
        for body, expected in ((b"{}", 200), (b"{", 400), (b"{}", 200)):
            connection.request("POST", "/v1/traces", body, {"Content-Type": JSON})
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:1]) == (expected, b"{")
    assert len(endpoint.taken) == 2


def test_malformed_bodies_get_the_protocols_error_in_their_own_encoding(endpoint: _Endpoint) -> None:
    status, answer, headers = endpoint.post(b"\xff\xff", PROTOBUF)
    assert (status, headers["Content-Type"]) == (400, PROTOBUF)
    assert Status.FromString(answer).code == 3
    status, answer, headers = endpoint.post(b"{", JSON + "; charset=utf-8")
    assert (status, headers["Content-Type"]) == (400, JSON)
    assert json.loads(answer)["code"] == 3
    status, answer, _ = endpoint.post(b"no gzip", JSON, Content_Encoding="gzip")
    assert (status, "gzip" in json.loads(answer)["message"]) == (400, True)
    assert endpoint.taken == []
    assert endpoint.refused == 3


def test_spans_that_are_left_out_are_a_partial_success(endpoint: _Endpoint) -> None:
    records = request()
    records[1]["spanId"] = "00" * 8
    status, answer, _ = endpoint.post(as_protobuf(records))
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_spans) == (200, 1)
    assert "span id" in partial.error_message
    assert len(endpoint.taken[0].spans) == 2


@pytest.mark.parametrize("media", ["text/plain", "application/grpc", ""])
def test_other_content_types_are_refused(endpoint: _Endpoint, media: str) -> None:
    assert endpoint.post(b"{}", media)[0] == 415


def test_other_encodings_paths_and_methods_are_refused(endpoint: _Endpoint) -> None:
    assert endpoint.post(b"{}", JSON, Content_Encoding="br")[0] == 415
    assert endpoint.post(b"{}", JSON, path="/v1/metrics")[0] == 404
    assert endpoint.post(b"{}", JSON, path="/v1/traces?x=1")[0] == 200
    with closing(endpoint.connect()) as connection:
        connection.request("GET", "/v1/traces")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert b" 404 " in endpoint.raw(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 501 " in endpoint.raw(b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    # Without a version it is HTTP/0.9, whose answers have no head.
    assert b"Bad request" in endpoint.raw(b"nonsense here now and more\r\n\r\n")


def test_a_page_under_a_name_of_its_own_is_refused(endpoint: _Endpoint) -> None:
    assert endpoint.post(b"{}", JSON, Host="evil.example:4318")[0] == 403
    assert endpoint.post(b"{}", JSON, Host="localhost:4318")[0] == 200
    assert endpoint.post(b"{}", JSON, Host="[::1]:4318")[0] == 200


def test_large_bodies_are_refused_however_they_come(endpoint: _Endpoint) -> None:
    large = b" " * (BOUNDS.body_bytes + 1)
    assert endpoint.post(large, JSON)[0] == 413
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < BOUNDS.body_bytes
    assert endpoint.post(bomb, JSON, Content_Encoding="gzip")[0] == 413
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    assert b" 413 " in endpoint.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk * 4)
    assert b" 413 " in endpoint.raw(HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n")
    expecting = b"Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n"
    assert b" 413 " in endpoint.raw(HEAD + expecting).split(b"\r\n")[0]
    assert endpoint.taken == []


def test_chunked_bodies_are_read(endpoint: _Endpoint) -> None:
    body = as_json(request())
    chunks = [body[start : start + 700] for start in range(0, len(body), 700)]
    sent = b"".join(b"%x;x=y\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 200 " in endpoint.raw(head, sent, b"0\r\nTrailer: 1\r\n\r\n")
    assert len(endpoint.taken[0].spans) == 3


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"\r\n", 411),
        (b"Content-Length: -1\r\n\r\n", 400),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400),
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 2000, 400),
    ],
)
def test_a_body_of_uncertain_length_is_refused(endpoint: _Endpoint, head: bytes, status: int) -> None:
    assert f" {status} ".encode() in endpoint.raw(HEAD + head).split(b"\r\n")[0]
    assert endpoint.taken == []


def test_a_slow_body_is_given_up(endpoint: _Endpoint) -> None:
    assert b" 408 " in endpoint.raw(HEAD + b"Content-Length: 10\r\n\r\n{")


def test_a_body_that_ends_early_is_refused(endpoint: _Endpoint) -> None:
    with closing(socket.create_connection(("127.0.0.1", endpoint.port), timeout=10)) as connection:
        connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(65536)


def test_a_sender_is_asked_to_come_again_when_there_is_no_room(endpoint: _Endpoint) -> None:
    endpoint.room = False
    status, answer, headers = endpoint.post(b"{}", JSON)
    assert (status, headers["Retry-After"]) == (503, "1")
    assert json.loads(answer)["code"] == 14


def test_connections_are_bounded() -> None:
    with _serving(Bounds(connections=2)) as endpoint:
        held = [socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) for _ in range(2)]
        for connection in held:  # answered, so that its thread has begun
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
            assert connection.recv(65536)
        assert b" 503 " in endpoint.raw(b"")
        for connection in held:
            connection.close()


def test_a_port_that_is_taken_is_one_line(endpoint: _Endpoint) -> None:
    with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1:{endpoint.port}"):
        OtlpServer("127.0.0.1", endpoint.port, endpoint._offer, refused=endpoint._refuse)


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.0.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.1", "example.org", "")))
