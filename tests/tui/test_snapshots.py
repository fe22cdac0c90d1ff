"""Pictures of the screen in its states and sizes. Look at a changed one before accepting it:

pytest tests/tui/test_snapshots.py --snapshot-update
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from rankscope.config import Settings
from rankscope.tui import keys
from rankscope.tui.app import RankScopeApp
from rankscope.tui.modes import Mode
from rankscope.tui.screens import help
from rankscope.tui.screens.probe_why import question_of
from rankscope.tui.state import Phase, ProbeState, RunPhase
from rankscope.tui.widgets import mode_tabs
from tests.tui.fakes import SETTINGS, FakeWorkspace, Script
from tests.tui.traces import RERANKED, trace

RECORDED_WITH = {"textual": "8.2", "rich": "15.0"}
pytestmark = pytest.mark.skipif(
    any(not version(name).startswith(f"{minor}.") for name, minor in RECORDED_WITH.items()),
    reason=f"pictures are compared byte for byte with those of {RECORDED_WITH}",
)

FIVE = tuple(
    Mode(title.lower(), str(number), title, "", "")
    for number, title in enumerate(("Probe", "Traces", "Floors", "Judge", "Verdict"), 1)
)


@pytest.fixture(autouse=True)
def five_modes(monkeypatch) -> None:
    """The tabs of the pictures: a screen that is added changes no picture of another."""
    monkeypatch.setattr(mode_tabs, "MODES", FIVE)
    own = tuple(key for key in keys.GLOBAL if key.group != "Modes" or "'probe'" in key.action)
    monkeypatch.setattr(help, "GLOBAL", own)


@pytest.fixture(autouse=True)
def ask_at_once(monkeypatch) -> None:
    """No rest before a look-up."""
    monkeypatch.setattr("rankscope.tui.screens.probe_why.REST_S", 0.001)


SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
QUERY = "ibuprofen dosage for children"
Before = Callable[[Pilot[None]], Awaitable[None]]


def app(script: Script | None = None, settings: Settings | None = None) -> RankScopeApp:
    workspace = FakeWorkspace(script, settings=settings)
    return RankScopeApp(workspace, picture_folder=Path("nowhere"), now=lambda: "now")


def when(reached: Callable[[ProbeState], bool], *, ask: str = "", keys: tuple[str, ...] = ()) -> Before:
    """Ask, wait until the state is reached, press keys; without a blinking cursor."""

    async def before(pilot: Pilot[None]) -> None:
        screen = pilot.app.probe
        screen.query_one("#query", Input).cursor_blink = False
        async with asyncio.timeout(5):
            while screen.state.phase is not Phase.READY and not reached(screen.state):
                await pilot.pause(0.005)
            if ask:
                screen.submit(ask)
            while not reached(screen.state):
                await pilot.pause(0.005)
        await pilot.pause()
        await pilot.press(*keys)
        await settle(pilot)

    return before


async def settle(pilot: Pilot[None]) -> None:
    """Wait until what the tab in front needs is looked up."""
    screen = pilot.app.probe
    async with asyncio.timeout(5):
        while (question := question_of(screen.state)) is not None:
            answers = screen.state.answers
            if answers.settled(question.subject) and not answers.running:
                break
            await pilot.pause(0.005)
    await pilot.pause()


def finished(state: ProbeState) -> bool:
    return state.run is RunPhase.FINISHED


def ready(state: ProbeState) -> bool:
    return state.phase is Phase.READY


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_a_finished_query(snap_compare, size) -> None:
    """Columns before and after, the floor line, the link, the text of the first document."""
    assert snap_compare(app(), terminal_size=size, run_before=when(finished, ask=QUERY))


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
def test_the_empty_start(snap_compare, size) -> None:
    """A newcomer sees what this is, what to type, and queries to try."""
    assert snap_compare(app(), terminal_size=size, run_before=when(ready))


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
def test_while_reranking(snap_compare, size) -> None:
    """The before column is complete, the after column fills, the rail counts."""
    gates = [threading.Event() for _ in range(9)]
    for gate in gates[:3]:
        gate.set()
    reached = when(lambda state: state.done == 24, ask=QUERY)
    assert snap_compare(app(Script(rerank_gates=gates)), terminal_size=size, run_before=reached)


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
def test_a_refusal(snap_compare, size) -> None:
    """Nothing reaches the floor: the line stands above all rows and the sentence says what to do."""
    assert snap_compare(
        app(Script(low_scores=True)), terminal_size=size, run_before=when(finished, ask=QUERY)
    )


def test_a_skipped_rerank(snap_compare) -> None:
    """As many candidates as are kept: the fused order stands and the screen says why."""
    keys = ("k", "6", "0", "enter")
    no_floor = SETTINGS.override("floor", value=None)  # a floor would need the scores
    assert snap_compare(
        app(settings=no_floor), terminal_size=SMALL, run_before=when(finished, ask=QUERY, keys=keys)
    )


def test_a_failed_rerank(snap_compare) -> None:
    """The reranker failed: the fused order stands."""
    script = Script(rerank_failure="the weights are not on this machine. Install RankScope again.")
    assert snap_compare(app(script), terminal_size=SMALL, run_before=when(finished, ask=QUERY))


def looked_up(*keys: str) -> Before:
    """A finished query, then keys, waiting after each for the answer of the tab in front."""
    before = when(finished, ask=QUERY)

    async def and_settled(pilot: Pilot[None]) -> None:
        await before(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)

    return and_settled


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_the_biography_of_a_document_in_the_light_theme(snap_compare, size) -> None:
    """A line a stage for a document below the floor, and what would bring it in."""
    before = looked_up("t", *["down"] * 8, "v")
    assert snap_compare(app(), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_the_terms_of_a_document(snap_compare, size) -> None:
    """What each query term gives, cosine and exact rank, the nearest sentence."""
    assert snap_compare(app(), terminal_size=size, run_before=looked_up("v", "v"))


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_the_words_of_a_document(snap_compare, size) -> None:
    """Which words and sentences move the score, drawn on the text."""
    assert snap_compare(app(), terminal_size=size, run_before=looked_up("v", "v", "v"))


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_one_document_beside_another(snap_compare, size) -> None:
    """Why one over the other: words of the query and of the texts, both texts below."""
    before = looked_up("down", "down", "down", "a", "up", "up", "up")
    assert snap_compare(app(), terminal_size=size, run_before=before)


def test_a_text_whose_end_was_cut(snap_compare) -> None:
    """The lens: what the cross-encoder did not see is struck out."""
    script = Script(tokens_cut={"ibu-child-01": 9})
    assert snap_compare(app(script), terminal_size=MIDDLE, run_before=looked_up())


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_the_slope_chart(snap_compare, size) -> None:
    """From the fused to the reranked order, as a whole."""
    assert snap_compare(app(), terminal_size=size, run_before=looked_up("m"))


def test_where_is_a_document(snap_compare) -> None:
    """Matches by words of the text, and where each of them stands."""
    before = looked_up("w", *"diclo")

    async def found(pilot: Pilot[None]) -> None:
        await before(pilot)
        screen = pilot.app.screen
        screen.query_one("#find-input", Input).cursor_blink = False
        async with asyncio.timeout(5):
            while not screen.query_one("#find-matches", OptionList).option_count:
                await pilot.pause(0.005)
        await pilot.pause()

    assert snap_compare(app(), terminal_size=MIDDLE, run_before=found)


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
def test_help(snap_compare, size) -> None:
    """All keys of the table, and how to read the screen."""
    assert snap_compare(app(), terminal_size=size, run_before=when(ready, keys=("f1",)))


def test_a_question(snap_compare) -> None:
    """N is asked for at the foot of the screen; a wrong answer says what was expected."""
    keys = ("n", "x", "enter")
    assert snap_compare(app(), terminal_size=SMALL, run_before=when(finished, ask=QUERY, keys=keys))


def test_a_stored_trace(snap_compare) -> None:
    """Read-only, with what it was recorded with."""
    before = when(ready)

    async def show(pilot: Pilot[None]) -> None:
        await before(pilot)
        pilot.app.probe.show_trace(trace(scores=RERANKED, top_k=2))
        await pilot.pause()

    assert snap_compare(app(), terminal_size=SMALL, run_before=show)


def test_while_the_models_load(snap_compare) -> None:
    """The first frame is there at once; a query can be typed and waits."""
    script = Script(warm_up_gate=threading.Event())
    reached = when(lambda state: state.phase is Phase.LOADING, keys=("i", "b", "u", "enter"))
    assert snap_compare(app(script), terminal_size=SMALL, run_before=reached)
