"""A lock on an open file, for what several processes write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["locked"]


@contextmanager
def locked(handle: int) -> Iterator[None]:
    """Hold the open file ``handle`` alone, after whoever holds it now. Raises OSError where there is no lock.

    Windows has no such lock: there nothing is held.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)
