"""The floors screen on planted scores in a real trace store: every key, and what is on disk after it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from textual.pilot import Pilot

from rankscope.config import load_settings
from rankscope.core.scales import ScoreScale
from rankscope.tracing.floor_log import StoredFloor
from rankscope.tui import floors_messages
from rankscope.tui.app import RankScopeApp
from rankscope.tui.floors_state import FloorsPhase, FloorsState
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.floors import FloorsScreen
from rankscope.tui.screens.panel import Panel
from rankscope.tui.screens.prompt import Prompt
from rankscope.tui.widgets.fitted_text import FittedText
from tests.tui.floored import FlooredWorkspace, fill
from tests.tui.running_app import RunningApp


class Floors(RunningApp):
    """A running app on the floors screen."""

    def __init__(self, app: RankScopeApp, workspace: FlooredWorkspace, pilot: Pilot[None]) -> None:
        super().__init__(app, pilot)
        self.workspace = workspace

    @property
    def screen(self) -> FloorsScreen:
        screen = self.app.mode_screen("floors")
        assert isinstance(screen, FloorsScreen)
        return screen

    @property
    def state(self) -> FloorsState:
        return self.screen.state

    @property
    def current(self) -> StoredFloor | None:
        return self.workspace.floor_log.current()

    async def settled(self, *, suggested: bool = False) -> None:
        """Everything was read, documents too; with ``suggested`` every method answered."""
        await self.until(lambda: self.state.phase is not FloorsPhase.READING and not self.state.busy)
        if suggested:
            await self.until(lambda: len(self.state.suggestions) == 8 and not self.state.suggesting)

    async def store(self) -> None:
        """Enter, and yes."""
        numbers = self.workspace.floor_log.last_number()
        await self.press("enter")
        await self.until(lambda: isinstance(self.app.screen, Confirm))
        await self.press("y")
        await self.until(lambda: self.workspace.floor_log.last_number() != numbers)
        await self.until(lambda: bool(self.state.note))
        await self.settled()


@asynccontextmanager
async def floors(
    folder: Path,
    size: tuple[int, int] = (120, 40),
    *,
    empty: bool = False,
    judged: bool = True,
    logits: int = 0,
) -> AsyncIterator[Floors]:
    workspace = FlooredWorkspace(folder)
    if not empty:
        fill(workspace, judged=judged, logits=logits)
    app = RankScopeApp(workspace, picture_folder=folder, now=lambda: "now")
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("alt+3")
        bench = Floors(app, workspace, pilot)
        await bench.settled()
        yield bench
    app.close(5)
    workspace.close()


async def test_an_empty_store_says_how_to_get_a_first_histogram(tmp_path: Path) -> None:
    async with floors(tmp_path, empty=True) as bench:
        assert bench.state.phase is FloorsPhase.EMPTY
        text = bench.text()
        assert "Three ways to a first histogram" in text
        assert "rankscope traces import FILE" in text
        await bench.press("enter", "right", "y")  # nothing to store, move or judge
        assert bench.current is None
        fill(bench.workspace, judged=False)
        await bench.press("r")
        await bench.until(lambda: bench.state.phase is FloorsPhase.READY)
        assert "ALL SCORES" in bench.text()


async def test_a_newcomer_stores_a_suggested_floor_in_four_keys(tmp_path: Path) -> None:
    async with floors(tmp_path, (80, 24)) as bench:  # alt+3
        await bench.settled(suggested=True)
        await bench.press("m")
        method = bench.state.method
        assert method
        await bench.press("exclamation_mark")  # what the methods say, in full
        assert isinstance(bench.app.screen, Panel)
        assert f"▶ {method}  {bench.state.floor:.6g}" in bench.app.screen.query_one(FittedText).render().plain
        await bench.press("escape")
        await bench.store()  # enter, y
        stored = bench.current
        assert stored is not None
        assert stored.method == method
        assert stored.source == f"fitted:{method}"
        assert stored.value == bench.state.floor
        settings = load_settings(tmp_path / "rankscope.toml").floor
        assert (settings.value, settings.source) == (stored.value, stored.source)
        assert stored.passport["model"]["name"] == "tiny-reranker"
        assert stored.evidence["suggestion"]["method"] == method
        assert "Stored as number 1" in bench.sentence()
        # The probe uses it from now on.
        assert bench.app.probe.state.settings.floor.value == stored.value
        assert bench.app.probe.state.settings.floor.source == stored.source


async def test_suggestions_and_passport_scroll_on_a_small_screen(tmp_path: Path) -> None:
    async with floors(tmp_path, (80, 24)) as bench:
        await bench.settled(suggested=True)
        assert "nothing yet" not in bench.text()
        await bench.press("pagedown", "pagedown", "pagedown")
        assert "stored" in bench.text()
        assert "nothing yet" in bench.text()
        known = [item for item in bench.state.suggestions if item.value is not None]
        for item in known:
            await bench.press("m")
            assert bench.state.method == item.method
            assert f"▶{item.method[:10]}" in bench.text()


async def test_steps_of_the_floor_show_what_it_does(tmp_path: Path) -> None:
    async with floors(tmp_path) as bench:
        before = bench.state.said
        assert before is not None
        assert bench.state.floor == before.baseline == 0.4
        await bench.press("right", "right", "right")
        said = bench.state.said
        assert said is not None
        assert bench.state.floor == 0.55
        assert said.kept < before.kept
        assert len(said.new_refusals) == before.answered - said.answered > 0
        assert f"{said.answered:,} of {said.traces:,}" in bench.text()
        assert f"{len(said.new_refusals)} become refusals" in bench.sentence()
        await bench.press("shift+left")
        assert bench.state.floor == 0.54
        await bench.press("left_square_bracket", "o", "right")
        assert bench.state.axis == "logit"
        assert bench.state.floor is not None
        assert abs(np.log(bench.state.floor / (1 - bench.state.floor)) - 0.5) < 1e-4


async def test_a_query_that_changes_opens_read_only_and_escape_comes_back(tmp_path: Path) -> None:
    async with floors(tmp_path) as bench:
        await bench.press("right", "right", "right", "right", "down")
        number = bench.state.chosen_trace
        looked = bench.state.looked
        assert number is not None
        assert looked is not None
        await bench.press("enter")
        await bench.until(lambda: bench.app.current_mode == "probe")
        shown = bench.app.probe.state
        assert shown.read_only
        assert shown.trace is not None
        assert shown.trace.trace_id == looked.material.group.trace_ids[number]
        await bench.press("escape")
        await bench.until(lambda: bench.app.current_mode == "floors")
        assert bench.state.part == "list"


async def test_storing_asks_first_and_undo_brings_back_what_was(tmp_path: Path) -> None:
    async with floors(tmp_path) as bench:
        await bench.press("right", "enter")
        assert isinstance(bench.app.screen, Confirm)
        assert "Store the floor 0.45 (probability), set by hand?" in bench.text()
        assert "tiny-reranker, sha256:1234, sigmoid, max 512, fp32" in bench.text()
        await bench.press("escape")
        assert bench.current is None
        await bench.store()
        await bench.press("right")
        await bench.store()
        await bench.press("u")
        await bench.until(lambda: bench.workspace.floor_log.last_number() == 3)
        await bench.until(lambda: "in force again" in bench.sentence())
        await bench.settled()
        assert bench.state.floor == 0.45
        assert load_settings(tmp_path / "rankscope.toml").floor.value == 0.45


async def test_a_floor_set_elsewhere_is_not_overwritten(tmp_path: Path) -> None:
    async with floors(tmp_path) as bench:
        await bench.press("right")
        elsewhere = bench.workspace.floor_log.append(
            0.7, ScoreScale.PROBABILITY, "manual", replaces=None, passport={}, evidence={}
        )
        await bench.press("enter", "y")
        await bench.until(lambda: "another floor was set meanwhile: 0.7" in bench.text())
        assert bench.current == elsewhere
        assert load_settings(tmp_path / "rankscope.toml").floor.value == 0.4
        await bench.settled()
        await bench.store()  # seen now, so it may be replaced
        stored = bench.current
        assert stored is not None
        assert (stored.value, stored.replaces) == (0.45, elsewhere.number)


async def test_a_reason_is_shown_without_its_controls(tmp_path: Path) -> None:
    async with floors(tmp_path) as bench:
        bench.screen.threads.post(floors_messages.FloorNotStored("disk\x1b]0;x\x07 \u202efull\nnow"))
        await bench.until(lambda: "Not stored" in bench.text())
        said = [item.message for item in bench.app._notifications]
        assert said == ["disk␛]0;x␇ ⇦full now"]


async def test_documents_at_the_floor_are_judged_with_one_key_each(tmp_path: Path) -> None:
    async with floors(tmp_path, judged=False) as bench:
        assert "none; e lists some" in bench.text()
        await bench.press("e")
        first = bench.state.chosen_document
        assert first is not None
        await bench.until(lambda: f"Passage {first.doc_id}." in bench.text())
        await bench.press("y", "b", "x")
        judged = [(item.grade, item.borderline) for item in bench.workspace.log.standing()]
        assert judged == [(2, False), (1, True), (0, False)]
        assert bench.workspace.log.standing()[0].doc_id == first.doc_id
        assert bench.state.mark_of(first) == "relevant"
        await bench.press("u")
        assert len(bench.workspace.log.standing()) == 2
        await bench.press("r")
        await bench.settled()
        looked = bench.state.looked
        assert looked is not None
        group = looked.material.group
        assert (group.relevant_from, group.borderline_grade) == (2, 1)
        assert sorted(group.grades[group.judged].tolist()) == [1, 2]


async def test_scores_of_two_models_are_two_sources(tmp_path: Path) -> None:
    async with floors(tmp_path, logits=5) as bench:
        assert "source 1 of 2" in bench.text()
        assert bench.state.scale is ScoreScale.PROBABILITY
        await bench.press("c")
        await bench.until(lambda: bench.state.scale is ScoreScale.LOGIT)
        await bench.settled()
        looked = bench.state.looked
        assert looked is not None
        assert looked.material.baseline is None  # the floor in force is on another scale
        assert looked.material.group.trace_count == 5
        await bench.press("v")
        assert "CURVES logit" in bench.text()


async def test_traces_and_k_are_chosen_by_typing(tmp_path: Path) -> None:
    async with floors(tmp_path, logits=5) as bench:
        await bench.press("f")
        assert isinstance(bench.app.screen, Prompt)
        await bench.press(*"since=2026-02-01", "enter")
        await bench.until(lambda: bench.state.described == "since=2026-02-01")
        await bench.settled()
        assert bench.state.reading is not None
        assert bench.state.reading.gathered.traces == 5
        await bench.press("f")
        await bench.press(*["backspace"] * 30, *"origin=replay", "enter")
        await bench.until(lambda: bench.state.phase is FloorsPhase.EMPTY)
        assert "origin=replay: f changes that" in bench.sentence()
        await bench.press("f", *["backspace"] * 30, "enter")
        await bench.until(lambda: bench.state.phase is FloorsPhase.READY)
        await bench.settled()
        before = bench.state.said
        await bench.press("k", "1", "enter")
        said = bench.state.said
        assert before is not None
        assert said is not None
        assert said.kept == said.answered == before.answered
        await bench.press("h", "h", "h")
        assert "FALL FROM RANK 1 TO 10" in bench.text()


async def test_a_store_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "traces.db").write_bytes(b"not a database at all" * 100)
    workspace = FlooredWorkspace(tmp_path)
    app = RankScopeApp(workspace, picture_folder=tmp_path, now=lambda: "now")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("alt+3")
        bench = Floors(app, workspace, pilot)
        await bench.until(lambda: bench.state.phase is FloorsPhase.REFUSED)
        assert "traces.db" in bench.sentence()
        await bench.press("enter", "m", "right", "e", "y")
    app.close(5)


async def test_hostile_texts_are_shown_and_end_nothing(tmp_path: Path) -> None:
    from dataclasses import replace

    from rankscope.core.documents import Query
    from tests.tui.floored import planted

    workspace = FlooredWorkspace(tmp_path)
    trace, _ = planted(0)
    workspace.traces.append(replace(trace, query=Query("[/b]\x1b[31m\u202e evil [link=x]"), trace_id="h"))
    workspace.traces.flush()
    app = RankScopeApp(workspace, picture_folder=tmp_path, now=lambda: "now")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("alt+3")
        bench = Floors(app, workspace, pilot)
        await bench.settled()
        await bench.press(*["right"] * 12, "e", "down", "up")
        assert "\x1b" not in bench.text()
        assert "\u202e" not in bench.text()
    app.close(5)
    workspace.close()
