"""Which span lies inside which, worked out once for all spans of a trace id, however deep they are nested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

__all__ = ["SpanTree"]

Value = TypeVar("Value")


class SpanTree:
    """The forest that the parent links make; each question about it takes time in proportion to what it asks.

    A parent that never came is a node as well. Links that go round in a circle say nothing about which span
    is outermost: they are cut at the smallest id, whatever the order in which the spans came.
    """

    def __init__(self, parents: Mapping[str, str | None]) -> None:
        self.parent = _without_circles(parents)
        children: dict[str | None, list[str]] = {}
        for span_id, parent in self.parent.items():
            children.setdefault(parent, []).append(span_id)
        self.outermost_first: list[str] = []
        """Every span behind all that it lies in, and ahead of all that lie beside it the spans inside it."""
        self.depth: dict[str, int] = {}
        """How many spans each lies in."""
        self._enter: dict[str, int] = {}
        waiting = children.get(None, [])
        while waiting:
            span_id = waiting.pop()
            parent = self.parent[span_id]
            self.depth[span_id] = 0 if parent is None else self.depth[parent] + 1
            self._enter[span_id] = len(self.outermost_first)
            self.outermost_first.append(span_id)
            waiting.extend(children.get(span_id, ()))
        self._leave = {span_id: place + 1 for span_id, place in self._enter.items()}
        for span_id in reversed(self.outermost_first):
            parent = self.parent[span_id]
            if parent is not None:
                self._leave[parent] = max(self._leave[parent], self._leave[span_id])

    def nearest_above(self, marks: Mapping[str, Value]) -> dict[str, Value]:
        """The mark of the nearest span around each span, for those that have a marked one around them."""
        found: dict[str, Value] = {}
        for span_id in self.outermost_first:
            parent = self.parent[span_id]
            if parent is not None and parent in marks:
                found[span_id] = marks[parent]
            elif parent is not None and parent in found:
                found[span_id] = found[parent]
        return found

    def nested(self, span_ids: Iterable[str]) -> dict[str, str | None]:
        """The nearest of these spans around each of them, None for the outer ones; outermost first."""
        found: dict[str, str | None] = {}
        around: list[str] = []
        for span_id in sorted(span_ids, key=self._enter.__getitem__):
            while around and self._leave[around[-1]] <= self._enter[span_id]:
                around.pop()
            found[span_id] = around[-1] if around else None
            around.append(span_id)
        return found

    def nearest_before(self, order: Sequence[str]) -> dict[str, str]:
        """The nearest span around each of these that stands ahead of it in ``order``, where there is one."""
        ahead = set(order)
        # Spans that are ahead of nothing any more are jumped over, in ever longer leaps.
        leap: dict[str, str | None] = dict(self.parent)
        found: dict[str, str] = {}
        for span_id in reversed(order):
            ahead.discard(span_id)
            passed: list[str] = []
            place = self.parent[span_id]
            while place is not None and place not in ahead:
                passed.append(place)
                place = leap[place]
            leap.update(dict.fromkeys(passed, place))
            if place is not None:
                found[span_id] = place
        return found


def _without_circles(parents: Mapping[str, str | None]) -> dict[str, str | None]:
    links: dict[str, str | None] = {}
    for span_id, above in parents.items():
        links[span_id] = above if above and above != span_id else None
        if above:
            links.setdefault(above, None)
    seen: dict[str, int] = {}
    for number, begin in enumerate(links):
        path: list[str] = []
        place: str | None = begin
        while place is not None and place not in seen:
            seen[place] = number
            path.append(place)
            place = links[place]
        if place is not None and seen[place] == number:
            links[min(path[path.index(place) :])] = None
    return links
