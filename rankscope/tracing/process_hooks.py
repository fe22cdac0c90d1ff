"""What must happen when this process ends or forks, for objects that own a thread and a file.

The workers of multiprocessing leave by ``os._exit`` and run finalizers of their own instead of atexit, so
both ways out are covered.
"""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import Protocol

__all__ = ["Owner", "forget", "leave_alone", "watch"]


class Owner(Protocol):
    """Something with a thread and open files."""

    def at_exit(self) -> None:
        """The process ends: write what waits. Must not raise."""

    def after_fork(self) -> None:
        """This is a forked child: start afresh, and neither use nor close what the parent opened."""


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


def _after_fork() -> None:
    for owner in list(_owners):
        owner.after_fork()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
