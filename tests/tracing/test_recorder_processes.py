"""What the recorder loads, and what it keeps when its process ends, forks or starts workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rankscope.tracing.formats.native import iter_file
from rankscope.tracing.store import TraceStore

ROOT = Path(__file__).resolve().parents[2]


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_importing_and_recording_load_nothing_heavy(tmp_path: Path) -> None:
    TraceStore(tmp_path / "traces.db").close()
    script = """
import sys
import rankscope.recorder
at_start = set(sys.modules)
for target in sys.argv[1:]:
    with rankscope.recorder.Recorder(target) as recorder:
        recorder.record("q", {"s": [("a", 1.0)]})
    assert recorder.stats().written == 1
heavy = {"torch", "numpy", "pandas", "textual", "rich", "click", "faiss", "scipy", "sqlite_utils", "pyarrow"}
slow_to_start = {"sqlite3", "json", "logging", "dataclasses", "inspect", "hashlib", "asyncio", "pathlib"}
print(sorted(heavy & set(sys.modules)), sorted(slow_to_start & at_start))
"""
    done = run_script(script, tmp_path / "traces.db", tmp_path / "traces.jsonl")
    assert done.stdout == "[] []\n"


@pytest.mark.parametrize("name", ["traces.db", "traces.jsonl"])
def test_what_was_not_flushed_is_stored_when_the_process_ends(tmp_path: Path, name: str) -> None:
    script = """
import sys
from rankscope.recorder import Recorder
recorder = Recorder(sys.argv[1])
for number in range(300):
    recorder.record(str(number), {"s": [("a", 1.0)]})
"""
    run_script(script, tmp_path / name)
    assert queries(tmp_path / name) == sorted(map(str, range(300)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("name", ["traces.db", "traces.jsonl"])
def test_forks_and_workers_record_their_own(tmp_path: Path, name: str) -> None:
    script = """
import multiprocessing, os, sys
from rankscope.recorder import Recorder
recorder = Recorder(sys.argv[1])
def work(start):
    for number in range(start, start + 50):
        recorder.record(str(number), {"s": [("a", 1.0)]})
work(0)
pid = os.fork()
if pid == 0:
    work(100)
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
worker = multiprocessing.get_context("fork").Process(target=work, args=(200,))
worker.start()
worker.join()
assert worker.exitcode == 0
work(50)
recorder.flush()
assert recorder.stats().written == 100, recorder.stats()
"""
    run_script(script, tmp_path / name)
    expected = [*range(100), *range(100, 150), *range(200, 250)]
    assert queries(tmp_path / name) == sorted(map(str, expected))


def queries(path: Path) -> list[str]:
    if path.suffix == ".jsonl":
        return sorted(trace.query.text for trace in iter_file(path))
    with TraceStore(path, create=False) as store:
        return sorted(trace.query.text for trace in store.iter_traces())
