"""Typing, drafts, stale answers, loading and storing, as the user meets them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from rankscope.engine.progress import IndexProgress
from rankscope.errors import IndexMissing
from rankscope.tui.state import Phase, RunPhase
from tests.tui.fakes import FakeWorkspace, Script
from tests.tui.traces import RERANKED, trace

QUERY = "ibuprofen dosage for children"
WORDS = ["pain", "fever", "child", "adult", "store", "label", "of", "in", "at", "gel"]


async def test_the_fused_list_follows_the_typing_and_is_not_stored(bench, monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 60)
    async with bench() as on:
        await on.ready()
        await on.type("ibuprofen")
        await on.until(lambda: on.state.trace is not None)
        assert on.state.draft
        assert on.state.trace.after is None
        assert on.app.focused.id == "query"
        assert "draft, enter keeps it" in on.line("#query-bar")
        assert "Fused as you type" in on.line("#status")
        assert on.workspace.traces.stored == []


async def test_a_draft_that_rests_is_reranked_and_still_not_stored(bench, monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 0.01)
    async with bench() as on:
        await on.ready()
        await on.type("ibuprofen")
        await on.until(lambda: on.state.run is RunPhase.FINISHED)
        assert on.state.trace.after is not None
        assert on.workspace.traces.stored == []


async def test_enter_keeps_a_finished_draft_without_running_it_again(bench, monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 0.01)
    async with bench() as on:
        await on.ready()
        await on.type("ibuprofen")
        await on.until(lambda: on.state.run is RunPhase.FINISHED)
        drafted = on.state.trace
        await on.pilot.press("enter")
        await on.until(lambda: on.workspace.traces.stored == [drafted])
        assert on.state.trace is drafted
        assert "run 1 of 1" in on.line("#query-bar")
        assert on.app.focused.id == "after"


async def test_enter_sends_a_resting_draft_on_to_the_reranker(bench, monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 60)
    async with bench() as on:
        await on.ready()
        await on.type("ibuprofen")
        await on.until(lambda: on.state.trace is not None)
        run_id = on.state.run_id
        await on.pilot.press("enter")
        await on.idle()
        assert on.state.run_id == run_id
        await on.until(lambda: len(on.workspace.traces.stored) == 1)


async def test_ten_queries_in_quick_succession_end_with_the_last_one(bench) -> None:
    async with bench() as on:
        await on.ready()
        painted = []
        on.app.probe.watch(
            on.app.probe, "state", lambda state: painted.append(state.trace and state.trace.query.text)
        )
        queries = [f"ibuprofen dosage {word}" for word in WORDS]
        for query in queries:
            on.app.probe.submit(query)
            await on.pilot.pause(0.002)
        await on.idle()
        assert on.state.trace.query.text == queries[-1]
        seen = [text for text in painted if text]
        order = [queries.index(text) for text in seen]
        assert order == sorted(order), "an older answer was painted over a newer one"


async def test_reports_of_an_older_run_are_dropped(bench) -> None:
    gates = [threading.Event() for _ in range(7)]
    async with bench(FakeWorkspace(Script(rerank_gates=gates))) as on:
        await on.ready()
        on.app.probe.submit("naproxen")
        gates[0].set()
        await on.until(lambda: on.state.done == 8)
        on.app.probe.submit(QUERY)
        for gate in gates:
            gate.set()
        await on.idle()
        assert on.state.trace.query.text == QUERY
        await on.until(lambda: [made.query.text for made in on.workspace.traces.stored] == [QUERY])


async def test_a_query_waits_for_the_models_and_then_runs(bench) -> None:
    gate = threading.Event()
    async with bench(FakeWorkspace(Script(warm_up_gate=gate))) as on:
        await on.until(lambda: on.state.phase is Phase.LOADING)
        await on.type("ibuprofen")
        await on.pilot.press("enter")
        assert on.state.run is RunPhase.WAITING
        assert "Your query runs as soon as they are ready" in on.line("#status")
        gate.set()
        await on.idle()
        assert on.state.trace.query.text == "ibuprofen"
        assert on.app.focused.id == "after"


async def test_keys_work_while_the_models_load(bench) -> None:
    gate = threading.Event()
    async with bench(FakeWorkspace(Script(warm_up_gate=gate))) as on:
        await on.until(lambda: on.state.phase is Phase.LOADING)
        await on.pilot.press("tab", "t")
        assert on.app.theme == "rankscope-light"
        await on.pilot.press("q")
        await on.until(lambda: not on.app.is_running)
        gate.set()


async def test_indexing_shows_its_progress(bench) -> None:
    gate = threading.Event()
    progress = (
        IndexProgress("reading", 412, 412, 9000.0, 0.0),
        IndexProgress("embedding", 200, 412, 85.0, 2.5),
    )
    workspace = FakeWorkspace(Script(progress=progress, index_gate=gate))
    workspace.document_count, documents = 0, workspace.document_count
    async with bench(workspace) as on:
        await on.until(lambda: "embedding 200 of 412" in on.line("#status"))
        workspace.document_count = documents
        gate.set()
        await on.ready()
        assert "60 passages" in on.line("#title")


async def test_a_workspace_without_an_index_says_what_to_run(bench) -> None:
    failure = IndexMissing("w: nothing is indexed here yet.", remedy="Run `rankscope index SOURCE`.")
    async with bench(FakeWorkspace(Script(prepare_failure=failure))) as on:
        await on.until(lambda: on.state.phase is Phase.REFUSED)
        assert "✗ w: nothing is indexed here yet. Run `rankscope index SOURCE`." in on.line("#status")
        await on.type("ibuprofen")
        await on.pilot.press("enter")
        assert "Run `rankscope index" in on.line("#status")


async def test_a_chosen_example_runs(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("down", "down", "enter")
        await on.idle()
        assert on.state.trace.query.text == on.workspace.example_queries[1]
        assert on.workspace.example_queries[1] in on.line("#query-bar")


async def test_history_goes_up_and_down_and_keeps_what_was_not_sent(bench, monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 60)
    async with bench() as on:
        await on.ready()
        for query in ("ibuprofen", "naproxen"):
            await on.type(query)
            await on.pilot.press("enter", "slash")
        await on.type("asp")
        value = on.app.probe.query_one("#query")
        await on.pilot.press("up")
        assert value.value == "naproxen"
        await on.pilot.press("up", "up")
        assert value.value == "ibuprofen"
        await on.pilot.press("down", "down")
        assert value.value == "asp"
        await on.pilot.press("down")
        assert on.app.focused.id != "query"


async def test_a_paste_of_several_lines_becomes_one(bench) -> None:
    from textual import events

    async with bench() as on:
        await on.ready()
        on.app.probe.query_one("#query").post_message(events.Paste("ibuprofen\r\nfor\nchildren"))
        await on.pilot.pause()
        assert on.app.probe.query_one("#query").value == "ibuprofen for children"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Script(bm25_failure="no index file."), "BM25 failed: no index file."),
        (Script(dense_failure="no weights."), "Dense retrieval failed: no weights."),
        (Script(rerank_failure="no weights."), "Reranking failed: no weights. The fused order stands."),
        (Script(bm25_failure="x.", dense_failure="y."), "Nothing is left to show."),
        (Script(tokens_cut={"ibu-child-01": 212}), "did not see the end of 1 passage (212 tokens;"),
    ],
)
async def test_what_went_wrong_is_said_in_a_sentence(bench, script: Script, words: str) -> None:
    async with bench(FakeWorkspace(script), size=(160, 30)) as on:
        await on.ready()
        await on.ask(QUERY)
        assert words in on.line("#status")


async def test_a_run_that_crashes_leaves_the_screen_usable(bench) -> None:
    async with bench() as on:
        await on.ready()
        pipeline = on.workspace.pipeline
        on.workspace.pipeline = lambda settings: 1 / 0
        await on.ask(QUERY)
        assert "ZeroDivisionError: division by zero" in on.line("#status")
        on.workspace.pipeline = pipeline
        await on.pilot.press("r")
        await on.idle()
        assert on.state.run is RunPhase.FINISHED


async def test_a_trace_that_cannot_be_stored_is_told(bench) -> None:
    async with bench() as on:
        await on.ready()
        on.workspace.traces.failure = OSError("disk is full")
        await on.ask(QUERY)
        await on.until(lambda: "disk is full" in on.text())


async def test_a_stored_trace_is_shown_read_only_and_escape_returns(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        live = on.state
        on.app.probe.show_trace(trace(scores=RERANKED))
        await on.pilot.pause()
        assert on.state.read_only
        assert "stored, read-only" in on.line("#title")
        assert "which one" in on.line("#query-bar")
        await on.pilot.press("right_square_bracket", "r", "g", "n")
        assert on.state.trace.floor.value == pytest.approx(0.4)
        assert on.app.screen is on.app.probe
        await on.pilot.press("down")
        assert on.state.chosen == "a"
        await on.pilot.press("escape")
        assert replace(on.state, answers=live.answers) == live
        assert QUERY in on.line("#query-bar")


async def test_a_live_run_goes_on_behind_a_stored_trace(bench) -> None:
    gates = [threading.Event() for _ in range(7)]
    async with bench(FakeWorkspace(Script(rerank_gates=gates))) as on:
        await on.ready()
        on.app.probe.submit(QUERY)
        await on.until(lambda: on.state.trace is not None)
        on.app.probe.show_trace(trace(scores=RERANKED))
        for gate in gates:
            gate.set()
        await on.until(lambda: len(on.workspace.traces.stored) == 1)
        assert on.state.trace.query.text == "which one"
        await on.pilot.press("escape")
        assert on.state.trace.query.text == QUERY
        assert on.state.run is RunPhase.FINISHED


async def test_a_resize_keeps_everything_in_place(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        for size in ((80, 24), (200, 60), (60, 15), (120, 40)):
            await on.pilot.resize_terminal(*size)
            await on.pilot.pause()
            top = on.line("#top-rule")
            if size[0] >= 120:  # narrower, the tabs reach across the junction
                assert top.index("┬") == on.line("#document-rule").index("┴")
            assert len(top) == size[0]
