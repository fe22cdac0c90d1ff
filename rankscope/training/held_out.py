"""Scores of held-out queries before and after training, and their keeping beside the checkpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankscope.training.examples import Example

__all__ = ["HeldOut", "Rows", "load_rows", "save_rows"]

Rows = list[NDArray[np.float64]]
"""One array of raw logits an example, one number a passage."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Queries that measure, with logits by the present and by the trained model."""

    examples: Sequence[Example]
    before: Rows
    after: Rows

    @property
    def logits(self) -> list[float]:
        """Of the trained model, pair by pair."""
        return [float(value) for row in self.after for value in row]

    @property
    def relevant(self) -> list[bool]:
        """Which pairs are relevant."""
        return [item.grade > 0 for example in self.examples for item in example.passages]

    @property
    def groups(self) -> list[int]:
        """The number of each pair's query."""
        return [place for place, row in enumerate(self.after) for _ in row]


def save_rows(path: Path, before: Rows, after: Rows) -> None:
    """Write both; the file appears whole or not at all."""
    partial = path.with_suffix(".partial")
    rows = [[row.tolist() for row in side] for side in (before, after)]
    partial.write_text(json.dumps(rows), encoding="utf-8")
    partial.replace(path)


def load_rows(path: Path) -> tuple[Rows, Rows] | None:
    """What :func:`save_rows` wrote, None when there is nothing."""
    if not path.is_file():
        return None
    before, after = json.loads(path.read_text(encoding="utf-8"))
    return [np.array(row, dtype=float) for row in before], [np.array(row, dtype=float) for row in after]
