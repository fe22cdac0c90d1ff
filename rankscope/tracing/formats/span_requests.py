"""The spans of one trace id, parted into the requests that they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heappop, heappush

from rankscope.tracing.formats.assemble import Candidate
from rankscope.tracing.formats.identity import content_id
from rankscope.tracing.formats.retrieval_span import RetrievalSpan, query_text
from rankscope.tracing.formats.span_tree import SpanTree
from rankscope.tracing.formats.spans import Span
from rankscope.tracing.formats.values import as_id, as_text

__all__ = ["Request", "TraceBuffer", "requests_of"]

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass
class TraceBuffer:
    """Spans of one trace id as they come: retrieval spans whole, of others the links and the input."""

    trace_id: str
    retrievals: list[RetrievalSpan] = field(default_factory=list)
    parents: dict[str, str | None] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    _around: Surroundings | None = field(default=None, repr=False, compare=False)

    def add(self, span: Span, retrieval: RetrievalSpan | None) -> None:
        """Take in one span."""
        self._around = None
        self.parents[span.span_id] = span.parent_id
        if retrieval is not None:
            self.retrievals.append(retrieval)
            return
        if text := query_text(span.attributes.get("input.value")):
            self.inputs[span.span_id] = text[:10_000]
        model = as_text(span.attributes.get("embedding.model_name") or span.attributes.get("embedding.model"))
        if span.kind == "EMBEDDING" and model:
            self.models[span.span_id] = model

    def copy(self) -> TraceBuffer:
        """The spans so far; what comes later is not in it."""
        return TraceBuffer(
            self.trace_id, self.retrievals.copy(), self.parents.copy(), self.inputs.copy(), self.models.copy()
        )

    @property
    def around(self) -> Surroundings:
        """How the spans lie in each other, worked out once until more come."""
        if self._around is None:
            self._around = Surroundings(self)
        return self._around


class Surroundings:
    """What stands around and inside the spans of a buffer."""

    def __init__(self, buffer: TraceBuffer) -> None:
        self.tree = SpanTree(buffer.parents)
        self.depth = self.tree.depth
        self.inputs = self.tree.nearest_above(buffer.inputs)
        """The input of the nearest span around each span that has one."""
        self.models: dict[str, tuple[int, str]] = {}
        """The embedding model that came last of those inside each span, with its place among all."""
        last = {span_id: (place, model) for place, (span_id, model) in enumerate(buffer.models.items())}
        for span_id in reversed(self.tree.outermost_first):
            parent = self.tree.parent[span_id]
            inside = [table[span_id] for table in (last, self.models) if span_id in table]
            if parent is not None and inside:
                self.models[parent] = max(*inside, self.models.get(parent, inside[0]))


@dataclass
class Request:
    """The retrieval spans of one query, in the order in which they ended."""

    buffer: TraceBuffer
    spans: list[RetrievalSpan] = field(default_factory=list)
    parents: set[str | None] = field(default_factory=set)
    _asked: tuple[int, str] = (1 << 30, "")
    _above: str = ""
    _reranked: datetime | None = None
    """When its first reranker ended."""

    def add(self, item: RetrievalSpan) -> None:
        """Take in a span."""
        self.spans.append(item)
        self.parents.add(item.span.parent_id)
        depth = self.buffer.around.depth[item.span.span_id]
        if item.query and depth < self._asked[0]:
            self._asked = (depth, item.query)
        self._above = self._above or self.buffer.around.inputs.get(item.span.span_id, "")
        if item.role == "reranker":
            ended = item.span.end or _EARLIEST
            self._reranked = ended if self._reranked is None else min(self._reranked, ended)

    def close(self) -> None:
        """Bring the spans into the order in which they ended; no more are added."""
        self.spans.sort(key=lambda item: _end(item, self.buffer))
        above = self.buffer.around.inputs
        self._above = next((above[i.span.span_id] for i in self.spans if i.span.span_id in above), "")

    @property
    def query(self) -> str:
        """What was asked, by the outermost span that says so, else by what is around them."""
        return self._asked[1] or self._above

    def reranked_before(self, item: RetrievalSpan) -> bool:
        """Whether a reranker of this request had ended when ``item`` began: what follows is a new request."""
        start = item.span.start
        return self._reranked is not None and (start is None or self._reranked <= start)


def requests_of(buffer: TraceBuffer) -> list[Request]:
    """The retrieval spans of one trace id, parted into requests.

    A span inside another retrieval span belongs to it. A reranker belongs to the latest request whose
    documents it was given, else whose query it has. A retriever joins the request with the same query that
    has not been reranked yet: several retrievers of one query are several stages.
    """
    around = buffer.around
    order = sorted(buffer.retrievals, key=lambda item: (*_start(item), around.depth[item.span.span_id]))
    outer = around.tree.nearest_before([item.span.span_id for item in order])
    begun = _Begun()
    home: dict[str, int] = {}
    for item in order:
        inside = outer.get(item.span.span_id)
        number = begun.matching(item) if inside is None else home[inside]
        if number is None:
            number = len(begun.requests)
            begun.requests.append(Request(buffer))
        begun.add(item, number)
        home[item.span.span_id] = number
    for request in begun.requests:
        request.close()
    return begun.requests


def _start(item: RetrievalSpan) -> tuple[bool, datetime]:
    """When a span began; those that do not say it come first."""
    return item.span.start is not None, item.span.start or _EARLIEST


def _end(item: RetrievalSpan, buffer: TraceBuffer) -> tuple[datetime, int]:
    """When a span ended; of spans that ended at once the inner one was first."""
    return item.span.end or item.span.start or _EARLIEST, -buffer.around.depth[item.span.span_id]


class _Begun:
    """The requests so far, and which of them a span may join: found without a look at each.

    Spans are asked for in the order in which they began, so a request that had been reranked when one span
    began is done with for all that follow. The heaps hold numbers of requests, negative, so that the latest
    is on top; what does not hold any more is dropped when it gets there.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._by_key: dict[str, int] = {}
        self._by_query: dict[str, list[int]] = {}
        self._by_parent: dict[str | None, list[int]] = {}
        self._silent: dict[str | None, list[int]] = {}
        """By parent, the requests of which no query is known."""
        self._timed = False

    def add(self, item: RetrievalSpan, number: int) -> None:
        """Put a span into the request with this number."""
        request = self.requests[number]
        request.add(item)
        for key in _keys(item.outputs or ()):
            self._by_key[key] = max(number, self._by_key.get(key, number))
        self._enter(number, [item.span.parent_id])

    def _enter(self, number: int, parents: Iterable[str | None]) -> None:
        query = self.requests[number].query
        if query:
            heappush(self._by_query.setdefault(query.strip(), []), -number)
        for parent in parents:
            heappush(self._by_parent.setdefault(parent, []), -number)
            if not query:
                heappush(self._silent.setdefault(parent, []), -number)

    def matching(self, item: RetrievalSpan) -> int | None:
        """The latest request that the span may belong to."""
        if item.role == "reranker":
            given = [
                self._by_key[key] for key in _keys(item.inputs or item.outputs or ()) if key in self._by_key
            ]
            if given:
                return max(given)
        if item.span.start is not None and not self._timed:
            self._begin_anew()
        if not item.query:
            number = self._latest(self._by_parent.get(item.span.parent_id), item, None)
        else:
            asked = item.query.strip()
            number = max(
                self._latest(self._by_query.get(asked), item, asked),
                self._latest(self._silent.get(item.span.parent_id), item, ""),
            )
        return None if number < 0 else number

    def _begin_anew(self) -> None:
        """Spans without a start come after every reranker; for the first with one each counts again."""
        self._timed = True
        self._by_query, self._by_parent, self._silent = {}, {}, {}
        for number, request in enumerate(self.requests):
            self._enter(number, request.parents)

    def _latest(self, heap: list[int] | None, item: RetrievalSpan, query: str | None) -> int:
        """The latest request in the heap that still has this query (None: any; empty: none), else -1."""
        while heap:
            request = self.requests[-heap[0]]
            fits = query is None or (not request.query if query == "" else request.query.strip() == query)
            if fits and not request.reranked_before(item):
                return -heap[0]
            heappop(heap)
        return -1


def _keys(candidates: Iterable[Candidate]) -> set[str]:
    """What candidates can be joined by: their ids, and their content."""
    keys: set[str] = set()
    for candidate in candidates:
        doc_id = as_id(candidate.doc_id)
        if doc_id is not None:
            keys.add(doc_id)
        if candidate.text:
            keys.add(content_id("", candidate.text))
    return keys
