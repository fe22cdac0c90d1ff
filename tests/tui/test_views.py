"""Columns: moves, dropped rows, the lines of floor and K, absence in words."""

from __future__ import annotations

from dataclasses import replace

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking
from rankscope.tui.views import Divider, Row, columns_of, where_absent
from tests.tui.traces import RERANKED, fused, trace


def shape(column) -> list[str]:
    """Ids of kept rows, ids of dropped ones in brackets, dividers by name."""
    parts = []
    for line in column.lines:
        if isinstance(line, Divider):
            parts.append(f"{line.kind}:{line.count}")
        else:
            parts.append(f"({line.hit.doc_id})" if line.dropped else line.hit.doc_id)
    return parts


def test_moves_are_places_gained_against_the_order_before() -> None:
    _, after = columns_of(trace(scores=RERANKED))
    assert after is not None
    moves = {row.hit.doc_id: row.moved for row in after.rows()}
    assert moves == {"c": 3 - 1, "a": 1 - 2, "e": 5 - 3, "b": 2 - 4, "d": 4 - 5}


def test_the_floor_line_stands_where_the_scores_fall_below_it() -> None:
    _, after = columns_of(trace(scores=RERANKED, floor=0.4))
    assert shape(after) == ["c", "a", "e", "floor:2", "(b)", "(d)"]


def test_a_floor_that_drops_nothing_stands_at_the_end() -> None:
    _, after = columns_of(trace(scores=RERANKED, floor=0.05))
    assert shape(after) == ["c", "a", "e", "b", "d", "floor:0"]


def test_a_floor_that_drops_all_stands_at_the_start() -> None:
    _, after = columns_of(trace(scores=RERANKED, floor=0.95))
    assert shape(after) == ["floor:5", "(c)", "(a)", "(e)", "(b)", "(d)"]


def test_k_and_floor_have_a_line_each() -> None:
    _, after = columns_of(trace(scores=RERANKED, floor=0.2, top_k=2))
    assert shape(after) == ["c", "a", "top_k:2", "(e)", "(b)", "floor:1", "(d)"]


def test_without_a_reranker_the_fused_column_is_final_and_a_probability_floor_is_left_out() -> None:
    before, after = columns_of(trace(floor=0.4, top_k=3))
    assert after is None
    assert shape(before) == ["a", "b", "c", "top_k:2", "(d)", "(e)"]


def test_while_reranked_the_fused_column_has_no_lines() -> None:
    before, _ = columns_of(trace(scores=RERANKED))
    assert shape(before) == ["a", "b", "c", "d", "e"]
    before, _ = columns_of(trace(top_k=3), reranking=True)  # no candidate is scored yet
    assert shape(before) == ["a", "b", "c", "d", "e"]


def test_an_import_whose_scores_do_not_fall_with_the_rank_keeps_its_order() -> None:
    odd = Ranking(
        "rerank", ScoreScale.PROBABILITY, (Hit("a", 1, 0.2), Hit("b", 2, 0.8), Hit("c", 3, 0.1)), depth=50
    )
    _, after = columns_of(trace().with_ranking(odd))
    assert shape(after) == ["floor:2", "(a)", "b", "(c)"]


def test_a_document_that_was_not_there_before_is_new() -> None:
    both = trace(scores={"z": 0.9, "a": 0.5})
    _, after = columns_of(both)
    assert after is not None
    assert [row.moved for row in after.rows()] == [None, 1 - 2]


def test_fused_lists_are_named_in_the_order_in_which_they_ran() -> None:
    before, _ = columns_of(trace())
    assert before is not None
    assert before.lists == ("bm25", "dense")
    assert before.list_depths == (4, None)  # dense returned all five that it has


def test_line_of_counts_the_lines_between() -> None:
    _, after = columns_of(trace(scores=RERANKED, floor=0.4))
    assert after is not None
    assert (after.line_of("c"), after.line_of("b"), after.line_of("z")) == (0, 4, None)
    assert isinstance(after.lines[4], Row)


def test_absence_is_said_in_words() -> None:
    made = trace(scores={"a": 0.5, "b": 0.4}, status="partial", finished=False)
    assert where_absent(made, "bm25") == "not in top 4"
    assert where_absent(made, "dense") == "no match"
    assert where_absent(made, "rerank", total=5) == "not scored (2 of 5 are)"
    assert where_absent(made, "colbert") == "not run"
    assert where_absent(trace(status="failed:no memory"), "rerank") == "failed"
    undated = made.with_ranking(replace(fused(), depth=None))
    assert where_absent(undated, "fusion") == "not returned"
