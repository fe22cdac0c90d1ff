"""Runs beside the screen, without a screen: order of reports, cancellation, drafts, storing, failures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rankscope.core.documents import Query
from rankscope.core.events import BatchScored, StageFinished, TraceFinished
from rankscope.errors import IndexMissing
from rankscope.tui import messages
from rankscope.tui.runner import Runner
from rankscope.tui.threads import Threads
from tests.tui.fakes import FakeWorkspace, Script

QUERY = Query("ibuprofen dosage for children")


class Post:
    """Collects what is posted."""

    def __init__(self) -> None:
        self.messages: list[object] = []
        self.closed = False

    def __call__(self, message: object) -> None:
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.messages.append(message)

    def of(self, kind: type) -> list:
        return [message for message in self.messages if isinstance(message, kind)]

    def events(self, kind: type, run_id: int = 1) -> list:
        return [
            message.event
            for message in self.of(messages.RunAdvanced)
            if message.run_id == run_id and isinstance(message.event, kind)
        ]


def eventually(done: Callable[[], object]) -> None:
    limit = time.monotonic() + 5
    while not done():
        assert time.monotonic() < limit, "it did not happen in 5 seconds"
        time.sleep(0.002)


def test_a_run_reports_every_event_in_order() -> None:
    post, workspace = Post(), FakeWorkspace()
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings, draft=False)
    eventually(lambda: post.events(TraceFinished))
    assert [event.done for event in post.events(BatchScored)] == [8, 16, 24, 32, 40, 48]
    assert [event.stage for event in post.events(StageFinished)] == ["bm25", "dense", "fusion", "rerank"]
    assert runner.close(timeout=5)


def test_a_newer_run_stops_the_older_one() -> None:
    gate = threading.Event()
    post, workspace = Post(), FakeWorkspace(Script(rerank_gates=[threading.Event(), gate]))
    runner = Runner(workspace, Threads(post))
    workspace.script.rerank_gates[0].set()
    runner.start(1, QUERY, workspace.settings, draft=False)
    eventually(lambda: post.events(BatchScored))
    runner.start(2, QUERY, workspace.settings, draft=False)
    eventually(lambda: [m for m in post.of(messages.RunStopped) if m.run_id == 1])
    gate.set()
    eventually(lambda: post.events(TraceFinished, run_id=2))
    assert not post.events(TraceFinished, run_id=1)
    assert runner.close(timeout=5)


def test_a_draft_rests_before_the_reranker_until_it_is_promoted(monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 60)
    post, workspace = Post(), FakeWorkspace()
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings, draft=True)
    eventually(lambda: [e for e in post.events(StageFinished) if e.stage == "fusion"])
    assert not post.events(BatchScored)
    runner.promote()
    eventually(lambda: post.events(TraceFinished))
    assert runner.close(timeout=5)


def test_a_draft_that_rests_can_be_stopped_at_once(monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 60)
    post, workspace = Post(), FakeWorkspace()
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings, draft=True)
    eventually(lambda: [e for e in post.events(StageFinished) if e.stage == "fusion"])
    runner.cancel()
    eventually(lambda: post.of(messages.RunStopped))
    assert runner.close(timeout=5)


def test_a_draft_without_a_reranker_does_not_rest(monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.PAUSE_BEFORE_RERANK_S", 60)
    post, workspace = Post(), FakeWorkspace()
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings.override("rerank", enabled=False), draft=True)
    eventually(lambda: post.events(TraceFinished))
    assert runner.close(timeout=5)


def test_a_fault_in_a_stage_is_reported_with_its_kind() -> None:
    post, workspace = Post(), FakeWorkspace()
    workspace.pipeline = lambda settings: 1 / 0  # type: ignore[method-assign,assignment]
    runner = Runner(workspace, Threads(post))
    runner.start(7, QUERY, workspace.settings, draft=False)
    eventually(lambda: post.of(messages.RunCrashed))
    crash = post.of(messages.RunCrashed)[0]
    assert (crash.run_id, crash.reason) == (7, "ZeroDivisionError: division by zero")
    assert runner.close(timeout=5)


def test_opening_reports_the_index_then_the_models() -> None:
    post, workspace = Post(), FakeWorkspace()
    runner = Runner(workspace, Threads(post))
    runner.open_workspace()
    eventually(lambda: post.of(messages.WorkspaceReady))
    assert post.of(messages.WorkspaceOpened)[0].documents == 60
    assert runner.close(timeout=5)


def test_a_workspace_that_cannot_be_used_is_refused_with_its_remedy() -> None:
    failure = IndexMissing("x: nothing is indexed here yet.", remedy="Run `rankscope index SOURCE`.")
    post = Post()
    runner = Runner(FakeWorkspace(Script(prepare_failure=failure)), Threads(post))
    runner.open_workspace()
    eventually(lambda: post.of(messages.WorkspaceRefused))
    assert post.of(messages.WorkspaceRefused)[0].reason == (
        "x: nothing is indexed here yet. Run `rankscope index SOURCE`."
    )
    assert runner.close(timeout=5)


def test_leaving_waits_for_traces_and_not_for_models() -> None:
    stuck, slow = threading.Event(), threading.Event()
    post, workspace = Post(), FakeWorkspace(Script(warm_up_gate=stuck))
    append = workspace.traces.append
    workspace.traces.append = lambda trace: (slow.wait(0.05), append(trace))[1]  # type: ignore[method-assign]
    runner = Runner(workspace, Threads(post))
    runner.open_workspace()
    eventually(lambda: post.of(messages.WorkspaceOpened))
    runner.start(1, QUERY, workspace.settings, draft=False)
    eventually(lambda: post.events(TraceFinished))
    runner.store(post.events(TraceFinished)[0].trace)
    assert not runner.close(timeout=0.01)
    assert len(workspace.traces.stored) == 1
    stuck.set()


def test_a_trace_that_cannot_be_stored_is_reported() -> None:
    post, workspace = Post(), FakeWorkspace()
    workspace.traces.failure = OSError("No space left on device")
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings, draft=False)
    eventually(lambda: post.events(TraceFinished))
    runner.store(post.events(TraceFinished)[0].trace)
    eventually(lambda: post.of(messages.TraceNotStored))
    assert "No space left on device" in post.of(messages.TraceNotStored)[0].reason
    assert runner.close(timeout=5)


def test_nothing_is_posted_to_a_screen_that_is_gone() -> None:
    post, workspace = Post(), FakeWorkspace()
    post.closed = True
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings, draft=False)
    assert runner.close(timeout=5)
    assert post.messages == []


def test_the_reranker_waits_until_the_fused_list_is_painted(monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.runner.HEAD_START_S", 60)
    post, workspace = Post(), FakeWorkspace()
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings, draft=False)
    eventually(lambda: [e for e in post.events(StageFinished) if e.stage == "fusion"])
    runner.fused_shown(0)
    assert not post.events(BatchScored)
    runner.fused_shown(1)
    eventually(lambda: post.events(TraceFinished))
    assert runner.close(timeout=5)


def test_reports_of_one_run_replace_each_other_and_no_others() -> None:
    post, workspace = Post(), FakeWorkspace()
    runner = Runner(workspace, Threads(post))
    runner.start(1, QUERY, workspace.settings, draft=False)
    eventually(lambda: post.events(TraceFinished))
    first, second, *_ = post.of(messages.RunAdvanced)
    assert first.can_replace(second)
    assert not first.can_replace(messages.RunAdvanced(2, second.event))
    assert not first.can_replace(messages.RunStopped(1))
    assert runner.close(timeout=5)
