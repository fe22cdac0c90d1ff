"""SHA-256 of weight files: what a model is, and the proof that its files are the ones meant.

A file is hashed once; the digest is kept with the file's size and time of change, so a changed file is
hashed again and an unchanged one costs a ``stat``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from rankscope.errors import ModelError
from rankscope.stages.user_cache import read_facts, write_fact

__all__ = ["sha256_of", "verify_sha256"]

_FACTS = "checksums"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file. Raises ModelError when it cannot be read."""
    try:
        resolved = path.resolve(strict=True)
        state = resolved.stat()
        stamp = [state.st_size, state.st_mtime_ns]
        known = read_facts(_FACTS).get(str(resolved))
        if isinstance(known, list) and known[:2] == stamp:
            return str(known[2])
        with resolved.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error}).") from error
    write_fact(_FACTS, str(resolved), [*stamp, digest])
    return digest


def verify_sha256(path: Path, expected: str, remedy: str) -> None:
    """Raise ModelError unless the file's SHA-256 is ``expected``."""
    found = sha256_of(path)
    if found != expected:
        raise ModelError(
            f"{path}: the file's SHA-256 is {found[:12]}..., expected {expected[:12]}....", remedy=remedy
        )
