"""A real HTTP server on loopback that answers like an OpenAI-compatible service, by a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """One scripted answer; ``text`` is the message's content unless ``raw`` is the whole body."""

    text: str = '{"grade": 2, "reason": "says so"}'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hang: threading.Event | None = None
    drop: bool = False
    """Close the connection without an answer."""


@dataclass
class JudgeServer:
    """What was asked, and what is to be answered; the last answer repeats."""

    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    endpoint: str = ""

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def judge_server(*answers: Answer) -> Iterator[JudgeServer]:
    script = JudgeServer(list(answers) or [Answer()])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            script.asked.append(json.loads(body))
            script.headers.append(dict(self.headers.items()))
            script.paths.append(self.path)
            answer = script.next_answer()
            if answer.hang is not None:
                answer.hang.wait(10)
            if answer.drop:
                self.close_connection = True
                return
            message = {"choices": [{"message": {"role": "assistant", "content": answer.text}}]}
            raw = json.dumps(message).encode() if answer.raw is None else answer.raw
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(raw)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def do_GET(self) -> None:
            script.paths.append(f"GET {self.path}")
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.endpoint = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
