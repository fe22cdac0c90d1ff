"""The verdict screen on built systems in a real trace store."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from rankscope.engine import deciding
from rankscope.insight.significance import Interval
from rankscope.insight.verdict.model import Verdict
from rankscope.tui import verdict_views
from rankscope.tui.app import RankScopeApp
from rankscope.tui.screens.verdict import VerdictScreen
from rankscope.tui.verdict_state import VerdictPhase, VerdictState, pipeline_name, verdict_sentence
from rankscope.tui.widgets.laid_out import LaidOut
from tests.insight.verdict import systems
from tests.tui.decided import decided, hurry, store_system
from tests.tui.judged import JudgedWorkspace, OutdatedWorkspace
from tests.tui.running_app import RunningApp


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


class Deciding(RunningApp):
    """A running app on the verdict screen."""

    def __init__(self, app: RankScopeApp, workspace: JudgedWorkspace, pilot: Pilot[None]) -> None:
        super().__init__(app, pilot)
        self.workspace = workspace

    @property
    def screen(self) -> VerdictScreen:
        screen = self.app.mode_screen("verdict")
        assert isinstance(screen, VerdictScreen)
        return screen

    @property
    def state(self) -> VerdictState:
        return self.screen.state

    async def settled(self) -> None:
        await self.until(lambda: self.state.phase is not VerdictPhase.MEASURING)


@asynccontextmanager
async def the_screen(
    workspace: JudgedWorkspace, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Deciding]:
    app = RankScopeApp(workspace, now=lambda: "now")
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("alt+5")
        bench = Deciding(app, workspace, pilot)
        await bench.settled()
        yield bench
    workspace.close()


async def test_an_index_that_is_built_anew_is_waited_for(tmp_path: Path) -> None:
    workspace = OutdatedWorkspace(tmp_path)
    store_system(workspace, systems.misordered)
    async with the_screen(workspace) as bench:
        assert bench.state.phase is VerdictPhase.AWAITING
        assert "is being built anew; then this is read." in bench.sentence()
        workspace.built.set()
        await bench.until(lambda: bench.state.phase is VerdictPhase.READY)
        assert bench.state.drawn is not None


async def test_the_sentence_is_at_the_top_and_the_evidence_below(tmp_path: Path) -> None:
    async with the_screen(decided(tmp_path, systems.misordered)) as bench:
        drawn = bench.state.drawn
        assert drawn is not None
        assert drawn.verdict.kind == "rerank"
        lines = bench.text().split("\n")
        head = next(place for place, line in enumerate(lines) if "RERANK" in line)
        assert head < 4
        assert drawn.verdict.sentence[:60] in lines[head]
        shown = "\n".join(lines[head:])
        for title in (
            "BEFORE AND AFTER",
            "RECALL AHEAD OF THE RERANKER",
            "DEPTH AND LATENCY",
            "GATING",
            "LATENCY",
        ):
            assert title in shown
        ndcg = next(row for row in drawn.verdict.evidence.measures if row.name == "nDCG@10")
        assert verdict_views.signed_text(ndcg.lift) in shown
        assert "From 40 judged traces. Judgments: the trace store." in bench.sentence()
        assert not bench.screen.check_action("compare", ())


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_everything_can_be_reached_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with the_screen(decided(tmp_path, systems.misordered), size) as bench:
        seen = bench.text()
        evidence = bench.screen.query_one(LaidOut)
        for _ in range(40):
            if evidence.scroll_offset.y >= evidence.max_scroll_y:
                break
            await bench.pilot.press("pagedown")
            seen += bench.text()
        assert "BEFORE AND AFTER" in seen
        assert "window-exceeded" in seen
        await bench.pilot.press("home", "down", "end", "up")
        assert evidence.scroll_offset.y == max(evidence.max_scroll_y - 1, 0)


async def test_another_pipeline_is_one_key_away(tmp_path: Path) -> None:
    workspace = decided(tmp_path, systems.misordered, systems.perfect_first_stage)
    async with the_screen(workspace) as bench:
        first = bench.state.drawn
        assert first is not None
        assert "1 other pipeline with judged traces: c compares, p shows the next." in bench.sentence()
        await bench.pilot.press("p")
        await bench.settled()
        second = bench.state.drawn
        assert second is not None
        assert {first.judged.pipeline, second.judged.pipeline} == set(bench.state.pipelines)
        assert {first.verdict.kind, second.verdict.kind} == {"rerank", "leave"}


async def test_traces_of_another_pipeline_do_not_move_the_screen(tmp_path: Path) -> None:
    workspace = decided(tmp_path, systems.misordered)
    async with the_screen(workspace) as bench:
        first = bench.state.drawn
        assert first is not None
        assert f"from 40 stored traces of pipeline {pipeline_name(first.judged.pipeline)}" in bench.text()
        store_system(workspace, systems.perfect_first_stage, count=60, pipeline="2")
        await bench.pilot.press("r")
        await bench.until(lambda: bench.state.drawn is not first)
        second = bench.state.drawn
        assert second is not None
        assert second.judged.pipeline == first.judged.pipeline
        assert list(second.judged.others.values()) == [60]


async def test_new_judgments_are_measured_on_return_and_only_then(tmp_path: Path) -> None:
    workspace = decided(tmp_path, systems.misordered)
    async with the_screen(workspace) as bench:
        first = bench.state.drawn
        await bench.pilot.press("alt+1", "alt+5")
        await bench.pilot.pause()
        assert bench.state.phase is VerdictPhase.READY
        assert bench.state.drawn is first
        await bench.pilot.press("alt+1")
        workspace.log.append("q0", "d0-1", 1, "ann")
        await bench.pilot.press("alt+5")
        await bench.until(lambda: bench.state.drawn is not first)
        assert bench.state.phase is VerdictPhase.READY


async def test_measuring_never_holds_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, measure = threading.Event(), deciding.draw_verdict

    def slowly(*given: Any, **named: Any) -> Verdict:
        gate.wait(10)
        return measure(*given, **named)

    async with the_screen(decided(tmp_path, systems.misordered)) as bench:
        first = bench.state.drawn
        assert first is not None
        monkeypatch.setattr(deciding, "draw_verdict", slowly)
        await bench.pilot.press("r", "down", "alt+1")
        assert bench.app.current_mode == "probe"
        await bench.pilot.press("alt+5")
        assert bench.state.phase is VerdictPhase.MEASURING
        assert bench.state.drawn is first
        assert "the last figures stay until then" in bench.sentence()
        gate.set()
        await bench.settled()
        assert bench.state.drawn is not first


async def test_without_judgments_it_says_what_to_do(tmp_path: Path) -> None:
    async with the_screen(JudgedWorkspace(tmp_path), (80, 24)) as bench:
        assert bench.state.phase is VerdictPhase.NOTHING
        assert "Nothing is judged yet. Judge some candidates" in bench.sentence()
        assert "Does the reranker earn its latency?" in bench.text()
        workspace = bench.workspace
        store_system(workspace, systems.misordered, count=25)
        await bench.pilot.press("r")
        await bench.until(lambda: bench.state.drawn is not None)


async def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    workspace = JudgedWorkspace(tmp_path)
    workspace.traces_path.write_bytes(b"not a database, whatever it is called" * 99)
    async with the_screen(workspace, (80, 24)) as bench:
        assert bench.state.phase is VerdictPhase.REFUSED
        assert "it is not a SQLite database" in bench.sentence()


def test_intervals_are_written_short() -> None:
    assert verdict_views.interval_text(Interval(0.6125, 0.5, 1.0, 9)) == ".613 [.500, 1.000]"
    assert verdict_views.interval_text(Interval(0.5, None, None, 1)) == ".500"
    assert verdict_views.interval_text(None) == "–"
    assert verdict_views.signed_text(Interval(-0.0412, -0.1, 0.02, 9)) == "-.041 [-.100, +.020]"
    assert verdict_views.signed_text(Interval(-0.0001, None, None, 1)) == "+.000"
    assert verdict_views.signed_text(None) == "–"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_blocks_are_dealt_to_columns_in_order(count: int) -> None:
    from textual.content import Content

    made = [
        verdict_views.Block(f"B{number}", tuple(Content(f"b{number} {line}") for line in range(number + 2)))
        for number in range(6)
    ]
    width = count * (verdict_views.BLOCK_WIDTH + verdict_views.GAP) - verdict_views.GAP
    text = verdict_views.in_columns(made, width).plain
    assert max(map(len, text.split("\n"))) <= width
    for number, block in enumerate(made):
        assert text.count(f"b{number} ") == len(block.lines)
    heights = sum(len(block.lines) + 2 for block in made)
    assert heights / count <= text.count("\n") + 1 <= heights / count + 9


def test_sentences_for_every_state() -> None:
    assert verdict_sentence(VerdictState()).text == "Measuring the judged traces."
    assert verdict_sentence(VerdictState().failed("it is damaged", nothing=False)).tone == "bad"
    assert pipeline_name("sha256:0123456789abcdef") == "0123456789ab"
    assert pipeline_name("import:trec") == "import:trec"
