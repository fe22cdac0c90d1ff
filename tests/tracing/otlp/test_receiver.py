"""From spans to the store, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rankscope.core.trace import Trace
from rankscope.tracing.formats import span_file
from rankscope.tracing.otlp.receiver import Receiver
from rankscope.tracing.otlp.waiting import Limits
from rankscope.tracing.store import TraceStore
from tests.tracing.otlp.spans import request, spans


@dataclass
class _Told:
    """What the receiver said; an event for each stored trace."""

    stored: list[tuple[Trace, bool]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    more: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def on_stored(self, trace: Trace, completed: bool) -> None:
        self.stored.append((trace, completed))
        self.more.release()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore(tmp_path / "traces.db") as store:
        yield store


def _receiver(store: TraceStore, told: _Told, **limits: float) -> Receiver:
    return Receiver(
        store,
        on_stored=told.on_stored,
        on_problem=told.problems.append,
        limits=Limits(**{"settle_s": 0.0, **limits}),  # type: ignore[arg-type]
    )


def test_traces_are_stored_while_spans_come(store: TraceStore) -> None:
    told = _Told()
    receiver = _receiver(store, told)
    receiver.start()
    for number in range(1, 4):
        assert receiver.offer(spans(request(number)))
        assert told.more.acquire(timeout=30)
        assert store.count() == number
    receiver.close()
    assert [completed for _, completed in told.stored] == [False] * 3
    assert (receiver.counts.traces, receiver.counts.posts, receiver.counts.spans) == (3, 3, 9)
    assert told.problems == []


def test_posting_again_adds_nothing_also_in_another_run(store: TraceStore) -> None:
    for known in (0, 1):
        told = _Told()
        receiver = _receiver(store, told)
        receiver.offer(spans(request()))
        receiver.offer(spans(request()))
        receiver.close()
        assert (receiver.counts.traces, receiver.counts.known_traces) == (1 - known, known)
        assert receiver.counts.repeated_spans == 3
    assert store.count() == 1


def test_late_spans_replace_the_shorter_trace(store: TraceStore) -> None:
    told = _Told()
    receiver = _receiver(store, told)
    receiver.start()
    retriever, reranker, root = spans(request())
    receiver.offer([retriever, root])
    assert told.more.acquire(timeout=30)
    receiver.offer([reranker])
    assert told.more.acquire(timeout=30)
    receiver.close()
    (kept,) = store.iter_traces()
    assert [ranking.stage for ranking in kept.rankings] == ["dense", "rerank"]
    assert [completed for _, completed in told.stored] == [False, True]
    assert (receiver.counts.traces, receiver.counts.completed_traces) == (1, 1)


def _slow_joining(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Joining sets the first event and waits for the second."""
    joining, go_on, build = threading.Event(), threading.Event(), span_file.build_trace

    def build_slowly(*arguments: Any) -> Trace:
        joining.set()
        assert go_on.wait(30)
        return build(*arguments)

    monkeypatch.setattr(span_file, "build_trace", build_slowly)
    return joining, go_on


def test_posts_are_taken_while_a_trace_is_joined(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    joining, go_on = _slow_joining(monkeypatch)
    told = _Told()
    receiver = _receiver(store, told)
    receiver.start()
    receiver.offer(spans(request(1)))
    assert joining.wait(30)
    assert receiver.offer(spans(request(2)))  # would wait for ever
    go_on.set()
    receiver.close()
    assert store.count() == 2


def test_a_sender_is_told_to_wait_while_far_too_much_is_joined(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    joining, go_on = _slow_joining(monkeypatch)
    told = _Told()
    receiver = _receiver(store, told, bytes_held=1_000)
    receiver.start()
    assert receiver.offer(spans(request(1)))  # more than twice what is allowed
    assert joining.wait(30)
    assert not receiver.offer(spans(request(2)))
    go_on.set()
    assert told.more.acquire(timeout=30)
    receiver.close()
    assert receiver._waiting._bytes == 0
    assert store.count() == 1


def test_a_fault_in_telling_takes_no_other_request_along(store: TraceStore) -> None:
    told, faults = _Told(), [BrokenPipeError("nobody listens")]

    def on_stored(trace: Trace, completed: bool) -> None:
        told.on_stored(trace, completed)
        if faults:
            raise faults.pop()

    def on_problem(line: str) -> None:
        told.problems.append(line)
        raise BrokenPipeError("nobody reads")

    receiver = Receiver(store, on_stored=on_stored, on_problem=on_problem, limits=Limits(settle_s=0.0))
    for number in (1, 2, 3):
        receiver.offer(spans(request(number)))
    with pytest.raises(BrokenPipeError):
        receiver._turn()
    receiver._turn()
    assert len(told.stored) == 3
    assert store.count() == 3


def test_closing_stores_what_waits_and_takes_nothing_more(store: TraceStore) -> None:
    told = _Told()
    receiver = _receiver(store, told, quiet_s=1e9)
    receiver.start()
    receiver.offer(spans(request())[:2])
    receiver.close()
    assert store.count() == 1
    assert not receiver.offer(spans(request(2)))
    assert receiver.counts.refused_posts == 1


def test_many_threads_post_parts_of_the_same_requests(store: TraceStore) -> None:
    told = _Told()
    receiver = _receiver(store, told, settle_s=0.05)
    receiver.start()
    found = [spans(request(number)) for number in range(1, 21)]

    def post(place: int) -> None:
        for item in found:
            assert receiver.offer([item[place]])

    threads = [threading.Thread(target=post, args=(place,)) for place in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receiver.close()
    kept = list(store.iter_traces())
    assert len(kept) == 20
    assert all([ranking.stage for ranking in trace.rankings] == ["dense", "rerank"] for trace in kept)


def test_a_store_that_fails_is_told_and_listening_goes_on(tmp_path: Path) -> None:
    told = _Told()
    store = TraceStore(tmp_path / "traces.db")
    store.close()
    receiver = _receiver(store, told)
    receiver.offer(spans(request()))
    receiver.close()
    assert told.stored == []
    assert "the trace store is closed" in told.problems[0]
    assert receiver.counts.failed_traces == 1
