"""Rows, rail, frame and document views as text: what is shown at which width, and that it fits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking
from rankscope.tui.state import Phase, ProbeState, RunPhase
from rankscope.tui.views import Divider, columns_of
from rankscope.tui.widgets import ranking_columns
from rankscope.tui.widgets.document_views import journey
from rankscope.tui.widgets.frame import connector_line
from rankscope.tui.widgets.stage_rail import rail
from tests.tui.fakes import SETTINGS
from tests.tui.traces import FUSED, RERANKED, trace

FINISHED = ProbeState(SETTINGS, phase=Phase.READY, run=RunPhase.FINISHED, query=Query("q"))
LONG_IDS = {f"policy/{word}/refunds-2021-eu": 0.9 - place / 10 for place, word in enumerate(FUSED)}


def drawn(column, width: int, documents=None) -> list[str]:
    figures = ranking_columns.plan(column, documents or {}, width)
    lines = [ranking_columns.heading(figures).plain]
    for line in column.lines:
        if isinstance(line, Divider):
            lines.append(ranking_columns.divider(line, width).plain)
        else:
            lines.append(ranking_columns.row(figures, line, " ").plain)
    return lines


@given(st.integers(36, 120), st.booleans())
def test_rows_fit_their_width(width: int, long_ids: bool) -> None:
    made = trace(scores=LONG_IDS if long_ids else RERANKED)
    for column in columns_of(made):
        assert column is not None
        for line in drawn(column, width, made.documents):
            assert Content(line).cell_length <= width


def test_a_narrow_column_shortens_ids_in_the_middle_and_hides_titles() -> None:
    before, after = columns_of(trace(scores=LONG_IDS))
    text = "\n".join(drawn(after, 34) + drawn(before, 34))
    assert "…" in text
    assert "-eu" in text
    assert "Title" not in text


def test_a_wide_column_shows_bars_and_titles() -> None:
    made = trace(scores=RERANKED)
    lines = drawn(columns_of(made)[1], 90, made.documents)
    assert "Title c" in lines[1]
    assert "█" in lines[1]
    assert "▲" in lines[1]
    assert ".900" in lines[1]


def test_a_list_that_did_not_return_a_document_says_how_far_it_looked() -> None:
    lines = drawn(columns_of(trace(scores=RERANKED))[0], 60)
    assert ">4" in lines[-1]


def test_floor_line() -> None:
    text = ranking_columns.divider(Divider("floor", 0.4, 47), 40).plain
    assert text == " ─── floor 0.40 ─── 47 below " + "─" * (40 - 29)
    assert " K 10 ─── 3 beyond K " in ranking_columns.divider(Divider("top_k", 10, 3), 40).plain


def test_rail_shows_milliseconds_total_and_budget() -> None:
    text = rail(replace(FINISHED, trace=trace(scores=RERANKED)), 120).plain
    for part in ("bm25 1.0", "dense 1.0", "fusion 0.1", "rerank 200", "202 of 500 ms"):
        assert part in text
    assert len(text) <= 120
    assert "over" not in text


def test_rail_bars_share_one_scale_up_to_the_budget() -> None:
    def length(budget: float) -> int:
        settings = SETTINGS.override("budget", total_ms=budget)
        return rail(replace(FINISHED, trace=trace(scores=RERANKED), settings=settings), 200).plain.count("█")

    assert length(500.0) == pytest.approx(2 * length(1000.0), abs=2)
    longer = len("202 ms, budget 10: over") - len("202 of 202 ms")
    assert length(10.0) == pytest.approx(length(202.1) - longer, abs=6)


def test_rail_over_budget_says_so() -> None:
    over = replace(
        FINISHED, trace=trace(scores=RERANKED), settings=SETTINGS.override("budget", total_ms=100.0)
    )
    assert "202 ms, budget 100: over" in rail(over, 120).plain


@pytest.mark.parametrize("width", [72, 80, 120])
def test_rail_says_what_did_not_run(width: int) -> None:
    for status, word in (("skipped:few", "skipped"), ("failed:no memory", "failed")):
        assert f"rerank {word}" in rail(replace(FINISHED, trace=trace(status=status)), width).plain


def test_rail_counts_while_the_reranker_scores() -> None:
    partial = trace(scores={"a": 0.5}, status="partial", finished=False)
    state = replace(FINISHED, run=RunPhase.RUNNING, running="rerank", trace=partial, total=5)
    assert "rerank 1/5" in rail(state, 120).plain
    assert "rerank stopped at 1/5" in rail(replace(state, run=RunPhase.STOPPED, running=""), 120).plain


def test_rail_before_the_first_run_and_without_times() -> None:
    assert "bm25 → dense" in rail(FINISHED, 80).plain
    untimed = trace()
    untimed = replace(untimed, rankings=tuple(replace(ranking, ms=None) for ranking in untimed.rankings))
    assert "no times recorded" in rail(replace(FINISHED, trace=untimed), 80).plain


def link(left: int | None, right: int | None, height: int = 6) -> list[str]:
    return [connector_line(y, left, right, height).plain for y in range(height)]


@pytest.mark.parametrize(
    ("left", "right", "lines"),
    [
        (2, 2, [" │ ", " │ ", "━━━", " │ ", " │ ", " │ "]),
        (1, 3, [" │ ", "━┓ ", " ┃ ", " ┗━", " │ ", " │ "]),
        (3, 1, [" │ ", " ┏━", " ┃ ", "━┛ ", " │ ", " │ "]),
        (2, None, [" │ ", " │ ", "━╸ ", " │ ", " │ ", " │ "]),
        (None, 2, [" │ ", " │ ", " ╺━", " │ ", " │ ", " │ "]),
        (3, 9, [" │ ", " │ ", " │ ", "━┓ ", " ┃ ", " ▼ "]),
        (3, -4, [" │ ", " ▲ ", " ┃ ", "━┛ ", " │ ", " │ "]),
        (None, None, [" │ "] * 6),
        (-3, -1, [" │ "] * 6),
        (8, 9, [" │ "] * 6),
    ],
)
def test_the_link_goes_from_place_to_place(left: int | None, right: int | None, lines: list[str]) -> None:
    assert link(left, right) == lines


def test_journey_names_every_stage_and_the_arithmetic() -> None:
    made = trace(scores=RERANKED)
    text = journey(made, "c", k=60).plain
    assert text == (
        "bm25 #3 3.33 → dense #3 3.333 → fusion #3 .0317 (1/63 + 1/63) → rerank #1 .900 ▲ 2"
        " → kept .500 above the floor"
    )
    assert "(.0159 + .0159)" in journey(made, "c").plain


def test_journey_says_where_a_document_was_lost() -> None:
    made = trace(scores=RERANKED)
    text = journey(made, "e", k=60).plain
    assert text.startswith("bm25 not in top 4 → dense #5")
    assert journey(made, "d", k=60).plain.endswith("below the floor by .300")
    assert journey(trace(scores=RERANKED, top_k=1, floor=None), "a").plain.endswith("beyond K=1")
    assert "not in the final order" in journey(made, "zz").plain
    unfinished = trace(scores={"a": 0.5}, status="partial", finished=False)
    assert journey(unfinished, "c", total=5).plain.endswith("rerank not scored (1 of 5 is)")


def test_a_list_without_scores_is_drawn_without_bars() -> None:
    unscored = Ranking("rerank", ScoreScale.UNKNOWN, (Hit("a", 1, None), Hit("b", 2, None)), depth=50)
    _, after = columns_of(replace(trace(floor=None), rankings=(*trace().rankings, unscored)))
    lines = drawn(after, 60)
    assert "no score" in lines[1]
    assert "█" not in lines[1]
