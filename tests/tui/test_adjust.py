"""Moving floor, K and N without scoring again."""

from __future__ import annotations

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor
from rankscope.errors import SettingsError
from rankscope.tui import adjust
from tests.tui.fakes import SETTINGS
from tests.tui.traces import RERANKED, trace


@pytest.mark.parametrize(
    ("value", "direction", "fine", "moved"),
    [
        (0.40, 1, False, 0.45),
        (0.40, -1, False, 0.35),
        (0.40, 1, True, 0.41),
        (0.37, 1, False, 0.40),
        (0.37, -1, False, 0.35),
        (0.0, -1, False, 0.0),
        (1.0, 1, False, 1.0),
        (None, 1, False, 0.05),
        (0.15000000000000002, 1, False, 0.2),
    ],
)
def test_the_floor_moves_on_a_grid(value: float | None, direction: int, fine: bool, moved: float) -> None:
    assert adjust.moved_floor(value, ScoreScale.PROBABILITY, direction, fine=fine) == pytest.approx(moved)


def test_the_grid_fits_the_scale() -> None:
    assert adjust.moved_floor(1.5, ScoreScale.LOGIT, -1, fine=False) == pytest.approx(1.0)
    assert adjust.moved_floor(-0.5, ScoreScale.LOGIT, -1, fine=True) == pytest.approx(-0.6)
    assert adjust.moved_floor(0.02, ScoreScale.RRF, 1, fine=False) == pytest.approx(0.021)
    assert adjust.moved_floor(0.0, ScoreScale.COSINE, -1, fine=False) == 0.0


def test_another_floor_changes_kept_and_decision_and_no_score() -> None:
    made = trace(scores=RERANKED, floor=0.4)
    higher = adjust.with_floor(made, Floor(0.95, ScoreScale.PROBABILITY))
    assert (made.kept, made.decision) == (("c", "a", "e"), "answer")
    assert (higher.kept, higher.decision) == ((), "refuse")
    assert higher.rankings == made.rankings
    assert adjust.with_floor(made, None).kept == ("c", "a", "e", "b", "d")


def test_a_run_under_way_takes_the_floor_and_decides_later() -> None:
    made = trace(scores={"a": 0.5}, status="partial", finished=False)
    moved = adjust.with_floor(made, Floor(0.6, ScoreScale.PROBABILITY))
    assert moved.floor == Floor(0.6, ScoreScale.PROBABILITY)
    assert (moved.kept, moved.decision) == ((), None)


def test_a_floor_on_the_right_scale_drops_the_note_that_none_was_applied() -> None:
    made = adjust.with_floor(trace(scores=RERANKED), Floor(3.0, ScoreScale.LOGIT))
    assert "floor_not_applied" in made.attributes
    assert "floor_not_applied" not in adjust.with_floor(made, Floor(0.4, ScoreScale.PROBABILITY)).attributes


def test_a_live_trace_takes_the_floor_of_the_session() -> None:
    settings = SETTINGS.override("floor", value=0.40)
    made = trace(scores=RERANKED, floor=0.4)
    assert adjust.with_floor_of(settings, made) is made
    moved = adjust.with_settings_floor(settings, 0.7, ScoreScale.PROBABILITY)
    changed = adjust.with_floor_of(moved, made)
    assert changed.kept == ("c",)
    assert changed.floor == Floor(0.7, ScoreScale.PROBABILITY, source="manual")


def test_where_the_floor_can_be_moved() -> None:
    settings = SETTINGS.override("floor", value=0.40)
    assert adjust.floor_scale(trace(scores=RERANKED), settings) is ScoreScale.PROBABILITY
    partial = trace(scores={"a": 0.5}, status="partial", finished=False)
    assert adjust.floor_scale(partial, settings) is ScoreScale.PROBABILITY
    assert adjust.floor_scale(trace(), settings) is None
    on_fused = settings.override("floor", score_scale="rrf", value=0.02)
    assert adjust.floor_scale(trace(), on_fused) is ScoreScale.RRF


@pytest.mark.parametrize(
    ("made", "top_k", "possible"),
    [
        (trace(scores=RERANKED), 4, True),
        (trace(scores=RERANKED), 5, False),
        (trace(), 5, True),
        (trace(status="skipped:few"), 5, True),
        (trace(status="skipped:few"), 4, False),
    ],
)
def test_k_is_re_derived_only_where_the_stages_stay_as_they_are(made, top_k: int, possible: bool) -> None:
    assert adjust.can_rederive_top_k(made, top_k) is possible


def test_another_k() -> None:
    made = adjust.with_top_k(SETTINGS.override("floor", top_k=2), trace(scores=RERANKED, floor=None))
    assert made.kept == ("c", "a")


def test_findings_are_those_of_the_floor_and_the_k_that_stand_now() -> None:
    settings = SETTINGS.override("floor", value=0.95)
    refused = adjust.with_floor_of(settings, trace(scores=RERANKED))
    assert "RS501" in {finding.code for finding in refused.findings}
    again = adjust.with_floor_of(SETTINGS.override("floor", value=0.3), refused)
    assert "RS501" not in {finding.code for finding in again.findings}
    running = adjust.with_floor_of(settings, trace(scores=RERANKED, finished=False))
    assert running.findings == ()


def test_typed_numbers_and_filters() -> None:
    assert adjust.whole_number(" 12 ", "N") == 12
    with pytest.raises(SettingsError, match="N is 'x', expected a whole number"):
        adjust.whole_number("x", "N")
    assert adjust.parse_filters("tenant=acme, year = 2024,") == {"tenant": "acme", "year": "2024"}
    assert adjust.parse_filters("  ") == {}
    for wrong in ("tenant", "=acme", "tenant="):
        with pytest.raises(SettingsError, match="is not KEY=VALUE"):
            adjust.parse_filters(wrong)
    with pytest.raises(SettingsError, match=r"names .a. twice"):
        adjust.parse_filters("a=1,a=2")
