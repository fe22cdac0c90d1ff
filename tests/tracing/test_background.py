"""The background queue: order, batches, bounds, pauses, ends."""

from __future__ import annotations

import threading
import time

from rankscope.tracing.background import BackgroundQueue


class Work:
    """Keeps the batches it is given; waits at a gate."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.reached = threading.Event()

    def __call__(self, batch: list[int]) -> None:
        self.reached.set()
        self.gate.wait(10)
        self.batches.append(batch)


def queue_of(work: Work, limit: int = 100, batch: int = 3) -> BackgroundQueue[int]:
    return BackgroundQueue(work, name="test", limit=limit, batch=batch, alone=lambda item: item < 0)


def test_batches_keep_the_order_and_some_items_stand_alone() -> None:
    work = Work()
    queue = queue_of(work)
    assert queue.put(0)
    assert work.reached.wait(10)
    for item in (1, 2, 3, 4, -5, 6, -7, -8):
        queue.put(item)
    assert len(queue) == 9
    work.gate.set()
    assert queue.close()
    assert work.batches == [[0], [1, 2, 3], [4], [-5], [6], [-7], [-8]]
    assert len(queue) == 0


def test_a_full_queue_refuses_after_the_wait_and_a_closed_one_at_once() -> None:
    work = Work()
    queue = queue_of(work, limit=1)
    queue.put(0)
    assert work.reached.wait(10)
    assert queue.put(1)
    assert not queue.put(2, wait=0)
    assert not queue.put(2, wait=0.01)
    assert not queue.join(0.01)
    assert not queue.close(0.01)
    work.gate.set()
    assert queue.close()
    assert not queue.put(3)
    assert work.batches == [[0], [1]]


def test_closing_wakes_a_caller_that_waits_for_room() -> None:
    work = Work()
    queue = queue_of(work, limit=1)
    queue.put(0)
    assert work.reached.wait(10)
    queue.put(1)
    taken: list[bool] = []
    waiting = threading.Thread(target=lambda: taken.append(queue.put(2)))
    waiting.start()
    queue.close(0.01)
    waiting.join(10)
    assert taken == [False]
    work.gate.set()
    queue.close()


def test_a_pause_waits_for_the_batch_and_lets_none_begin() -> None:
    work = Work()
    queue = queue_of(work)
    queue.put(0)
    assert work.reached.wait(10)
    started = time.monotonic()
    queue.pause(0.05)
    assert time.monotonic() - started >= 0.05  # the batch is still under way, and the wait has an end
    queue.resume()
    work.gate.set()
    assert queue.join(10)
    queue.pause(10)
    queue.put(1)
    assert not queue.join(0.05)
    assert work.batches == [[0]]
    queue.resume()
    assert queue.close()
    assert work.batches == [[0], [1]]


def test_a_queue_that_was_never_used_closes() -> None:
    assert queue_of(Work()).close()
