"""The collector waits for a rest while the program runs, and is left as it was found."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from rankscope.tui import garbage
from rankscope.tui.garbage import REST_S, QuietCollector
from rankscope.tui.state import RunPhase
from tests.tui.fakes import FakeWorkspace, Script


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def collector(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[QuietCollector]:
    monkeypatch.setattr(garbage, "_WORTH_COLLECTING", 0)
    made = QuietCollector(clock)
    yield made
    made.stop()


def test_what_was_loaded_is_not_looked_through_again(collector: QuietCollector) -> None:
    before = gc.get_threshold()
    collector.start()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[:2] == before[:2]
    assert gc.get_threshold()[2] > before[2]
    collector.stop()
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)


def test_it_collects_at_rest_alone_and_once_all_is_loaded(collector: QuietCollector, clock: Clock) -> None:
    clock.now = 10.0
    assert not collector.rest()
    collector.start()
    assert not collector.rest()
    collector.loaded()
    collector.touched()
    assert not collector.rest()
    clock.now += REST_S
    assert collector.rest()


class Knot:
    """Holds itself: only a collection frees it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_loading_left_behind_is_freed_and_not_kept_for_good(
    collector: QuietCollector, clock: Clock
) -> None:
    collector.start()
    left = weakref.ref(Knot())
    collector.loaded()
    collector.touched()
    assert not collector.rest()
    clock.now += REST_S
    assert left() is not None
    assert collector.rest()
    assert left() is None
    assert gc.get_freeze_count() > 0


async def test_no_pause_falls_into_a_run(bench) -> None:
    gates = [threading.Event() for _ in range(7)]
    collected: list[bool] = []
    async with bench(FakeWorkspace(Script(rerank_gates=gates))) as on:
        await on.ready()
        on.app.probe.submit("ibuprofen dosage for children")
        await on.until(lambda: on.state.run is RunPhase.RUNNING)
        on.app.collector.rest = lambda: collected.append(True)
        on.app._rest()
        assert collected == []
        for gate in gates:
            gate.set()
        await on.idle()
        on.app._rest()
        assert collected


def test_stopping_twice_or_before_the_start_changes_nothing(collector: QuietCollector) -> None:
    before = gc.get_threshold()
    collector.stop()
    collector.start()
    collector.start()
    collector.stop()
    collector.stop()
    assert gc.get_threshold() == before
