"""RankLLM requests and results."""

from __future__ import annotations

from pathlib import Path

from rankscope.tracing.formats.rankllm import RankLlm
from tests.tracing.formats.reading import FIXTURES, pairs, read, traces, write_lines


def test_candidates_keep_their_order_and_their_text() -> None:
    first, second = traces(RankLlm(), FIXTURES / "rankllm.jsonl", stage="rerank")
    assert (first.query.text, first.query.query_id) == ("dose for children", "1")
    assert pairs(first.after) == [("b", 3.0), ("a", 2.0)]
    assert first.documents["a"].title == "Leaflet"
    assert pairs(second.after) == [("d", 1.5), ("d", 1.25), ("e", None)]
    note = second.attributes["import"]
    assert (note["repeated_ids"], note["missing_scores"]) == ({"rerank": 1}, {"rerank": 1})


def test_lines_of_another_shape_are_rejected(tmp_path: Path) -> None:
    rows = [{"query": {"text": "q"}, "candidates": ["a"]}, {"query": {}, "candidates": []}, {"query": 1}]
    found, rejected, _ = read(RankLlm(), write_lines(tmp_path / "r.jsonl", rows))
    assert found == []
    assert [item.line for item in rejected] == [1, 2, 3]
