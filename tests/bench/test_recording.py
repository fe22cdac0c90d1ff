"""The figures of the recorder's bench are what their names say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rankscope.bench import recording


def test_the_p99_is_over_the_calls_of_all_runs_and_a_bad_run_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A median of the runs' own quantiles would show 100 us, and hide that one call in 30 took a second."""
    good, bad = [1e-4] * 500, [1e-4] * 450 + [1.0] * 50
    runs: Iterator[Sequence[float]] = iter((good, bad, good, [2e-4] * 98 + [3e-4] * 2))

    def call_times(*_: Any, **__: Any) -> Sequence[float]:
        return next(runs)

    monkeypatch.setattr(recording, "_call_times", call_times)
    for name in ("_rate", "_append_rate", "_import_ms"):
        monkeypatch.setattr(recording, name, lambda *_: 1.0)
    figures = recording.measure_recording(traces=1)
    assert figures.paced_p99_us == pytest.approx(1.0 * 1e6)
    assert figures.paced_p50_us == pytest.approx(100.0)
    assert figures.flooded_p99_us == pytest.approx(300.0)


def test_the_time_of_each_call_is_kept(tmp_path: Path) -> None:
    times = recording._call_times(tmp_path / "t.db", recording._requests(2), calls=5, pause_s=0.0)
    assert len(times) == 5
    assert all(seconds > 0 for seconds in times)
