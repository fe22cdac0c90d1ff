"""LangSmith runs: a compressing retriever is the reranker, its inner retriever the stage before."""

from __future__ import annotations

import json
from pathlib import Path

from rankscope.tracing.formats.langsmith import LangSmith
from tests.tracing.formats.reading import FIXTURES, pairs, traces

PATH = FIXTURES / "langsmith.jsonl"


def test_a_compressing_retriever_reranks_what_is_inside_it() -> None:
    trace = traces(LangSmith(), PATH)[0]
    assert pairs(trace.before) == [("a", None), ("b", None), ("c", None)]
    assert pairs(trace.after) == [("b", 0.98), ("a", 0.4)]
    # 290 ms around 48 ms.
    assert [ranking.ms for ranking in trace.rankings] == [48.0, 290.0 - 48.0]
    assert trace.attributes["import"]["missing_scores"] == {"dense": 3}


def test_an_error_is_the_stage_s_status() -> None:
    trace = traces(LangSmith(), PATH)[1]
    assert trace.rankings[0].status == "failed:TimeoutError()"


def test_a_tree_of_child_runs_is_the_same_trace(tmp_path: Path) -> None:
    root, outer, inner, _ = (json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines())
    for run in (outer, inner):
        del run["trace_id"], run["parent_run_id"]
    tree = {**root, "child_runs": [{**outer, "child_runs": [inner]}]}
    path = tmp_path / "tree.json"
    path.write_text(json.dumps([tree]), encoding="utf-8")
    (trace,) = traces(LangSmith(), path)
    assert trace.trace_id == traces(LangSmith(), PATH)[0].trace_id
