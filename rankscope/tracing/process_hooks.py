"""What must happen when this process ends or forks, for objects that own a thread and a file.

A fork copies locks but not the threads that hold them: a child forked while the thread is inside an import
or inside SQLite would wait for ever in its own. So the threads pause between two batches.

The workers of multiprocessing leave by ``os._exit`` and run finalizers of their own instead of atexit, so
both ways out are covered.
"""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import Protocol

__all__ = ["FORK_WAIT_S", "Owner", "forget", "leave_alone", "watch"]

FORK_WAIT_S = 1.0
"""Longest that a fork is held up; only a batch that waits for another process's lock takes as long."""


class Owner(Protocol):
    """Something with a thread and open files."""

    def at_exit(self) -> None:
        """The process ends: write what waits. Must not raise."""

    def before_fork(self) -> None:
        """Wait, though not for long, until the thread holds no lock: an import's, SQLite's own."""

    def after_fork_in_parent(self) -> None:
        """Let the thread go on."""

    def after_fork_in_child(self) -> None:
        """Start afresh, and neither use nor close what the parent opened."""


_owners: weakref.WeakSet[Owner] = weakref.WeakSet()
_writing: set[Owner] = set()
_left_alone: list[object] = []
_armed: dict[str, int] = {}


def watch(owner: Owner, *, writing: bool = False) -> None:
    """Call the owner's hooks from now on. Cheap when repeated; call it again in every new process.

    An owner that is ``writing`` has something to lose, so it is held until :func:`forget`; others weakly.
    """
    _owners.add(owner)
    if not writing:
        return
    _writing.add(owner)
    if _armed.get("pid") == os.getpid():
        return
    _armed["pid"] = os.getpid()
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, _at_exit, exitpriority=10)


def forget(owner: Owner) -> None:
    """The owner has closed itself."""
    _owners.discard(owner)
    _writing.discard(owner)


def leave_alone(*things: object) -> None:
    """Keep things alive until the process ends: closing a SQLite connection after a fork breaks locks."""
    _left_alone.extend(things)


def _at_exit() -> None:
    for owner in list(_owners):
        owner.at_exit()


def _before_fork() -> None:
    for owner in list(_owners):
        owner.before_fork()


def _after_fork_in_parent() -> None:
    for owner in list(_owners):
        owner.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for owner in list(_owners):
        owner.after_fork_in_child()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
