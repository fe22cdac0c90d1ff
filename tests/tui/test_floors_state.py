"""The floors screen's state and pictures, without a screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rankscope.core.scales import ScoreScale, logit, sigmoid
from rankscope.engine.floor_material import FloorReading, preferred
from rankscope.engine.floors import FloorState, Judged
from rankscope.engine.workspace import Workspace
from rankscope.errors import SettingsError
from rankscope.insight.floors.gather import Gathered, Selection
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.whatif import whatif
from rankscope.tracing.floor_log import FloorLog
from rankscope.tui.floors_sentences import floors_sentence, selection_of
from rankscope.tui.floors_state import FloorsPhase, FloorsState, look, starting_floor
from rankscope.tui.floors_views import (
    consequence_lines,
    floor_title,
    legend,
    list_row,
    picture,
    source_line,
)
from rankscope.tui.widgets.score_plot import BASELINE, FLOOR, Bars, drawn_lines
from tests.insight.floors.scored_traces import observed, random_judged


@pytest.fixture
def reading(tmp_path: Path) -> FloorReading:
    """Sixty judged queries, and three on another scale."""
    group = random_judged(1)
    logits = observed({f"l{n}": [2.0, 0.5, -1.0 - n] for n in range(3)}, scale=ScoreScale.LOGIT)
    workspace = Workspace(tmp_path)
    state = FloorState(replace(workspace.settings.floor, value=0.4), None, None)
    log = FloorLog(workspace.traces_path)
    return FloorReading(workspace, log, state, Judged(None), Gathered((group, logits), 63, 0))


def opened(reading: FloorReading, place: int | None = None) -> FloorsState:
    return FloorsState().with_reading(reading, look(reading, place))


def test_it_starts_at_the_floor_in_force_or_between_the_best_scores(reading: FloorReading) -> None:
    assert opened(reading).floor == 0.4
    logits = opened(reading, 1)
    assert logits.looked is not None
    assert logits.looked.material.baseline is None
    assert logits.floor == starting_floor(logits.looked.material) == 2.0
    assert preferred(reading.gathered.groups) is reading.gathered.groups[0]


def test_every_step_says_what_whatif_says(reading: FloorReading) -> None:
    state = opened(reading)
    for direction in (1, 1, 1, -1, 1):
        state = state.stepped(direction, fine=direction < 0)
        said = whatif(reading.gathered.groups[0], state.floor, baseline=0.4)
        assert state.said is not None
        assert state.said.as_json(reading.gathered.groups[0]) == said.as_json(reading.gathered.groups[0])


def test_steps_follow_the_axis(reading: FloorReading) -> None:
    state = opened(reading).turned_axis()
    assert state.axis == "logit"
    assert state.at(sigmoid(0.5)).stepped(1, fine=False).floor == pytest.approx(sigmoid(1.0))
    assert state.turned_axis().axis == "native"
    logits = opened(reading, 1).turned_axis()
    assert logits.axis == "probability"
    assert logits.at(logit(0.5)).stepped(-1, fine=True).floor == pytest.approx(logit(0.49))


def test_documents_at_the_floor_stand_on_both_of_its_sides(reading: FloorReading) -> None:
    state = opened(reading).at(0.5).listing("documents")
    scores = [document.score for document in state.near]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 60
    assert all(score >= 0.5 for score in scores[: state.above])
    assert all(score < 0.5 for score in scores[state.above :])
    assert state.row == state.above - 1
    chosen = state.chosen_document
    assert chosen is not None
    assert reading.gathered.groups[0].doc_ids[chosen.hit] == chosen.doc_id
    # Everything is judged here, so a mark stays where it is and shows at once.
    marked = state.marked(chosen, "borderline")
    assert marked.mark_of(chosen) == "borderline"
    assert marked.row == state.row


def test_marks_move_on_to_what_nobody_judged(reading: FloorReading) -> None:
    group = observed({f"q{n}": [0.1 * n] for n in range(1, 10)})
    bare = replace(reading, gathered=Gathered((group,), 9, 0))
    state = opened(bare).at(0.55).listing("documents")
    order = []
    for _ in range(9):
        chosen = state.chosen_document
        assert chosen is not None
        order.append(chosen.doc_id)
        state = state.marked(chosen, "relevant")
    assert len(set(order)) == 9


def test_reading_again_keeps_the_floor_and_where_one_looks(reading: FloorReading) -> None:
    state = replace(opened(reading).at(0.6), curve=True, kind="top", axis="logit")
    again = state.with_reading(reading, look(reading))
    assert (again.floor, again.curve, again.kind, again.axis) == (0.6, True, "top", "logit")
    other = state.with_reading(reading, look(reading, 1))
    assert (other.floor, other.axis, other.place) == (2.0, "native", 1)
    nothing = replace(reading, gathered=Gathered((), 0, 0))
    assert state.with_reading(nothing, look(nothing)).phase is FloorsPhase.EMPTY


@pytest.mark.parametrize("width", [40, 68, 113])
@pytest.mark.parametrize("axis", ["native", "logit"])
@pytest.mark.parametrize("curve", [False, True])
def test_the_picture_fills_its_room_with_the_floor_at_its_place(
    reading: FloorReading, width: int, axis: str, curve: bool
) -> None:
    state = replace(opened(reading), axis=axis, curve=curve)
    for floor in (0.0, 0.2, 0.7, 1.0):
        made = picture(state.at(floor), width)
        assert made is not None
        lines = [line.plain for line in drawn_lines(made, width, 14)]
        assert len(lines) == 14
        assert {len(line) for line in lines} == {width}
        assert made.floor is not None
        column = min(int(made.floor * width), width - 1)
        assert all(line[column] == FLOOR for line in lines[:12])
        assert made.baseline is not None
        assert BASELINE in lines[0] or abs(int(made.baseline * width) - column) == 0


def test_a_bin_that_holds_anything_is_seen() -> None:
    halves = np.array([1000] * 4 + [0] * 4 + [1] * 4 + [0] * 4)
    lines = [line.plain for line in drawn_lines(Bars([(halves, "", "$bar")], [(0.0, "0")]), 8, 8)]
    assert lines[0] == "██      "
    assert lines[5] == "██  ▄▄  "
    layered = Bars([(halves[::2], "░", ""), (np.array([0] * 4 + [1, 1, 0, 0]), "█", "")], [(0.0, "0")])
    assert [line.plain for line in drawn_lines(layered, 8, 8)][4:6] == ["░░      ", "░░  ██  "]


def test_colour_is_never_alone(reading: FloorReading) -> None:
    state = opened(reading)
    made = picture(state, 60)
    assert isinstance(made, Bars)
    glyphs = [glyph for _, glyph, _ in made.layers]
    assert len(set(glyphs)) == len(glyphs) == 4
    text = legend(state, 80).plain
    assert [glyph for glyph in glyphs if glyph not in text] == ["▓"]  # nothing is borderline here
    rows = [list_row(state.at(0.9), row, 60).plain for row in range(3)]
    assert all(row.startswith("- refused") for row in rows)


def test_bars_count_every_score_by_judgment(reading: FloorReading) -> None:
    group: Observations = reading.gathered.groups[0]
    made = picture(opened(reading), 60)
    assert isinstance(made, Bars)
    tallest = np.max([heights for heights, _, _ in made.layers], axis=0)
    assert tallest.sum() == len(group.scores)  # cumulated heights, and these scores are not skewed
    relevant = next(heights for heights, glyph, _ in made.layers if glyph == "█")
    assert relevant.sum() == int(group.relevant.sum())


def test_what_is_said(reading: FloorReading) -> None:
    state = opened(reading)
    assert floors_sentence(state).text.startswith("This is the floor in force.")
    assert "become refusals" in floors_sentence(state.at(0.95)).text
    strict = FloorState(replace(reading.state.settings, value=0.95), None, None)
    assert "stop being refused" in floors_sentence(opened(replace(reading, state=strict)).at(0.4)).text
    lines = [line.plain for line in consequence_lines(state, 40)]
    assert lines[0].split() == ["answered", *f"{state.said.answered} of 60 traces".split()]  # type: ignore[union-attr]
    assert any(line.startswith("precision") and "[" in line for line in lines)


def test_traces_are_chosen_by_typing() -> None:
    chosen, described = selection_of("origin=import, since=2026-01-31, judged=yes")
    assert chosen == Selection(since=datetime(2026, 1, 31, tzinfo=UTC), origin="import", judged=True)
    assert described == "origin=import, since=2026-01-31, judged=yes"
    assert selection_of("") == (Selection(), "")
    for text in ("colour=red", "since=yesterday", "judged=maybe", "judged"):
        with pytest.raises(SettingsError):
            selection_of(text)


def test_where_there_is_little_room_what_the_screen_says_elsewhere_goes_first(
    reading: FloorReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = replace(opened(reading).at(0.5), method="target-answer-rate")
    assert floor_title(state, 60).plain == " FLOOR 0.5 by target-answer-rate, now 0.4 "
    assert floor_title(state, 31).plain == " FLOOR 0.5, now 0.4 "
    assert state.looked is not None
    monkeypatch.setattr(type(state.looked), "query_count", 59)  # a query was asked twice
    assert "60 traces of 59 queries  source 1 of 2" in source_line(state, 120).plain
    brief = source_line(state, 78).plain
    assert "60 traces  source 1 of 2" in brief
    assert len(brief) <= 78
