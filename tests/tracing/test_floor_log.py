from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor
from rankscope.errors import FloorChanged, TraceError, UsageError, WorkspaceError
from rankscope.tracing.floor_log import FloorLog, StoredFloor
from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace

P = ScoreScale.PROBABILITY


def put(
    log: FloorLog, value: float | None, method: str = "manual", replaces: int | None = None
) -> StoredFloor:
    return log.append(value, P, method, replaces=replaces, passport={"m": 1}, evidence={"n": [1, "ü\x1b"]})


def test_nothing_is_stored_at_first(tmp_path: Path) -> None:
    log = FloorLog(tmp_path / "traces.db")
    assert (log.current(), log.history(), log.last_number()) == (None, [], None)
    assert not log.path.exists()
    with pytest.raises(UsageError, match="no floor to undo"):
        log.undo(replaces=None)


def test_a_floor_comes_back_as_it_was_set(tmp_path: Path) -> None:
    log = FloorLog(tmp_path / "traces.db")
    stored = put(log, 0.1 + 0.2, "best-f1")
    assert stored == log.current() == FloorLog(log.path).history()[0]
    assert stored.floor == Floor(0.1 + 0.2, P, "fitted:best-f1")
    assert (stored.number, stored.replaces, stored.undone_to) == (1, None, None)
    assert stored.evidence == {"n": [1, "ü\x1b"]}
    assert stored.passport == {"m": 1}
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    none = put(log, None, replaces=1)
    assert (none.floor, none.source, none.replaces) == (None, "manual", 1)


def test_two_screens_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one, two = FloorLog(tmp_path / "traces.db"), FloorLog(tmp_path / "traces.db")
    seen = one.last_number(), two.last_number()
    put(one, 0.5, "otsu", replaces=seen[0])
    with pytest.raises(FloorChanged, match=r"another floor was set meanwhile: 0\.5 \(fitted:otsu\) at 20"):
        put(two, 0.9, replaces=seen[1])
    with pytest.raises(FloorChanged):
        two.undo(replaces=seen[1])
    assert [floor.value for floor in one.history()] == [0.5]
    put(two, 0.9, replaces=two.last_number())
    assert [floor.value for floor in one.history()] == [0.9, 0.5]


def test_of_many_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    put(FloorLog(path), 0.1)
    outcomes: list[str] = []

    def choose(number: int) -> None:
        try:
            put(FloorLog(path), number / 10, replaces=1)
            outcomes.append("set")
        except FloorChanged:
            outcomes.append("refused")

    threads = [threading.Thread(target=choose, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 5 + ["set"]
    assert len(FloorLog(path).history()) == 2


def test_undo_goes_back_step_by_step_and_forgets_nothing(tmp_path: Path) -> None:
    log = FloorLog(tmp_path / "traces.db")
    put(log, 0.1)
    put(log, 0.2, "otsu", replaces=1)
    put(log, 0.3, replaces=2)
    back = log.undo(replaces=3)
    assert (back.value, back.method, back.undone_to, back.number) == (0.2, "otsu", 2, 4)
    assert log.current() == back
    assert log.undo(replaces=4).value == 0.1
    empty = log.undo(replaces=5)
    assert (empty.value, empty.undone_to, log.current()) == (None, 0, None)
    with pytest.raises(UsageError, match="no floor to undo"):
        log.undo(replaces=6)
    put(log, 0.4, replaces=6)
    assert log.undo(replaces=7).undone_to == 0
    put(log, 0.5, replaces=8)
    put(log, 0.6, replaces=9)
    log.undo(replaces=10)
    put(log, 0.7, replaces=11)
    assert log.undo(replaces=12).value == 0.5  # the undo between stood for it
    assert len(log.history()) == 13


def test_a_floor_outlives_a_kill_right_after_it(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    code = (
        "import os, signal, sys\n"
        "from rankscope.core.scales import ScoreScale\n"
        "from rankscope.tracing.floor_log import FloorLog\n"
        "log = FloorLog(sys.argv[1])\n"
        "log.append(0.5, ScoreScale.PROBABILITY, 'manual', replaces=None, passport={}, evidence={})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], check=False, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL
    current = FloorLog(path).current()
    assert current is not None
    assert current.value == 0.5


def test_it_shares_its_file_with_the_traces(tmp_path: Path) -> None:
    with TraceStore(tmp_path / "traces.db") as store:
        store.append(make_trace(1))
        store.flush()
        log = FloorLog(store.path)
        put(log, 0.5)
        store.append(make_trace(2))
        store.flush()
        store.prune(keep=0)
        assert [floor.value for floor in log.history()] == [0.5]


def test_what_cannot_be_a_floor_is_refused(tmp_path: Path) -> None:
    log = FloorLog(tmp_path / "traces.db")
    with pytest.raises(TraceError, match="floor is nan"):
        put(log, float("nan"))
    with pytest.raises(TraceError, match=r"evidence\.n is inf"):
        log.append(0.5, P, "manual", replaces=None, passport={}, evidence={"n": float("inf")})
    assert log.history() == []
    put(log, 0.5)
    with sqlite3.connect(log.path) as connection:
        connection.execute("UPDATE floors SET evidence = 'no json'")
    connection.close()
    with pytest.raises(WorkspaceError, match="floor 1 in the log of floors cannot be read"):
        log.current()
