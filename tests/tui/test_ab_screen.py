"""Two pipelines side by side, from a real trace store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rankscope.tui import ab_views
from rankscope.tui.ab_state import AbState, Shown, ab_sentence
from rankscope.tui.app import RankScopeApp
from rankscope.tui.screens.ab import AbScreen
from rankscope.tui.screens.verdict import VerdictScreen
from rankscope.tui.verdict_state import VerdictPhase
from rankscope.tui.verdict_views import signed_text
from tests.insight.verdict import systems
from tests.tui.decided import decided, hurry, store_system
from tests.tui.judged import JudgedWorkspace
from tests.tui.running_app import RunningApp


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


class Comparing(RunningApp):
    """A running app on the comparison screen."""

    @property
    def screen(self) -> AbScreen:
        screen = self.app.screen
        assert isinstance(screen, AbScreen)
        return screen

    @property
    def state(self) -> AbState:
        return self.screen.state

    async def compared(self) -> None:
        await self.until(
            lambda: (
                isinstance(self.app.screen, AbScreen)
                and (self.state.compared is not None or bool(self.state.problem))
            )
        )


@asynccontextmanager
async def comparing(
    workspace: JudgedWorkspace, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Comparing]:
    app = RankScopeApp(workspace, now=lambda: "now")
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("alt+5")
        verdict = app.mode_screen("verdict")
        assert isinstance(verdict, VerdictScreen)
        bench = Comparing(app, pilot)
        await bench.until(lambda: verdict.state.phase is VerdictPhase.READY)
        await pilot.press("c")
        await bench.compared()
        yield bench
    workspace.close()


@pytest.fixture
def workspace(tmp_path: Path) -> JudgedWorkspace:
    return decided(tmp_path, systems.misordered, systems.small_gain, count=30)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_two_pipelines_stand_side_by_side(workspace: JudgedWorkspace, size: tuple[int, int]) -> None:
    async with comparing(workspace, size) as bench:
        compared = bench.state.compared
        assert compared is not None
        found = compared.comparison
        shown = bench.text()
        row = next(row for row in found.rows if row.name == "nDCG@10")
        assert signed_text(row.difference) in shown
        assert "model-1" in shown
        assert "model-2" in shown
        assert "set otherwise" in shown
        assert found.won + found.lost + found.tied == len(found.queries)
        assert f"B wins {found.won:,}, loses {found.lost:,}" in ab_sentence(bench.state).text
        assert bench.state.query == found.queries[0]


async def test_each_query_is_one_key_away_from_both_traces(workspace: JudgedWorkspace) -> None:
    async with comparing(workspace) as bench:
        await bench.pilot.press("down", "down")
        query = bench.state.query
        assert query == bench.state.queries[2]
        for key, trace_id in (("a", query.trace_a), ("b", query.trace_b), ("enter", query.trace_b)):
            await bench.pilot.press(key)
            await bench.until(lambda: bench.app.current_mode == "probe")
            trace = bench.app.probe.state.trace
            assert trace is not None
            assert trace.trace_id == trace_id
            await bench.pilot.press("escape")
            await bench.until(lambda: bench.app.current_mode == "verdict")
            assert bench.state.query == query
        await bench.pilot.press("escape")
        assert isinstance(bench.app.screen, VerdictScreen)


async def test_queries_won_and_lost_are_listed_apart(workspace: JudgedWorkspace) -> None:
    async with comparing(workspace) as bench:
        found = bench.state.compared.comparison
        await bench.pilot.press("v")
        assert (bench.state.shown, len(bench.state.queries)) == (Shown.WON, found.won)
        assert all(query.difference > 0 for query in bench.state.queries)
        await bench.pilot.press("v")
        assert (bench.state.shown, len(bench.state.queries)) == (Shown.LOST, found.lost)
        lost = [query.difference for query in bench.state.queries]
        assert lost == sorted(lost)
        assert lost[-1] < 0
        await bench.pilot.press("v", "end")
        assert bench.state.place == len(found.queries) - 1
        await bench.pilot.press("home", "pagedown", "pageup", "up")
        assert bench.state.place == 0
        await bench.pilot.click("#ab-queries", offset=(5, 3))
        assert bench.state.place == 2


async def test_sides_can_be_swapped_and_others_chosen(tmp_path: Path) -> None:
    workspace = decided(tmp_path, systems.misordered, systems.small_gain, count=25)
    store_system(workspace, systems.perfect_first_stage, count=25, pipeline="3")
    async with comparing(workspace) as bench:
        before = bench.state
        await bench.pilot.press("x")
        await bench.compared()
        assert (bench.state.a, bench.state.b) == (before.b, before.a)
        mine, theirs = bench.state.compared.comparison, before.compared.comparison
        assert (mine.won, mine.lost) == (theirs.lost, theirs.won)
        await bench.pilot.press("p")
        await bench.compared()
        assert {bench.state.a, bench.state.b, before.a} == set(bench.screen.pipelines)


async def test_pipelines_without_a_common_query_are_said(tmp_path: Path) -> None:
    workspace = decided(tmp_path, systems.misordered, count=25)
    app = RankScopeApp(workspace, now=lambda: "now")
    async with app.run_test(size=(80, 24)) as pilot:
        bench = Comparing(app, pilot)
        app.push_screen(AbScreen(workspace, "sha256:1111111111111111", "nowhere"))
        await bench.compared()
        assert "no judged trace is of the pipeline 'nowhere'" in bench.text()
        await pilot.press("down", "v", "a", "escape")
    workspace.close()


def test_a_difference_has_an_arrow_and_a_sign() -> None:
    shown = [ab_views.difference_cell(value).plain for value in (0.4123, -1.0, 0.0)]
    assert shown == ["▲ +.412   ", "▼ -1.000  ", "= .000    "]
