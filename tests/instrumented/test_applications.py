"""Real instrumented applications: their spans import, and show up live where `rankscope listen` listens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rankscope.core.trace import Trace
from rankscope.tracing.formats.openinference import OpenInference
from rankscope.tracing.store import TraceStore
from tests.tracing.formats.reading import pairs, traces

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORPUS = ROOT / "sample_corpus" / "corpus.jsonl"
APPLICATIONS = {
    "haystack": ("haystack_integrations", ["bm25", "dense", "candidates", "rerank"]),
    "llama_index": ("llama_index.postprocessor.sbert_rerank", ["dense", "rerank"]),
}
"""The module that the application cannot run without, and the stages of its traces."""


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "HAYSTACK_TELEMETRY_ENABLED": "false",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _fits(trace: Trace, answer: str, stages: list[str]) -> None:
    """The trace has the ranks before and after, and what the application answered."""
    assert [ranking.stage for ranking in trace.rankings] == stages
    given = [doc_id for doc_id, _ in pairs(trace.before)]
    reranked = [doc_id for doc_id, _ in pairs(trace.after)]
    assert set(reranked) <= set(given)
    assert answer == f"{trace.query.text} {reranked}"
    assert all(trace.documents[doc_id].text for doc_id in given)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_spans_of_an_application_import_and_show_up_live(tmp_path: Path, name: str) -> None:
    module, stages = APPLICATIONS[name]
    for needed in (module, f"openinference.instrumentation.{name}"):
        pytest.importorskip(needed, reason="the application needs `pip install -e .[instrumented]`")
    script = str(HERE / f"{name}_app.py")
    database, spans = tmp_path / "traces.db", tmp_path / "spans.jsonl"
    listener = _start(tmp_path, "-m", "rankscope", "listen", "--port", "0", "--db", str(database))
    assert listener.stderr is not None
    opening = listener.stderr.readline()
    endpoint = re.search(r"http://\S+/v1/traces", opening)
    assert endpoint is not None, opening
    app = _start(
        tmp_path, script, str(CORPUS), "--spans", str(spans), "--endpoint", endpoint[0], "--questions", "2"
    )
    answers, errors = app.communicate(timeout=300)
    assert app.returncode == 0, errors
    listener.send_signal(signal.SIGTERM)
    shown, counts = listener.communicate(timeout=60)
    assert listener.returncode == 0, counts

    lines = answers.splitlines()
    imported = traces(OpenInference(), spans)
    with TraceStore(database, create=False) as store:
        live = list(store.iter_traces(oldest_first=True))
    assert len(lines) == len(imported) == len(live) == 2
    for trace, answer in zip(imported, lines, strict=True):
        _fits(trace, answer, stages)
    # What came over the wire is what the file holds, under the same ids: importing it adds nothing.
    assert [trace.trace_id for trace in live] == [trace.trace_id for trace in imported]
    # Times differ below the microsecond: the file has no more digits.
    for one, other in zip(live, imported, strict=True):
        assert [ranking.hits for ranking in one.rankings] == [ranking.hits for ranking in other.rankings]
        assert [ranking.ms for ranking in one.rankings] == pytest.approx(
            [ranking.ms for ranking in other.rankings], abs=2e-3
        )
    assert all(trace.trace_id in shown for trace in live)
