"""Killed, forked and several at once: what was committed is there, and the file is whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace

ROOT = Path(__file__).resolve().parents[2]
LOG_UNTIL_KILLED = """
import sys
from tests.tracing.make import make_trace
from rankscope.tracing.store import TraceStore
store = TraceStore(sys.argv[1])
number = int(sys.argv[2])
while True:
    futures = [(number + step, store.append(make_trace(number + step, candidates=30))) for step in range(8)]
    for number, future in futures:
        future.result()
        print(number, flush=True)
    number += 1
"""
LOG_MANY = """
import sys
from tests.tracing.make import make_trace
from rankscope.tracing.store import TraceStore
with TraceStore(sys.argv[1]) as store:
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 150):
        store.append(make_trace(number))
"""
FORK = """
import os, sys
from tests.tracing.make import make_trace
from rankscope.tracing.store import TraceStore
store = TraceStore(sys.argv[1])
store.append(make_trace(0)).result()
assert store.count() == 1
store.append(make_trace(1))
children = []
for child in (1, 2):
    pid = os.fork()
    if pid == 0:
        for number in range(child * 100, child * 100 + 20):
            store.append(make_trace(number))
        store.flush()
        assert store.get(f"trace-{child * 100:06}") == make_trace(child * 100)
        store.close()
        os._exit(0)
    children.append(pid)
for number in range(2, 20):
    store.append(make_trace(number))
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
store.close()
"""
WORKERS = """
import multiprocessing, sys
from tests.tracing.make import make_trace
from rankscope.tracing.store import TraceStore
def work(start):
    for number in range(start, start + 10):
        store.append(make_trace(number))
if __name__ == "__main__":
    store = TraceStore(sys.argv[1])
    workers = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in (100, 200)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    work(0)
"""
READ_ONLY = """
import os, sys
from tests.tracing.make import make_trace
from rankscope.errors import WorkspaceError
from rankscope.tracing.store import TraceStore
if os.geteuid() == 0:
    os.setuid(65534)  # root writes where it pleases
store = TraceStore(sys.argv[1])
assert store.get("trace-000001") == make_trace(1)
store.append(make_trace(2))
try:
    store.close()
except WorkspaceError as error:
    print(error)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output


def stored(path: Path) -> set[int]:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    numbers = {int(row[0].removeprefix("trace-")) for row in connection.execute("SELECT id FROM traces")}
    connection.close()
    return numbers


def test_killed_twenty_times_no_committed_trace_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    draw = random.Random(20260131)
    told: set[int] = set()
    for attempt in range(20):
        process = start(LOG_UNTIL_KILLED, path, attempt * 100_000)
        assert process.stdout is not None
        assert process.stderr is not None
        told.add(int(process.stdout.readline() or -1))
        time.sleep(draw.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        told |= {int(line) for line in process.stdout.read().split("\n")[:-1]}
        process.stdout.close()
        process.stderr.close()
        assert process.wait() == -signal.SIGKILL
        assert told <= stored(path)
    assert -1 not in told
    with TraceStore(path, create=False) as store:
        assert [trace for trace in store.iter_traces() if trace.trace_id == f"trace-{min(told):06}"] == [
            make_trace(min(told), candidates=30)
        ]


def test_killed_while_the_database_is_made(tmp_path: Path) -> None:
    for attempt in range(4):
        path = tmp_path / f"{attempt}.db"
        process = start(LOG_UNTIL_KILLED, path, 0)
        deadline = time.monotonic() + 30
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.2 * attempt)
        process.kill()
        process.communicate()
        with TraceStore(path) as store:
            store.append(make_trace(999_999)).result()
        assert 999_999 in stored(path)


def test_four_processes_log_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"  # made by whichever is first
    processes = [start(LOG_MANY, path, 1000 * place) for place in range(4)]
    for process in processes:
        finish(process)
    assert stored(path) == {1000 * place + step for place in range(4) for step in range(150)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_writes_its_own_and_the_parents_traces_are_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    finish(start(FORK, path))
    assert stored(path) == {*range(20), *range(100, 120), *range(200, 220)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_what_nobody_flushed_is_written_when_workers_and_parent_end(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    finish(start(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", path))
    assert stored(path) == {*range(10), *range(100, 110), *range(200, 210)}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="rankscope-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_file_that_cannot_be_written_is_read_and_one_error_says_so(open_folder: Path) -> None:
    path = open_folder / "traces.db"
    with TraceStore(path) as store:
        store.append(make_trace(1))
    path.chmod(0o444)
    open_folder.chmod(0o555)
    output = finish(start(READ_ONLY, path))
    assert "1 trace was not stored" in output
    assert "it cannot be written" in output
    assert output.count("\n") == 1
