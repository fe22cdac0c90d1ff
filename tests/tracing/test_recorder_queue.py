"""A recorder whose queue is full, whose store fails, or which many threads use."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rankscope.recorder import Recorder, RecorderStats
from tests.tracing.kept import Kept


def test_a_full_queue_drops_and_counts(sink: Kept, caplog: pytest.LogCaptureFixture) -> None:
    sink.gate.clear()
    recorder = Recorder(sink, queue_size=3, on_full="drop")
    recorder.record("first", {})
    assert sink.reached.wait(10)
    for number in range(5):
        recorder.record(str(number), {})
    assert recorder.stats().dropped == 2
    sink.gate.set()
    recorder.close()
    assert recorder.stats() == RecorderStats(offered=6, written=4, dropped=2)
    assert "traces dropped" in caplog.text
    assert "the queue was full" in caplog.text


def test_a_full_queue_blocks_where_told_to(sink: Kept) -> None:
    sink.gate.clear()
    recorder = Recorder(sink, queue_size=1, on_full="block")
    recorder.record("first", {})
    assert sink.reached.wait(10)
    threading.Timer(0.1, sink.gate.set).start()
    for number in range(20):
        recorder.record(str(number), {})
    recorder.close()
    assert recorder.stats() == RecorderStats(offered=21, written=21)


def test_blocking_may_have_an_end(sink: Kept) -> None:
    sink.gate.clear()
    recorder = Recorder(sink, queue_size=1, on_full="block", block_seconds=0.01)
    recorder.record("first", {})
    assert sink.reached.wait(10)
    recorder.record("second", {})
    recorder.record("third", {})
    sink.gate.set()
    recorder.close()
    assert recorder.stats() == RecorderStats(offered=3, written=2, dropped=1)


def test_failures_of_the_store_are_told_and_not_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[Exception] = []
    with Recorder(tmp_path / "nowhere" / "traces.db", on_error=errors.append) as recorder:
        recorder.record("q", {})
        assert recorder.flush()
    assert recorder.stats() == RecorderStats(offered=1, failed=1)
    assert "the trace database cannot be opened" in str(errors[0])
    assert "1 not stored" in caplog.text
    assert "the trace database cannot be opened" in caplog.text


def test_a_sink_or_a_callback_that_raises_ends_nothing(sink: Kept, caplog: pytest.LogCaptureFixture) -> None:
    def on_error(error: Exception) -> None:
        raise RuntimeError("callback")

    sink.failure = ConnectionError("gone")
    with Recorder(sink, on_error=on_error) as recorder:
        recorder.record("one", {})
        recorder.flush()
        sink.failure = None
        recorder.record("two", {})
    assert recorder.stats() == RecorderStats(offered=2, written=1, failed=1)
    assert "on_error raised RuntimeError('callback')" in caplog.text


def test_after_close_requests_are_counted_as_dropped(sink: Kept) -> None:
    recorder = Recorder(sink)
    recorder.close()
    recorder.record("late", {})
    assert recorder.stats() == RecorderStats(offered=1, dropped=1)


def test_many_threads_record_at_once(sink: Kept) -> None:
    recorder = Recorder(sink, on_full="block")

    def work() -> None:
        for number in range(200):
            recorder.record(f"{number}", {"s": ["a", "b"]})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    assert recorder.stats() == RecorderStats(offered=800, written=800)
    assert len({trace.trace_id for trace in sink.traces}) == 800
