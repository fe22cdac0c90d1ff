"""The screen on the sample corpus, with the real models and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from rankscope.engine.workspace import Workspace
from rankscope.tui.app import RankScopeApp
from rankscope.tui.state import Phase, RunPhase

CHILDREN = {"ibu-child-01", "ibu-child-02"}


async def until(pilot: Pilot[None], done: Callable[[], bool]) -> None:
    """Wait for the models as long as a slow machine may need."""
    async with asyncio.timeout(240):
        while not done():
            await pilot.pause(0.02)
    await pilot.pause()


async def test_a_query_is_retrieved_reranked_shown_and_stored(
    sample_workspace: Workspace, tmp_path: Path
) -> None:
    app = RankScopeApp(sample_workspace, picture_folder=tmp_path)
    stored = sample_workspace.traces.count()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.probe.state.phase is Phase.READY)
        assert app.probe.state.documents == len(sample_workspace.parts().documents)
        app.probe.query_one("#query", Input).value = "ibuprofen dosage for children"
        await pilot.press("enter")
        await until(pilot, lambda: app.probe.state.run is RunPhase.FINISHED)
        trace = app.probe.state.trace
        assert trace is not None
        assert trace.after is not None
        assert trace.after.doc_ids[0] in CHILDREN
        assert app.probe.state.chosen == trace.after.doc_ids[0]
        assert "ms" in str(app.export_screenshot())
        await pilot.press("v", "down", "s")
        await pilot.pause()
        assert list(tmp_path.glob("rankscope-*.svg"))
    assert app.probe.runner.close(timeout=60)
    assert sample_workspace.traces.count() == stored + 1
    assert sample_workspace.traces.get(trace.trace_id).kept == trace.kept


async def test_a_stored_trace_reads_back_into_the_same_screen(sample_workspace: Workspace) -> None:
    app = RankScopeApp(sample_workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.probe.state.phase is Phase.READY)
        app.probe.submit("refund after 30 days")
        await until(pilot, lambda: app.probe.state.run is RunPhase.FINISHED)
        live = app.probe.state.trace
        assert live is not None
        await until(pilot, lambda: bool(sample_workspace.traces.known_ids([live.trace_id])))
        before = [strip.text for strip in app.screen._compositor.render_strips()][3:14]
        app.probe.show_trace(sample_workspace.traces.get(live.trace_id))
        await pilot.pause()
        after = [strip.text for strip in app.screen._compositor.render_strips()][3:14]
        assert after == before
    assert app.probe.runner.close(timeout=60)
