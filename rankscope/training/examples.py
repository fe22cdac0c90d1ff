"""What a cross-encoder is trained on: one query with its relevant and its other passages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Example", "Passage", "load_examples", "save_examples"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage as the cross-encoder reads it. ``grade`` is 0 for a negative, 1 or more for a positive."""

    doc_id: str
    text: str
    grade: int
    cosine: float | None = None
    """The bi-encoder's cosine with the query, for targets that soften with it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A query with the passages that are ranked for it, positives first."""

    query_id: str
    query: str
    passages: tuple[Passage, ...]

    @property
    def doc_ids(self) -> frozenset[str]:
        """Every document that occurs in it."""
        return frozenset(passage.doc_id for passage in self.passages)

    @property
    def trainable(self) -> bool:
        """Whether there is something to tell apart: a positive and a negative."""
        grades = [passage.grade > 0 for passage in self.passages]
        return any(grades) and not all(grades)


def save_examples(path: Path, examples: Sequence[Example]) -> None:
    """One JSON object a line; the file appears whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(example)) + "\n" for example in examples)
    partial.replace(path)


def load_examples(path: Path) -> list[Example]:
    """What :func:`save_examples` wrote."""
    examples = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            passages = tuple(Passage(**passage) for passage in record["passages"])
            examples.append(Example(record["query_id"], record["query"], passages))
    return examples
