"""Suggestions in full: nothing is cut, and hostile words are made visible."""

from __future__ import annotations

from rankscope.core.scales import ScoreScale
from rankscope.insight.floors.suggestion import Suggestion
from rankscope.insight.significance import Interval
from rankscope.tui.suggestion_views import suggestion_row, suggestions_text

LONG = "the scores have one mode: no floor can be read from this, whatever the method says. " * 3
FOUND = Suggestion(
    "best-f1",
    0.61387,
    ScoreScale.PROBABILITY,
    0.54,
    0.65,
    observations=1200,
    queries=60,
    held_out={"precision": Interval(0.94, 0.87, 0.97, 100)},
    parameters={"target": 0.9, "bound": "wilson"},
)
NONE = Suggestion("null", None, ScoreScale.PROBABILITY, None, None, 10, 5, warning=LONG + "\x1b[31m")


def test_a_row_is_cut_and_the_full_text_is_not() -> None:
    assert all(line.cell_length <= 40 for line in suggestion_row(NONE, 40, chosen=False))
    text = suggestions_text((FOUND, NONE), "best-f1", [("stored", "nothing yet")], 2000).plain
    assert LONG in text
    assert "\x1b" not in text
    for part in (
        "▶ best-f1  0.61387",
        "0.54 to 0.65, 95%",
        "60 queries, 1,200 scores",
        "held out  precision .940 [.870, .970]",
        "target 0.9, bound wilson",
        "  null  no floor",
        "because   the scores",
        "stored    nothing yet",
    ):
        assert part in text


def test_no_method_is_marked_where_the_floor_is_of_none() -> None:
    assert "▶" not in suggestions_text((FOUND, NONE), "", [], 200).plain
