"""How a source is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rankscope.config import ChunkingSettings

__all__ = ["LoadOptions", "estimate_tokens"]

_WORD_OR_MARK = re.compile(r"[A-Za-z]+|[^\W_]|[^\w\s]|_")
_LETTERS_PER_PIECE = 4


def estimate_tokens(text: str) -> int:
    """Rather too many than too few word pieces: one for four Latin letters, one for any other character."""
    return sum(-(-len(piece) // _LETTERS_PER_PIECE) for piece in _WORD_OR_MARK.findall(text))


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the user said about a source; None leaves it to be found out."""

    format: str | None = None
    """``text``, ``jsonl``, ``csv``, ``parquet`` or ``beir``."""
    text_column: str | None = None
    """Key or column of the text; by default text, contents or body."""
    id_column: str | None = None
    """Key or column of the document id; by default _id, id or doc_id."""
    title_column: str | None = None
    """Key or column of the title; by default title."""
    delimiter: str | None = None
    """Of a CSV file, one character."""
    skip_bad: bool = False
    """Leave bad records out, count and list them, where otherwise the first one is an error."""
    chunking: ChunkingSettings = field(default_factory=ChunkingSettings)
    """Size of the passages that text files are cut into."""
    count_tokens: Callable[[str], int] = estimate_tokens
    """Counts a text's tokens as the models do, without special tokens."""

    def as_json(self) -> dict[str, Any]:
        """What the user said about the source, without the chunking."""
        return {name: getattr(self, name) for name in _SAID}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], chunking: ChunkingSettings) -> LoadOptions:
        """The options that :meth:`as_json` kept, with a chunking."""
        return replace(cls(chunking=chunking), **{name: data[name] for name in _SAID if name in data})


_SAID = ("format", "text_column", "id_column", "title_column", "delimiter", "skip_bad")
