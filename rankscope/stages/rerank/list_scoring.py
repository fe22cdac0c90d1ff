"""Many queries' candidates at once: equal passages are read once, and pairs of like length share a batch.

Done query by query, the same work pads short passages up to long ones, reads a passage again once the cache
has dropped it, and scores a pair again where a query was asked twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rankscope.core.documents import Document
from rankscope.core.protocols import ScoredPair
from rankscope.stages.rerank.scorer import PreparedPassage, Scorer, scored_pair

__all__ = ["iter_scored"]

ScoredList = tuple[int, ScoredPair]
_BUCKET = 40_000
"""Characters of passages that are in memory as they were read, about 50 MB of them."""


@dataclass(slots=True)
class _Passage:
    """One text and the queries that want it, each with the places where its score goes."""

    document: Document
    wanted: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Pair:
    """A query and a prepared passage, and the logits of its windows as they come in."""

    query: str
    passage: PreparedPassage
    places: list[tuple[int, int]]
    logits: list[float]
    missing: int


def iter_scored(
    scorer: Scorer, lists: Sequence[tuple[str, Sequence[Document]]], check: Callable[[], None]
) -> Iterator[list[ScoredList]]:
    """Scores of all pairs, in the order that is fastest; ``check`` is called between batches and may raise.

    The longest passages come first. Memory does not grow with the number of lists, but for the queries.
    """
    passages = _passages(lists)
    texts = list(dict.fromkeys(query for query, candidates in lists if candidates))
    check()
    asked = dict(zip(texts, scorer.queries(texts), strict=True))
    for bucket in _buckets(passages):
        pairs = list(_pairs(scorer, asked, bucket, check))
        yield from _score(scorer, asked, pairs, check)


def _passages(lists: Sequence[tuple[str, Sequence[Document]]]) -> list[_Passage]:
    """Distinct passages, longest first."""
    found: dict[str, _Passage] = {}
    for place, (query, candidates) in enumerate(lists):
        for index, document in enumerate(candidates):
            passage = found.setdefault(document.content_hash, _Passage(document))
            passage.wanted.setdefault(query, []).append((place, index))
    return sorted(found.values(), key=lambda passage: -len(passage.document.text))


def _buckets(passages: Sequence[_Passage]) -> Iterator[list[_Passage]]:
    bucket: list[_Passage] = []
    size = 0
    for passage in passages:
        length = len(passage.document.text) + 40
        if bucket and size + length > _BUCKET:
            yield bucket
            bucket, size = [], 0
        bucket.append(passage)
        size += length
    if bucket:
        yield bucket


def _pairs(
    scorer: Scorer, asked: dict[str, object], bucket: Sequence[_Passage], check: Callable[[], None]
) -> Iterator[_Pair]:
    """The bucket's pairs, their passages prepared: once each where that does not depend on the query."""
    if scorer.reads_apart:
        query = asked[next(iter(bucket[0].wanted))]
        prepared = scorer.prepare(query, [passage.document for passage in bucket], check)
        for passage, ready in zip(bucket, prepared, strict=True):
            for text, places in passage.wanted.items():
                yield _Pair(text, ready, places, [0.0] * len(ready.windows), len(ready.windows))
        return
    by_query: dict[str, list[_Passage]] = {}
    for passage in bucket:
        for text in passage.wanted:
            by_query.setdefault(text, []).append(passage)
    for text, mine in by_query.items():
        prepared = scorer.prepare(asked[text], [passage.document for passage in mine], check)
        for passage, ready in zip(mine, prepared, strict=True):
            windows = len(ready.windows)
            yield _Pair(text, ready, passage.wanted[text], [0.0] * windows, windows)


def _score(
    scorer: Scorer, asked: dict[str, object], pairs: Sequence[_Pair], check: Callable[[], None]
) -> Iterator[list[ScoredList]]:
    """Score the windows of all pairs; a pair is given out once its last window is scored."""
    rows = [(pair, window) for pair in pairs for window in range(len(pair.passage.windows))]
    lengths = [
        (scorer.query_length(asked[pair.query]), pair.passage.lengths[window]) for pair, window in rows
    ]
    for batch in pair_batches(lengths, scorer.batch_tokens):
        check()
        chosen = [rows[row] for row in batch]
        logits = scorer.pair_logits(
            [asked[pair.query] for pair, _ in chosen],
            [pair.passage.windows[window] for pair, window in chosen],
        )
        done: list[ScoredList] = []
        for (pair, window), logit in zip(chosen, logits, strict=True):
            pair.logits[window] = logit
            pair.missing -= 1
            if not pair.missing:
                cut = scorer.query_tokens_cut(asked[pair.query])
                done += [
                    (place, scored_pair(scorer, index, pair.passage, pair.logits, cut))
                    for place, index in pair.places
                ]
        if done:
            yield done


def pair_batches(
    lengths: Sequence[tuple[int, int]], budget: int, slack: float = 0.06, least: int = 8
) -> list[list[int]]:
    """Rows of (query, passage) lengths in batches that pad little; none exceeds ``budget`` tokens padded.

    Rows are taken by falling passage length, so that passages hardly need padding, and within a run of
    those by query length. A batch ends where another row would make its padding exceed ``slack`` of its
    tokens, unless it is smaller than ``least``.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row][1], lengths[row][0], row))
    batches: list[list[int]] = []
    for run in _runs(order, lengths, slack / 2):
        run.sort(key=lambda row: (lengths[row][0], -lengths[row][1], row))
        longest_query = longest_passage = tokens = 0
        batch: list[int] = []
        for row in run:
            query, passage = lengths[row]
            width = max(longest_query, query) + max(longest_passage, passage)
            padded = width * (len(batch) + 1)
            wasteful = padded - tokens - query - passage > slack * padded and len(batch) >= least
            if batch and (padded > budget or wasteful):
                batches.append(batch)
                batch = []
                longest_query = longest_passage = tokens = 0
            batch.append(row)
            longest_query, longest_passage = max(longest_query, query), max(longest_passage, passage)
            tokens += query + passage
        batches.append(batch)
    return batches


def _runs(order: Sequence[int], lengths: Sequence[tuple[int, int]], slack: float) -> Iterator[list[int]]:
    """Rows whose passages differ in length by no more than ``slack`` of the longest."""
    run: list[int] = []
    for row in order:
        if run and lengths[row][1] < (1 - slack) * lengths[run[0]][1] and len(run) >= 64:
            yield run
            run = []
        run.append(row)
    if run:
        yield run
