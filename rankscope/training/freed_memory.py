"""Keeps freed memory in the process while a model is trained.

Each update allocates and frees the same large tensors. The C library hands such blocks back to the
system at once and faults them in again page by page, which takes longer than the arithmetic on machines
where a page fault is dear, as on most virtual ones.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

# Parameters of mallopt(3) in glibc's malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell the C library for the rest of the process; False where it takes no such advice."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        advise = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(advise(_MMAP_MAX, 0)) and bool(advise(_TRIM_THRESHOLD, _NEVER))
