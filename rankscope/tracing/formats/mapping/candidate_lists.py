"""One list of candidates in a log's records, and the words by which such lists are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rankscope.tracing.formats.mapping.candidate_fields import CandidateFields
from rankscope.tracing.formats.mapping.expressions import compile_expression, path_expression
from rankscope.tracing.formats.mapping.model import Layout
from rankscope.tracing.formats.mapping.names import stage_hint, word_set
from rankscope.tracing.formats.mapping.shape import Leaf, Path

__all__ = ["ID_WORDS", "LIST_WORDS", "NEVER", "CandidateList", "is_pair"]

LIST_WORDS = word_set(
    "retrieved retrieval results result hits hit documents document docs doc chunks chunk passages "
    "passage contexts context candidates candidate sources source matches match nodes node neighbors "
    "neighbours references citations evidence ranking ranked items search topk top rerank reranked "
    "snippets articles faqs entries records products pages ids retrieval_context"
)
ID_WORDS = word_set("id ids docid docids docno pid pids uuid uuids key keys url urls")
NEVER = (
    word_set(
        "messages message history conversation chat tool tools tags tag errors metrics embedding "
        "embeddings options notes warnings reasons queries questions suggestions subqueries choices "
        "keywords entities tokens args"
    )
) | word_set("answer answers invalid missing unused hallucinated metrics expected")
"""Lists with these names are something else."""


@dataclass
class CandidateList:
    """One list of candidates, with the expressions that read it."""

    path: Path
    expression: str
    layout: Layout
    parts: tuple[str, ...]
    """The words of its name, for the stage it is of."""
    fields: CandidateFields
    leaves: Mapping[Path, Leaf]
    lists: dict[int, list[Any]]
    used: set[Path] = field(default_factory=set)
    """Paths of the record that it takes up."""
    split: str = ""
    spelled: dict[str, str] = field(default_factory=dict)
    """Expressions that stand for a column which the record does not have as one list."""

    @property
    def hint(self) -> str | None:
        """The stage that its name speaks of."""
        return stage_hint(self.parts)

    @property
    def claims(self) -> set[str]:
        """What it reads; two lists cannot both read the same."""
        return {self.expression} if self.expression else {path_expression(path) for path in self.used}

    @property
    def worth(self) -> float:
        """How sure it is that this is a ranking."""
        named = 2.0 if set(self.parts) & LIST_WORDS or self.hint else 0.0
        return self.fields.worth + named

    def keys(self) -> dict[int, list[str]]:
        """What identifies each candidate, by record, to compare lists with."""
        if self.layout == "columns":
            return {owner: [repr(item) for item in items] for owner, items in self.lists.items()}
        by = compile_expression(self.fields.id or self.fields.text or "@")
        return {owner: [repr(by(item)) for item in items] for owner, items in self.lists.items()}


def is_pair(item: Any) -> bool:
    return (
        isinstance(item, list)
        and len(item) == 2
        and any(isinstance(part, int | float) and not isinstance(part, bool) for part in item)
        and any(isinstance(part, str | dict) for part in item)
    )
