"""JSON lines: whole lines only, whoever else writes, and one clear error when they cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rankscope.errors import TraceError, WorkspaceError
from rankscope.tracing.formats.native import iter_file
from rankscope.tracing.jsonl_sink import JsonLinesSink
from tests.tracing.make import make_trace

ROOT = Path(__file__).resolve().parents[2]
APPEND = """
import sys
from pathlib import Path
from rankscope.tracing.jsonl_sink import JsonLinesSink
from tests.tracing.make import make_trace
sink = JsonLinesSink(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 60, 3):
    assert sink.write([make_trace(number + step, candidates=60) for step in range(3)]) == [None] * 3
"""


def test_a_trace_that_json_cannot_hold_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    bad = make_trace(2, attributes={"when": object()})
    broken = make_trace(4, query=None)
    answers = JsonLinesSink(path).write([make_trace(1), bad, make_trace(3), broken])
    assert [type(answer) for answer in answers] == [type(None), TraceError, type(None), TraceError]
    assert [trace.trace_id for trace in iter_file(path)] == ["trace-000001", "trace-000003"]


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(path), str(1000 * place)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for place in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    expected = {f"trace-{1000 * place + step:06}" for place in range(3) for step in range(60)}
    assert {trace.trace_id for trace in iter_file(path)} == expected


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_one_error_for_each(tmp_path: Path) -> None:
    answers = JsonLinesSink(Path("/dev/full")).write([make_trace(1), make_trace(2)])
    assert all(isinstance(answer, WorkspaceError) for answer in answers)
    assert "No space left on device" in str(answers[0])


def test_a_missing_folder_is_one_error(tmp_path: Path) -> None:
    (answer,) = JsonLinesSink(tmp_path / "nowhere" / "t.jsonl").write([make_trace(1)])
    assert "traces cannot be written: No such file or directory" in str(answer)
