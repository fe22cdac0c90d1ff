"""Formatting: exact widths, bars, moves, and nothing that a terminal or a markup parser would obey."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.tui import cells

HOSTILE = st.text(
    alphabet=st.one_of(
        st.characters(codec=None),
        st.sampled_from("[/b][@click=app.quit]\x1b\x07\x00\x9b\u202e\u200d\ufe0f👩🔬漢字ｶ\r\n\t…"),
    ),
    max_size=40,
)
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@given(HOSTILE, st.integers(0, 60), st.booleans())
def test_fit_is_exactly_as_wide_as_asked_and_safe(text: str, width: int, right: bool) -> None:
    shown = cells.fit(text, width, right=right)
    assert cell_len(shown) == width
    assert not UNSAFE.search(shown)


@given(HOSTILE, st.integers(1, 60))
def test_middle_is_exactly_as_wide_as_asked_and_safe(text: str, width: int) -> None:
    shown = cells.middle(text, width)
    assert cell_len(shown) == width
    assert not UNSAFE.search(shown)


def test_middle_keeps_both_ends() -> None:
    assert cells.middle("ibuprofen-children-02", 11) == "ibupr…en-02"


@given(HOSTILE)
def test_styled_text_is_safe_and_never_markup(text: str) -> None:
    content = cells.styled(text, "bold")
    assert not UNSAFE.search(content.plain)
    assert len(content.plain) == len(text)
    assert {span.style for span in content.spans} <= {"bold"}


@given(HOSTILE, st.lists(st.text(max_size=6), max_size=4))
def test_marked_text_keeps_its_length_and_is_safe(text: str, terms: list[str]) -> None:
    content = cells.marked(text, terms)
    assert len(content.plain) == len(text)
    assert not UNSAFE.search(content.plain.replace("\n", ""))


def test_marked_text_underlines_the_terms() -> None:
    content = cells.marked("Ibuprofen for children", ["ibuprofen", "child"])
    assert (content.spans[0].start, content.spans[0].end) == (0, len("Ibuprofen"))
    assert "underline" in str(content.spans[0].style)


@pytest.mark.parametrize(
    ("score", "scale", "shown"),
    [
        (0.9744, ScoreScale.PROBABILITY, ".974"),
        (0.3999999, ScoreScale.PROBABILITY, ".399"),
        (0.4, ScoreScale.PROBABILITY, ".400"),
        (0.9999, ScoreScale.PROBABILITY, ".999"),
        (1.0, ScoreScale.PROBABILITY, "1.000"),
        (0.0, ScoreScale.PROBABILITY, ".000"),
        (0.29, ScoreScale.PROBABILITY, ".290"),
        (-0.125, ScoreScale.COSINE, "-.125"),
        (1 / 62 + 1 / 64, ScoreScale.RRF, ".0318"),
        (2.0, ScoreScale.RRF, "2.0000"),
        (9.414, ScoreScale.BM25, "9.41"),
        (214.26, ScoreScale.BM25, "214.3"),
        (1.5, ScoreScale.LOGIT, "+1.50"),
        (12345.678, ScoreScale.UNKNOWN, "1.235e+04"),
        (None, ScoreScale.BM25, "no score"),
    ],
)
def test_scores_have_the_digits_of_their_scale(score: float | None, scale: ScoreScale, shown: str) -> None:
    assert cells.score_text(score, scale) == shown


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_shown_probability_never_clears_a_floor_that_the_score_does_not(score: float, floor: float) -> None:
    floor = round(floor, 2)
    if score < floor - 1e-9:
        shown = cells.score_text(score, ScoreScale.PROBABILITY)
        assert float(shown) < floor


@pytest.mark.parametrize(
    ("score", "scale", "best", "share"),
    [
        (0.25, ScoreScale.PROBABILITY, 0.5, 0.25),
        (-0.5, ScoreScale.COSINE, 0.9, 0.0),
        (0.0, ScoreScale.LOGIT, 3.0, sigmoid(0.0)),
        (1 / 61, ScoreScale.RRF, 2 / 61, (1 / 61) / (2 / 61)),
        (3.0, ScoreScale.BM25, 12.0, 3 / 12),
        (-1.0, ScoreScale.BM25, -0.5, 0.0),
        (None, ScoreScale.BM25, 1.0, 0.0),
    ],
)
def test_bars_start_at_zero_and_end_where_the_scale_ends(
    score: float | None, scale: ScoreScale, best: float, share: float
) -> None:
    assert cells.bar_fraction(score, scale, best) == pytest.approx(share)


def test_bar_in_eighths() -> None:
    assert cells.bar(0.5, 4) == "██  "
    assert cells.bar((8 + 3) / 32, 4) == "█▍  "
    assert cells.bar(0.0, 4) == "    "
    assert cells.bar(1e-9, 4) == "▏   "
    assert cells.bar(1.0, 4) == "████"


@given(st.floats(0, 1), st.integers(0, 40))
def test_bar_is_exactly_as_wide_as_asked(share: float, width: int) -> None:
    assert cell_len(cells.bar(share, width)) == width


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.integers(1, 20))
def test_stacked_bar_is_exactly_as_wide_as_asked(shares: list[float], width: int) -> None:
    total = max(sum(shares), 1.0)
    styles = ["$share-1", "$share-2"] * 2
    content = cells.stacked_bar([share / total for share in shares], width, styles[: len(shares)])
    assert content.cell_length == width


def test_stacked_bar_shows_the_second_share_behind_the_first_where_they_meet() -> None:
    content = cells.stacked_bar([3 / 16, 8 / 16], 2, ["$share-1", "$share-2"])
    assert content.plain == "▍▍"
    assert {str(span.style) for span in content.spans if span.start == 0} == {"$share-1", "on $share-2"}


@pytest.mark.parametrize(
    ("places", "shown"), [(2, "▲  2"), (-13, "▼ 13"), (0, "=   "), (None, "new "), (120, "▲ 120")]
)
def test_moves_have_an_arrow_and_a_number(places: int | None, shown: str) -> None:
    assert cells.move(places, 4).plain == shown


def test_an_absent_rank_says_how_far_the_list_looked() -> None:
    assert cells.rank_text(3, 100) == "3"
    assert cells.rank_text(None, 100) == ">100"
    assert cells.rank_text(None, None) == "–"


def test_fusion_arithmetic() -> None:
    ranks, shares = {"bm25": 2, "dense": 4}, {"bm25": 1 / 62, "dense": 1 / 64}
    assert cells.fused_shares(ranks, shares, 60) == "1/62 + 1/64"
    assert cells.fused_shares(ranks, {"bm25": 0.5 / 62, "dense": 1 / 64}, 60) == "0.5/62 + 1/64"
    assert cells.fused_shares(ranks, shares, None) == ".0161 + .0156"


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0.04, "0.0"), (9.1, "9.1"), (9.96, "10"), (214.2, "214"), (12345.0, "12.3 s"), (None, "–")],
)
def test_milliseconds(ms: float | None, shown: str) -> None:
    assert cells.ms_text(ms) == shown


def test_an_amount_agrees_with_its_noun() -> None:
    assert cells.amount(1, "trace").plain == "1 trace"
    assert cells.amount(1204, "query", "queries").plain == "1,204 queries"


def test_floors() -> None:
    assert [cells.floor_text(value) for value in (0.4, 0.125, None)] == ["0.40", "0.125", "none"]
    short = [cells.short_floor_text(value) for value in (0.4, 0.125, -1.25, 0.122765, None)]
    assert short == ["0.40", "0.125", "-1.25", "0.123", "none"]


def test_gauge_is_full_at_one() -> None:
    assert cells.gauge(0.5, 4, "$bar").plain == "▓▓░░"
    assert cells.gauge(7.0, 4, "$bar").plain == "▓▓▓▓"


def test_title_or_text_falls_back_to_the_text() -> None:
    from rankscope.core.documents import Document

    assert cells.title_or_text(Document("a", "some text"), 6) == "some… "
    assert cells.title_or_text(Document("a", "some text", title="T"), 3) == "T  "
    assert cells.title_or_text(None, 3) == "   "


def test_labels_are_content() -> None:
    assert isinstance(cells.label("N", "[/b]"), Content)
    assert cells.label("N", "[/b]").plain == "N [/b]"
