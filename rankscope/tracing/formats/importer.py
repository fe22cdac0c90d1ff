"""What an importer of a foreign format is, and what it says about each record that it read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Trace
from rankscope.tracing.formats.head import Head

__all__ = ["Ignored", "ImportOptions", "Imported", "Importer", "Outcome", "Rejected"]


@dataclass(frozen=True, slots=True)
class Imported:
    """A trace, and how many records of the file it was made of."""

    trace: Trace
    records: int = 1


@dataclass(frozen=True, slots=True)
class Rejected:
    """Records that cannot be used: where they start, why, and what they were, kept for mending."""

    line: int
    reason: str
    raw: str
    records: int = 1


@dataclass(frozen=True, slots=True)
class Ignored:
    """Records that are fine but hold no ranking, such as a blank line or the span of a language model."""

    line: int
    reason: str
    records: int = 1


Outcome = Imported | Rejected | Ignored
"""What became of some records; the ``records`` of all outcomes add up to what the file holds."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the caller knows and the file does not say."""

    scales: Mapping[str, ScoreScale] = field(default_factory=dict)
    """Score scale by stage, where the source names none."""
    stage: str = "retrieval"
    """Stage name of the list in formats that hold one unnamed list a query (TREC, ranx, BEIR, RankLLM)."""


class Importer(Protocol):
    """Reads one format. Stateless; a registry holds one of each."""

    name: str
    unit: str
    """What a record is, for the counts: line, span, row, query."""

    def sniff(self, head: Head) -> float:
        """How sure it is that a file that starts like this is of its format, 0 to 1."""

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:
        """Everything in the file, in order. Raises InputError only where no record can be told apart."""
