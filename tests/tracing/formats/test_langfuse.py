"""Langfuse observations: documents as JSON text, rerank results by index, errors."""

from __future__ import annotations

import json
from pathlib import Path

from rankscope.tracing.formats.langfuse import Langfuse
from tests.tracing.formats.reading import FIXTURES, pairs, traces

PATH = FIXTURES / "langfuse.jsonl"


def test_rerank_results_by_index_get_the_ids_of_their_input() -> None:
    trace = traces(Langfuse(), PATH)[0]
    assert trace.query.text == "dose for children"
    assert pairs(trace.before) == [("a", 0.8), ("b", 0.7), ("c", 0.6)]
    assert pairs(trace.after) == [("b", 0.97), ("a", 0.31)]
    assert [ranking.ms for ranking in trace.rankings] == [40.0, 100.0]
    assert trace.pipeline.models["cross_encoder"].name == "rerank-v3"


def test_nothing_found_and_an_error_are_told_apart() -> None:
    _, empty, failed = traces(Langfuse(), PATH)
    assert (empty.rankings[0].status, empty.rankings[0].hits) == ("ok", ())
    assert failed.rankings[0].status == "failed:connection refused"
    assert failed.query.text == "alcohol"


def test_a_trace_with_its_observations_is_read_too(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()[:3]]
    for row in rows:
        del row["traceId"]
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"id": "t1", "observations": rows}, indent=2), encoding="utf-8")
    (trace,) = traces(Langfuse(), path)
    assert pairs(trace.after) == [("b", 0.97), ("a", 0.31)]
