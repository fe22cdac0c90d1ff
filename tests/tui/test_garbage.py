"""The collector waits for a rest while the program runs, and is left as it was found."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from rankscope.tui import garbage
from rankscope.tui.garbage import REST_S, QuietCollector


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


def test_stopping_twice_or_before_the_start_changes_nothing(collector: QuietCollector) -> None:
    before = gc.get_threshold()
    collector.stop()
    collector.start()
    collector.start()
    collector.stop()
    collector.stop()
    assert gc.get_threshold() == before
