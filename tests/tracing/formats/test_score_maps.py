"""ranx and BEIR: ``{qid: {docid: score}}``."""

from __future__ import annotations

from pathlib import Path

from rankscope.tracing.formats.score_maps import Beir, Ranx
from tests.tracing.formats.reading import FIXTURES, pairs, read, traces


def test_the_order_is_that_of_the_scores() -> None:
    first, second = traces(Ranx(), FIXTURES / "ranx.json", stage="fusion")
    assert (first.query.query_id, second.query.query_id) == ("q1", "q2")
    assert pairs(first.ranking("fusion")) == [("b", 0.75), ("a", 0.5), ("c", -1.0)]
    assert pairs(second.ranking("fusion")) == [("e", 3.0), ("d", 2.0)]


def test_beir_results_are_the_same_object() -> None:
    first, _ = traces(Beir(), FIXTURES / "beir_results.json")
    assert pairs(first.rankings[0]) == [("b", 0.75), ("a", 0.5)]
    assert first.origin == "import:beir"


def test_a_query_without_scores_is_rejected_and_a_missing_score_counted(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"q1": {"a": 1, "b": null}, "q2": "none", "q3": {"a": "x"}}', encoding="utf-8")
    found, rejected, _ = read(Ranx(), path)
    assert pairs(found[0].rankings[0]) == [("a", 1.0), ("b", None)]
    assert found[0].attributes["import"]["missing_scores"] == {"retrieval": 1}
    assert [item.reason.split(":")[0] for item in rejected] == ["query 'q2'", "query 'q3'"]
