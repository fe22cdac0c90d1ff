"""Killing the program while a person judges loses at most the key that is being pressed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rankscope.insight.pooling import hidden_order
from tests.tui.judged import QUERIES, JudgedWorkspace, fill

PATIENCE_S = 60


def drain(terminal: int, seconds: float) -> bytes:
    """Read what the program paints, or it would stand still."""
    painted = b""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                painted += os.read(terminal, 1 << 16)
            except OSError:  # the other side is gone
                break
    return painted


def drain_until(terminal: int, done: Callable[[bytes], bool]) -> None:
    painted = b""
    deadline = time.monotonic() + PATIENCE_S
    while not done(painted):
        assert time.monotonic() < deadline, painted[-500:]
        painted += drain(terminal, 0.05)


@pytest.mark.parametrize("pressed", [1, 7])
def test_a_kill_loses_at_most_the_key_being_pressed(tmp_path: Path, pressed: int) -> None:
    workspace = JudgedWorkspace(tmp_path)
    fill(workspace)
    workspace.close()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    root = Path(__file__).parents[2]
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.tui.judge_until_killed", str(tmp_path)],
        cwd=root,
        env={**os.environ, "TERM": "xterm-256color", "OMP_NUM_THREADS": "1"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        drain_until(master, lambda painted: b"not judged by you yet" in painted)
        for number in range(pressed):
            os.write(master, str(number % 4).encode())
            drain_until(master, lambda _, number=number: len(workspace.log.standing()) > number)
        os.write(master, b"3")  # the key that is being pressed
        drain(master, 0.001)
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        os.close(master)
    stored = workspace.log.standing()
    order = hidden_order(QUERIES[0], [item.doc_id for item in stored])
    assert [item.doc_id for item in stored] == list(order)
    assert pressed <= len(stored) <= pressed + 1
    assert {item.judge for item in stored} == {"ann"}
