"""`rankscope listen` as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from rankscope.cli.root import cli
from rankscope.errors import UsageError
from rankscope.tracing.store import TraceStore
from tests.tracing.otlp.spans import as_json, as_protobuf, request


def _listen(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """The listening process, and where to post."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rankscope", "listen", "--port", "0", "--db", "t.db", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    opening = process.stderr.readline()
    found = re.search(r"http://\S+", opening)
    assert found is not None, opening
    return process, found[0].rstrip(";")


def _post(url: str, body: bytes, media: str) -> None:
    with urllib.request.urlopen(
        urllib.request.Request(url, body, {"Content-Type": media}), timeout=30
    ) as sent:
        assert sent.status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_waits_is_stored_at_the_end(tmp_path: Path, number: signal.Signals) -> None:
    process, url = _listen(tmp_path)
    _post(url, as_protobuf(request(1, query="dose \x1b[31mfor\u202e children")), "application/x-protobuf")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "dense 3 19 ms · rerank 3 60 ms" in line
    assert "dose ␛[31mfor⇦ children" in line
    _post(url, as_json(request(2)[:2]), "application/json")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(out.splitlines()) == 1
    assert "2 posts, 5 spans, 4 of them retrieval or rerank; 2 traces stored, 0 stored before" in err
    with TraceStore(tmp_path / "t.db", create=False) as store:
        assert store.count() == 2
        assert {trace.query.text for trace in store.iter_traces()} == {
            "dose \x1b[31mfor\u202e children",
            "dose for children",
        }


def test_counts_as_one_json_document(tmp_path: Path) -> None:
    process, url = _listen(tmp_path, "--json")
    _post(url, as_json(request()), "application/json")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    counts = json.loads(out)
    assert (counts["posts"], counts["spans"], counts["traces"]) == (1, 3, 1), err


def test_an_address_that_others_reach_needs_a_flag() -> None:
    result = CliRunner().invoke(cli, ["listen", "--host", "0.0.0.0", "--port", "0"])
    assert isinstance(result.exception, UsageError)
    assert "--allow-remote" in str(result.exception)


def test_without_the_packages_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.trace.v1.trace_service_pb2", None)
    result = CliRunner().invoke(cli, ["listen", "--port", "0", "--db", str(tmp_path / "t.db")])
    assert isinstance(result.exception, UsageError)
    assert "pip install 'rankscope[otlp]'" in str(result.exception)
    assert not (tmp_path / "t.db").exists()
