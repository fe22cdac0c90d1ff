"""What a service says about one request while it runs.

The calling thread only copies references here; conversion, checks, redaction and storing happen later, on
the recorder's thread (:mod:`rankscope.tracing.draft_builder`). This module is imported by services when
they start, so it takes neither dataclasses nor anything else that is slow to load.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from rankscope.core.identifiers import new_trace_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import TypeAlias

    from rankscope.core.documents import Document
    from rankscope.core.trace import Hit

    HitLike: TypeAlias = str | tuple[Any, Any] | Mapping[str, Any] | Hit
    """An id, ``(id, score)``, ``{"id": ..., "score": ..., "rank": ..., "text": ...}`` or a Hit."""
    Content: TypeAlias = str | Mapping[str, Any] | Document
    """A text, ``{"text": ..., "title": ..., "metadata": {...}}`` or a Document."""

__all__ = ["NO_SCORE", "Guard", "StageDraft", "TraceDraft"]

NO_SCORE = object()
"""Stands for a score that was not given, which is not the same as one that cannot be read."""


class Guard:
    """``with guard:`` around everything that runs in the service: an error is reported, never raised."""

    def __init__(self, report: Callable[[Exception], None]) -> None:
        self._report = report

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self._report(error)
            return True
        return False


class StageDraft:
    """One stage's list as it comes. ``with`` measures the time and notes a failure."""

    __slots__ = (
        *("_contents", "_guard", "_started", "depth", "details", "found", "ms", "name"),
        *("score_scale", "status"),
    )

    def __init__(
        self,
        guard: Guard,
        contents: dict[str, Any],
        name: str,
        *,
        score_scale: str = "unknown",
        ms: float | None = None,
        depth: int | None = None,
    ) -> None:
        self._guard = guard
        self._contents = contents
        self._started = 0.0
        self.name = name
        self.score_scale = score_scale
        self.ms = ms
        self.depth = depth
        self.status = "ok"
        self.details: dict[str, Any] = {}
        self.found: list[Any] = []
        """Each ``(id, score)`` or ``(id, score, rank)``."""

    def hits(self, hits: Iterable[HitLike]) -> StageDraft:
        """Set the list, best first; what it holds is copied, so the caller may go on changing its own."""
        with self._guard:
            found: list[Any] = list(hits)
            # Pairs can be kept as they are, since nobody can change them.
            usual = set(map(type, found)) == {tuple} and set(map(len, found)) == {2}
            self.found = found if usual else [self._parts(hit) for hit in found]
        return self

    def note(self, **details: float | str) -> StageDraft:
        """Named facts about the stage, such as ``model_ms`` or ``cached``."""
        self.details.update(details)
        return self

    def skipped(self, reason: str) -> StageDraft:
        """The stage did not run, and why."""
        self.status = f"skipped:{reason}"
        return self

    def failed(self, reason: str) -> StageDraft:
        """The stage failed, and why; the order that it was given stands."""
        self.status = f"failed:{reason}"
        return self

    def __enter__(self) -> StageDraft:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        if self.ms is None:
            self.ms = (time.perf_counter() - self._started) * 1000
        if error is not None:
            with self._guard:
                self.failed(described(error))
        return False

    def _parts(self, hit: Any) -> tuple[Any, ...]:
        if isinstance(hit, str):
            return hit, NO_SCORE
        if hasattr(hit, "get"):
            doc_id = hit["id"] if "id" in hit else hit["doc_id"]
            if "text" in hit:
                self._contents.setdefault(str(doc_id), dict(hit))
            return doc_id, hit.get("score", NO_SCORE), hit.get("rank")
        if hasattr(hit, "doc_id"):
            return hit.doc_id, hit.score, hit.rank
        return hit[0], hit[1]


class TraceDraft:
    """One request as it goes. ``with`` hands it in at the end, also when the request fails."""

    __slots__ = (
        *("_guard", "_hand_in", "contents", "created_ns", "decided", "filters", "floor_given", "id"),
        *("noted", "parent_id", "query", "query_id", "stages"),
    )

    def __init__(self, guard: Guard, query: Any, hand_in: Callable[[TraceDraft], None] | None) -> None:
        self._guard = guard
        self._hand_in = hand_in
        self.query = query
        self.id = new_trace_id()
        """The trace's id, for the service's own log."""
        self.created_ns = time.time_ns()
        self.filters: Mapping[str, Any] = {}
        self.query_id: str | None = None
        self.parent_id: str | None = None
        self.stages: list[StageDraft] = []
        self.contents: dict[str, Any] = {}
        self.noted: dict[str, Any] = {}
        self.floor_given: tuple[Any, Any, Any] | None = None
        self.decided: tuple[Any, list[Any], Any] = (None, [], None)

    @property
    def sampled(self) -> bool:
        """Whether this request is recorded: a reason to leave out work that only the trace needs."""
        return self._hand_in is not None

    def stage(
        self,
        name: str,
        hits: Iterable[HitLike] | None = None,
        *,
        score_scale: str = "unknown",
        ms: float | None = None,
        depth: int | None = None,
    ) -> StageDraft:
        """A stage and its list, best first; ``with trace.stage(...) as stage`` also takes the time.

        ``score_scale`` is one of bm25, cosine, inner_product, rrf, logit, probability, unknown.
        """
        draft = StageDraft(self._guard, self.contents, name, score_scale=score_scale, ms=ms, depth=depth)
        if self.sampled:
            self.stages.append(draft)
            if hits is not None:
                draft.hits(hits)
        return draft

    def documents(self, documents: Mapping[str, Content]) -> None:
        """What was shown to the model, by document id."""
        with self._guard:
            if self.sampled:
                if set(map(type, documents.keys())) != {str}:
                    documents = {str(doc_id): content for doc_id, content in documents.items()}
                self.contents.update(documents)

    def floor(self, value: float, score_scale: str, source: str = "manual") -> None:
        """The relevance floor that was applied, with the scale of its value."""
        self.floor_given = (value, score_scale, source)

    def outcome(
        self,
        decision: Literal["answer", "refuse"] | None = None,
        *,
        kept: Sequence[Any] | None = None,
        top_k: int | None = None,
    ) -> None:
        """What was done with the final order: the decision, the ids that were used, K."""
        with self._guard:
            self.decided = (decision, list(kept or ()), top_k)

    def attributes(self, **values: Any) -> None:
        """Anything else that is worth keeping: a user's segment, an experiment, a release."""
        self.noted.update(values)

    def __enter__(self) -> TraceDraft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        with self._guard:
            if error is not None:
                self.noted.setdefault("error", described(error))
            hand_in, self._hand_in = self._hand_in, None
            if hand_in is not None:
                hand_in(self)
        return False


def described(error: BaseException) -> str:
    """An exception as one short text."""
    return f"{type(error).__name__}: {error}"[:500]
