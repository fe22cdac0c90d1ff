"""The folder that a trained model is handed over in: weights, card and checksums, swapped in whole."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from rankscope.errors import UsageError

__all__ = ["check_target", "publish"]

CARD = "MODEL_CARD.md"
SUMS = "SHA256SUMS"


def check_target(target: Path) -> None:
    """Raise UsageError unless ``target`` is free or holds a model that can be replaced."""
    if not target.exists():
        return
    if not target.is_dir() or not (target / CARD).is_file() or not (target / SUMS).is_file():
        raise UsageError(
            f"{target}: exists and is not a model folder of RankScope's.", remedy="Name a new folder."
        )


def publish(model: Path, card: str, target: Path) -> None:
    """Copy the files of ``model`` to ``target`` with card and checksums.

    Works beside the target and renames at the end, so a reader sees the old folder, or the new one.
    """
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.parent / f".{target.name}.new-{os.getpid()}"
    old = target.parent / f".{target.name}.old-{os.getpid()}"
    try:
        shutil.copytree(model, fresh)
        (fresh / CARD).write_text(card, encoding="utf-8")
        (fresh / SUMS).write_text(_sums(fresh), encoding="ascii")
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    if old.exists():
        shutil.rmtree(old)


def _sums(folder: Path) -> str:
    """Lines of digest and path for every file but the card, as ``sha256sum --check`` reads them."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != CARD:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    return "".join(lines)
