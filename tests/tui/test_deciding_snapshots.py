"""Pictures of the judge, verdict and comparison screens. Look at a changed one before accepting it:

pytest tests/tui/test_deciding_snapshots.py --snapshot-update
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from rankscope.tui import keys
from rankscope.tui.app import RankScopeApp
from rankscope.tui.judge_state import JudgePhase
from rankscope.tui.screens import help
from rankscope.tui.screens.ab import AbScreen
from rankscope.tui.verdict_state import VerdictPhase, VerdictState
from rankscope.tui.widgets import mode_tabs
from tests.tui import verdicts
from tests.tui.judged import QUERIES, JudgedWorkspace, fill
from tests.tui.test_snapshots import FIVE, LARGE, MIDDLE, SMALL, pytestmark  # noqa: F401  # the mark

Before = Callable[[Pilot[None]], Awaitable[None]]
SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])


@pytest.fixture(autouse=True)
def five_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tabs of the pictures, whatever screens there are."""
    monkeypatch.setattr(mode_tabs, "MODES", FIVE)
    own = tuple(key for key in keys.GLOBAL if key.group != "Modes" or "'judge'" in key.action)
    monkeypatch.setattr(help, "GLOBAL", own)


async def until(pilot: Pilot[None], done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await pilot.pause(0.005)
    await pilot.pause()


def judge_app(folder: Path, *, empty: bool = False) -> RankScopeApp:
    workspace = JudgedWorkspace(folder)
    if not empty:
        fill(workspace)
    return RankScopeApp(workspace, picture_folder=Path("nowhere"), now=lambda: "now")


def judging(*keys: str, others: bool = False) -> Before:
    """To the judge screen; ben judges the first two candidates otherwise; then the keys."""

    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        await pilot.press("alt+4")
        screen = app.mode_screen("judge")
        await until(pilot, lambda: screen.state.phase is not JudgePhase.LOADING)
        if screen.state.phase is JudgePhase.READY:
            await until(pilot, lambda: screen.state.pool is not None)
        if others:
            for doc_id in screen.state.pool.doc_ids[:2]:
                screen.judging.log.append(QUERIES[0], doc_id, 0, "ben")
            await pilot.press("r")
            await until(pilot, lambda: bool(screen.state.others))
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    return before


@SIZES
def test_judging(snap_compare, tmp_path: Path, size) -> None:
    """Five candidates are graded, one has a note; no rank and no score anywhere."""
    keys = ("3", "0", "n", "o", "k", "enter", "2", "b", "1")
    assert snap_compare(judge_app(tmp_path), terminal_size=size, run_before=judging(*keys))


def test_a_disagreement_in_the_light_theme(snap_compare, tmp_path: Path) -> None:
    """Ben said 0: said once the grade is given, and both are kept."""
    before = judging("3", "0", "up", "up", "t", others=True)
    assert snap_compare(judge_app(tmp_path), terminal_size=SMALL, run_before=before)


def test_nothing_to_judge(snap_compare, tmp_path: Path) -> None:
    """What judging is, and what to do first."""
    assert snap_compare(judge_app(tmp_path, empty=True), terminal_size=SMALL, run_before=judging())


def test_the_help_of_the_judge_screen(snap_compare, tmp_path: Path) -> None:
    """Digits are grades here, and how to reach other screens."""
    assert snap_compare(judge_app(tmp_path), terminal_size=MIDDLE, run_before=judging("question_mark"))


def deciding(*keys: str) -> Before:
    """To the verdict screen, with written figures in place of measured ones."""

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("alt+5")
        screen = pilot.app.mode_screen("verdict")
        await until(pilot, lambda: screen.state.phase is not VerdictPhase.MEASURING)
        screen.state = VerdictState().measured(verdicts.drawn())
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    return before


@SIZES
def test_a_verdict(snap_compare, tmp_path: Path, size) -> None:
    """The sentence, the reasons, and the evidence in one, two or three columns."""
    assert snap_compare(judge_app(tmp_path, empty=True), terminal_size=size, run_before=deciding())


def test_the_end_of_the_evidence(snap_compare, tmp_path: Path) -> None:
    """Small screens scroll."""
    app = judge_app(tmp_path, empty=True)
    assert snap_compare(app, terminal_size=SMALL, run_before=deciding("end", "t"))


def test_nothing_to_decide(snap_compare, tmp_path: Path) -> None:
    """What a verdict needs, and what to do first."""

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("alt+5")
        screen = pilot.app.mode_screen("verdict")
        await until(pilot, lambda: screen.state.phase is VerdictPhase.NOTHING)

    assert snap_compare(judge_app(tmp_path, empty=True), terminal_size=SMALL, run_before=before)


@SIZES
def test_a_comparison(snap_compare, tmp_path: Path, size) -> None:
    """Sides, statements, paired differences, and the chosen query's two lists."""
    app = judge_app(tmp_path, empty=True)

    async def before(pilot: Pilot[None]) -> None:
        await deciding()(pilot)
        screen = AbScreen(app.workspace, verdicts.A, verdicts.B, (verdicts.A, verdicts.B))
        await app.push_screen(screen)
        await until(pilot, lambda: bool(screen.state.problem))
        screen.state = screen.state.finished(verdicts.compared())
        await pilot.press("down")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)
