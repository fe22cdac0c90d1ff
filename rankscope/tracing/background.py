"""A bounded queue with one daemon thread that works it off in batches."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["BackgroundQueue", "give_way"]

T = TypeVar("T")
_EVERY = 5


def give_way(place: int) -> None:
    """Now and then while working through a batch, let a waiting thread of the service have the interpreter.

    Without it that thread may wait for a whole switch interval of 5 ms; each pause takes about 70 us.
    """
    if place % _EVERY == 0:
        time.sleep(0)


class BackgroundQueue(Generic[T]):
    """Hands what is put in to ``work``, in order and in batches, on a thread that starts with the first item.

    ``work`` must not raise. ``alone`` marks items that make a batch of their own. ``stopped`` runs on the
    thread when it ends.
    """

    def __init__(
        self,
        work: Callable[[list[T]], None],
        *,
        name: str,
        limit: int,
        batch: int,
        alone: Callable[[T], bool] = lambda _: False,
        stopped: Callable[[], None] = lambda: None,
    ) -> None:
        self._work = work
        self._name = name
        self._limit = limit
        self._batch = batch
        self._alone = alone
        self._stopped = stopped
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._given = 0
        self._done = 0
        self._at_work = threading.Lock()
        self._paused = False

    def __len__(self) -> int:
        """Items that wait or are being worked on."""
        return self._given - self._done

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def put(self, item: T, *, wait: float | None = None) -> bool:
        """Add an item; wait ``wait`` seconds (None: as long as it takes) while the queue is full.

        False when it was not taken: still full, or closed.
        """
        with self._changed:
            if len(self._items) >= self._limit and threading.current_thread() is not self._thread:
                room = self._changed.wait_for(lambda: len(self._items) < self._limit or self._closed, wait)
                if not room:
                    return False
            if self._closed:
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._items.append(item)
            self._given += 1
            self._changed.notify_all()
        return True

    def join(self, timeout: float | None = None) -> bool:
        """Wait until everything put in so far is worked off; False when that took too long."""
        with self._changed:
            target = self._given
            return self._changed.wait_for(lambda: self._done >= target, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Take nothing more, work off the rest, end the thread; False when that took too long."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            deadline = None if timeout is None else time.monotonic() + timeout
            if not self.join(timeout):
                return False
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            return not thread.is_alive()
        return True

    def pause(self, timeout: float) -> None:
        """Let no batch begin, and wait until none is worked on, or until ``timeout`` is over."""
        self._paused = self._at_work.acquire(timeout=timeout)

    def resume(self) -> None:
        """Undo :meth:`pause`."""
        if self._paused:
            self._paused = False
            self._at_work.release()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closed)
                if not self._items:
                    break
                batch = self._take()
                self._changed.notify_all()
            with self._at_work:
                self._work(batch)
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()
        self._stopped()

    def _take(self) -> list[T]:
        items = [self._items.popleft()]
        if not self._alone(items[0]):
            while self._items and len(items) < self._batch and not self._alone(self._items[0]):
                items.append(self._items.popleft())
        return items
