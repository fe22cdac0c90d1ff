"""Judging from the probe: what is on disk after each key."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rankscope.tui.app import RankScopeApp
from rankscope.tui.state import Phase
from tests.tui.judged import QUERIES, JudgedWorkspace


async def test_a_key_judges_the_chosen_document_and_another_takes_it_back(tmp_path: Path) -> None:
    workspace = JudgedWorkspace(tmp_path)
    app = RankScopeApp(workspace, picture_folder=tmp_path, now=lambda: "now")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        probe = app.probe
        async with asyncio.timeout(10):
            while probe.state.phase is not Phase.READY:
                await pilot.pause(0.01)
            await pilot.press("escape", "y")  # nothing to judge yet: a query begins
            assert workspace.log.standing() == []
            probe.submit(QUERIES[0])
            while probe.state.busy or probe.state.trace is None or probe.state.trace.decision is None:
                await pilot.pause(0.01)
        await pilot.pause()
        first = probe.state.chosen
        await pilot.press("y", "down")
        second = probe.state.chosen
        await pilot.press("b", "down", "x")
        standing = workspace.log.standing()
        assert [(item.doc_id, item.grade, item.borderline) for item in standing[:2]] == [
            (first, 2, False),
            (second, 1, True),
        ]
        assert standing[2].grade == 0
        assert {item.query for item in standing} == {QUERIES[0]}
        assert {item.judge for item in standing} == {"ann"}
        document = probe.state.trace.documents[first]
        assert standing[0].content_hash == document.content_hash
        assert standing[0].trace_id == probe.state.trace.trace_id
        await pilot.press("u")
        assert len(workspace.log.standing()) == 2
    app.close(5)
    workspace.close()
