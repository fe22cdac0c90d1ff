"""Freed memory stays in the process, counted by its page faults."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="advice for glibc's malloc alone")

_PROGRAM = """
import resource, numpy
from rankscope.training.freed_memory import keep_freed_memory
if {advised}:
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
numpy.ones(8_000_000)
before = faults()
for _ in range(5):
    numpy.ones(8_000_000)
print(faults() - before)
"""


def faults(*, advised: bool) -> int:
    program = _PROGRAM.format(advised=advised)
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_the_same_large_block_is_not_faulted_in_again():
    assert faults(advised=True) * 20 < faults(advised=False)
