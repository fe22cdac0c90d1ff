"""Pooling: the candidates of one query from several pipelines, in an order that tells nothing of their ranks.

Depth-k pooling as TREC does it: a document is judged where any list of any pipeline holds it in its first
``depth`` places. Judging in an order of its own keeps the judge from agreeing with a ranking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rankscope.core.documents import Document
from rankscope.core.trace import Trace

__all__ = ["POOL_DEPTH", "Candidate", "Pool", "Progress", "hidden_order", "pool"]

POOL_DEPTH = 10
"""Places of each list that are judged: what a person sees of a result page, and K by default."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document to be judged. It carries no rank and no score."""

    doc_id: str
    document: Document | None
    """None where no trace recorded its text."""
    trace_id: str
    """The newest trace that lists it."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates of one query."""

    query: str
    candidates: tuple[Candidate, ...]
    pipelines: int
    """How many pipelines they come from."""

    @property
    def doc_ids(self) -> tuple[str, ...]:
        """Ids in the hidden order."""
        return tuple(candidate.doc_id for candidate in self.candidates)


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of some work is done."""

    done: int
    total: int

    @property
    def finished(self) -> bool:
        """Whether nothing is left; work of nothing is not finished."""
        return 0 < self.total <= self.done


def hidden_order(query: str, doc_ids: Iterable[str]) -> tuple[str, ...]:
    """The ids, each once, shuffled by a hash of query and id.

    The same after every restart; a candidate that a new pipeline brings moves no other one.
    """
    return tuple(sorted(set(doc_ids), key=lambda doc_id: _place(query, doc_id)))


def _place(query: str, doc_id: str) -> bytes:
    parts = (part.encode("utf-8", "surrogatepass") for part in (query, doc_id))
    return hashlib.sha256(b"\0\xff".join(parts)).digest()


def pool(query: str, traces: Iterable[Trace], *, depth: int = POOL_DEPTH) -> Pool:
    """What the first ``depth`` places of every list of these traces hold, the traces oldest first."""
    documents: dict[str, Document] = {}
    listed: dict[str, str] = {}
    pipelines: set[tuple[str, str]] = set()
    for trace in traces:
        pipelines.add((trace.pipeline.fingerprint, trace.pipeline.corpus))
        documents.update(trace.documents)
        for ranking in trace.rankings:
            if ranking.ran:
                found = (hit.doc_id for hit in ranking.hits if hit.rank <= depth)
                listed.update(dict.fromkeys(found, trace.trace_id))
    candidates = (
        Candidate(doc_id, documents.get(doc_id), listed[doc_id]) for doc_id in hidden_order(query, listed)
    )
    return Pool(query, tuple(candidates), len(pipelines))


def progress(pools: Mapping[str, Iterable[str]], judged: Mapping[str, Iterable[str]]) -> Progress:
    """Judged documents among the pooled ones, over all queries."""
    done = total = 0
    for query, doc_ids in pools.items():
        wanted = set(doc_ids)
        total += len(wanted)
        done += len(wanted & set(judged.get(query, ())))
    return Progress(done, total)
