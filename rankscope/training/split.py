"""A held-out part that shares no document with the training part.

Queries hang together when they judge a document in common; whole connected components go to one side.
Other negatives that stand on the far side are then taken out, so no passage is ever on both.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rankscope.errors import InputError
from rankscope.training.examples import Example

__all__ = ["Split", "components", "split_by_document"]


@dataclass(frozen=True, slots=True)
class Split:
    """Both parts, in the order given."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    dropped_negatives: int
    """Negatives taken out because their document belongs to the other side."""
    dropped_queries: int
    """Queries left out because no negative was left to them."""


def components(judged: Mapping[str, frozenset[str]]) -> list[frozenset[str]]:
    """Query ids that hang together through documents, in order of each component's first query.

    ``judged`` maps a query id to the ids of its documents.
    """
    parent = {query_id: query_id for query_id in judged}

    def root(query_id: str) -> str:
        while parent[query_id] != query_id:
            parent[query_id] = parent[parent[query_id]]
            query_id = parent[query_id]
        return query_id

    owner: dict[str, str] = {}
    for query_id, doc_ids in judged.items():
        for doc_id in sorted(doc_ids):
            parent[root(query_id)] = root(owner.setdefault(doc_id, query_id))
    groups: dict[str, set[str]] = {}
    for query_id in judged:
        groups.setdefault(root(query_id), set()).add(query_id)
    return [frozenset(group) for group in groups.values()]


def split_by_document(
    examples: Sequence[Example], judged: Mapping[str, frozenset[str]], share: float, seed: int
) -> Split:
    """Hold out about ``share`` of the queries by whole components of ``judged``.

    A document that nobody judged goes to a side by a draw of the same odds. Raises InputError when the
    queries hang together too much for a part of that size.
    """
    rng = random.Random(seed)  # noqa: S311  # not for secrets
    groups = components({example.query_id: judged[example.query_id] for example in examples})
    order = sorted(groups, key=min)
    rng.shuffle(order)
    wanted = share * len(examples)
    held: set[str] = set()
    for group in order:
        if len(held) < wanted and len(held) + len(group) <= 1.25 * wanted + 1:
            held |= group
    if not held or len(held) == len(examples):
        raise InputError(
            f"{len(examples)} queries hang together in {len(groups)} groups through the documents they "
            "judge: none of them can be held out.",
            remedy="Give judgments of more subjects.",
        )
    side = {doc_id: example.query_id in held for example in examples for doc_id in judged[example.query_id]}
    for doc_id in sorted({doc_id for example in examples for doc_id in example.doc_ids} - side.keys()):
        side[doc_id] = rng.random() < share
    kept = [_only(example, side, example.query_id in held) for example in examples]
    before = sum(len(example.passages) for example in examples)
    left = [example for example in kept if example.trainable]
    return Split(
        train=tuple(example for example in left if example.query_id not in held),
        held_out=tuple(example for example in left if example.query_id in held),
        dropped_negatives=before - sum(len(example.passages) for example in kept),
        dropped_queries=len(examples) - len(left),
    )


def _only(example: Example, side: Mapping[str, bool], held: bool) -> Example:
    return replace(
        example, passages=tuple(passage for passage in example.passages if side[passage.doc_id] is held)
    )
