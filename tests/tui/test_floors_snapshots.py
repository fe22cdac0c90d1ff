"""Pictures of the floors screen. Look at a changed one before accepting it:

pytest tests/tui/test_floors_snapshots.py --snapshot-update
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from rankscope.tui import keys
from rankscope.tui.app import RankScopeApp
from rankscope.tui.floors_state import FloorsPhase
from rankscope.tui.screens import help
from rankscope.tui.widgets import mode_tabs
from tests.tui.floored import FlooredWorkspace, fill
from tests.tui.test_deciding_snapshots import until
from tests.tui.test_snapshots import FIVE, LARGE, MIDDLE, SMALL, pytestmark  # noqa: F401  # the mark

SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])


@pytest.fixture(autouse=True)
def five_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tabs of the pictures, whatever screens there are."""
    monkeypatch.setattr(mode_tabs, "MODES", FIVE)
    own = tuple(key for key in keys.GLOBAL if key.group != "Modes" or "'floors'" in key.action)
    monkeypatch.setattr(help, "GLOBAL", own)


def floors_app(folder: Path, *, empty: bool = False, judged: bool = True) -> RankScopeApp:
    workspace = FlooredWorkspace(folder)
    if not empty:
        fill(workspace, judged=judged, logits=5)
    return RankScopeApp(workspace, picture_folder=Path("nowhere"), now=lambda: "now")


def looking(*pressed: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """To the floors screen; when everything was read and suggested, the keys."""

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("alt+3")
        screen = pilot.app.mode_screen("floors")
        await until(pilot, lambda: screen.state.phase is not FloorsPhase.READING)
        await until(pilot, lambda: not screen.state.busy and not screen.state.suggesting)
        for key in pressed:
            await pilot.press(key)
        chosen = screen.state.chosen_document
        await until(pilot, lambda: chosen is None or screen.passage_shown == chosen.doc_id)
        await pilot.pause()

    return before


@SIZES
def test_a_floor_and_what_it_does(snap_compare, tmp_path: Path, size) -> None:
    """The histogram by judgment, the floor of a method, the queries that change."""
    assert snap_compare(floors_app(tmp_path), terminal_size=size, run_before=looking("m", "right", "right"))


def test_curves_on_a_logit_axis(snap_compare, tmp_path: Path) -> None:
    """Precision, recall and answer rate against the floor, each by its letter."""
    app = floors_app(tmp_path)
    assert snap_compare(app, terminal_size=MIDDLE, run_before=looking("v", "o", "left", "t"))


def test_documents_at_the_floor(snap_compare, tmp_path: Path) -> None:
    """Their texts, to judge with one key each; plain bars where nothing is judged."""
    app = floors_app(tmp_path, judged=False)
    assert snap_compare(app, terminal_size=SMALL, run_before=looking("e", "y", "x"))


def test_what_is_stored_is_said_first(snap_compare, tmp_path: Path) -> None:
    """The question before a floor is stored."""
    assert snap_compare(floors_app(tmp_path), terminal_size=SMALL, run_before=looking("right", "enter"))


def test_nothing_to_look_at(snap_compare, tmp_path: Path) -> None:
    """How to get a first histogram."""
    assert snap_compare(floors_app(tmp_path, empty=True), terminal_size=SMALL, run_before=looking())


def test_the_keys(snap_compare, tmp_path: Path) -> None:
    """The help of the screen."""
    assert snap_compare(floors_app(tmp_path), terminal_size=MIDDLE, run_before=looking("question_mark"))
