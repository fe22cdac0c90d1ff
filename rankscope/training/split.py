"""A held-out part that shares no document with the training part.

Queries hang together when they judge a document in common; whole connected components go to one side.
Other negatives that stand on the far side are then taken out, so no passage is ever on both.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rankscope.errors import InputError
from rankscope.training.examples import Example

__all__ = ["Split", "components", "folds_by_document", "split_by_document"]


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
    groups = _shuffled_groups(examples, judged, rng)
    wanted = share * len(examples)
    held: set[str] = set()
    for group in groups:
        if len(held) < wanted and len(held) + len(group) <= 1.25 * wanted + 1:
            held |= group
    if not held or len(held) == len(examples):
        raise _inseparable(examples, groups)
    place = {example.query_id: int(example.query_id not in held) for example in examples}
    return _split(examples, judged, place, 0, lambda: int(rng.random() >= share))


def folds_by_document(
    examples: Sequence[Example], judged: Mapping[str, frozenset[str]], count: int, seed: int
) -> tuple[Split, ...]:
    """``count`` splits that hold out every query once, whole components together, about equally many each.

    Raises InputError when the queries hang together too much for that many parts.
    """
    rng = random.Random(seed)  # noqa: S311  # not for secrets
    groups = _shuffled_groups(examples, judged, rng)
    parts: list[set[str]] = [set() for _ in range(count)]
    for group in sorted(groups, key=len, reverse=True):
        min(parts, key=len).update(group)
    if not all(parts) or max(map(len, parts)) > 2 * len(examples) / count + 1:
        raise _inseparable(examples, groups)
    place = {query_id: number for number, part in enumerate(parts) for query_id in part}
    draws = rng.randrange(2**32)
    # The same draws for every fold: an unjudged document is held out in one of them and only there.
    return tuple(
        _split(examples, judged, place, number, partial(random.Random(draws).randrange, count))  # noqa: S311
        for number in range(count)
    )


def _shuffled_groups(
    examples: Sequence[Example], judged: Mapping[str, frozenset[str]], rng: random.Random
) -> list[frozenset[str]]:
    groups = components({example.query_id: judged[example.query_id] for example in examples})
    groups.sort(key=min)
    rng.shuffle(groups)
    return groups


def _inseparable(examples: Sequence[Example], groups: Sequence[frozenset[str]]) -> InputError:
    return InputError(
        f"{len(examples)} queries hang together in {len(groups)} groups through the documents they "
        "judge: they cannot be parted that way.",
        remedy="Give judgments of more subjects, or fewer folds.",
    )


def _split(
    examples: Sequence[Example],
    judged: Mapping[str, frozenset[str]],
    place: Mapping[str, int],
    held: int,
    draw: Callable[[], int],
) -> Split:
    """Hold out the queries at place ``held``; ``draw`` gives a place to a document that nobody judged."""
    of = {doc_id: place[example.query_id] for example in examples for doc_id in judged[example.query_id]}
    for doc_id in sorted({doc_id for example in examples for doc_id in example.doc_ids} - of.keys()):
        of[doc_id] = draw()
    side = {doc_id: at == held for doc_id, at in of.items()}
    kept = [_only(example, side, place[example.query_id] == held) for example in examples]
    before = sum(len(example.passages) for example in examples)
    left = [example for example in kept if example.trainable]
    return Split(
        train=tuple(example for example in left if place[example.query_id] != held),
        held_out=tuple(example for example in left if place[example.query_id] == held),
        dropped_negatives=before - sum(len(example.passages) for example in kept),
        dropped_queries=len(examples) - len(left),
    )


def _only(example: Example, side: Mapping[str, bool], held: bool) -> Example:
    return replace(
        example, passages=tuple(passage for passage in example.passages if side[passage.doc_id] is held)
    )
