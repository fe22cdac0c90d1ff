"""Which span lies inside which: as following every link says, at any depth, and with links in a circle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.trace import Trace
from rankscope.tracing.formats.importer import Imported
from rankscope.tracing.formats.span_file import SpanCollector
from rankscope.tracing.formats.span_tree import SpanTree
from rankscope.tracing.formats.spans import Span

START = datetime(2026, 1, 31, tzinfo=UTC)
MANY = 5_000


def _above(parents: dict[str, str | None], span_id: str) -> list[str]:
    found: list[str] = []
    while (parent := parents.get(span_id)) is not None:
        found.append(parent)
        span_id = parent
    return found


@st.composite
def _forests(draw: st.DrawFn) -> dict[str, str | None]:
    count = draw(st.integers(1, 12))
    names = draw(st.permutations([f"s{number}" for number in range(count)]))
    parents: dict[str, str | None] = {}
    for place, name in enumerate(names):
        parents[name] = draw(st.sampled_from([None, "absent", *names[:place]]))
    return dict(draw(st.permutations(list(parents.items()))))


@given(_forests(), st.randoms(use_true_random=False))
def test_every_answer_is_that_of_following_the_links(parents: dict[str, str | None], source: Any) -> None:
    tree = SpanTree(parents)
    chosen = [name for name in parents if source.random() < 0.6]
    source.shuffle(chosen)
    nested, before = tree.nested(chosen), tree.nearest_before(chosen)
    marks = tree.nearest_above({name: name.upper() for name in chosen})
    for name in parents:
        above = _above(parents, name)
        assert tree.depth[name] == len(above)
        assert marks.get(name) == next((item.upper() for item in above if item in chosen), None)
    for place, name in enumerate(chosen):
        above = _above(parents, name)
        assert nested[name] == next((item for item in above if item in chosen), None)
        assert before.get(name) == next((item for item in above if item in chosen[:place]), None)


@given(st.permutations("abcd"))
def test_a_circle_is_cut_at_its_smallest_id_whatever_came_first(order: list[str]) -> None:
    links = {"a": "c", "b": "a", "c": "b", "d": "b"}
    tree = SpanTree({name: links[name] for name in order})
    assert tree.depth == {"a": 0, "b": 1, "c": 2, "d": 2}
    assert SpanTree({"a": "a", "b": ""}).depth == {"a": 0, "b": 0}


class _Counted(str):
    """An id that counts how often it is compared or looked up."""

    looked_up = 0
    __slots__ = ()

    def __hash__(self) -> int:
        _Counted.looked_up += 1
        return str.__hash__(self)

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)


@pytest.mark.parametrize("inner_first", [False, True])
@pytest.mark.parametrize("kind", ["chain", "circle", "beside"])
def test_the_work_grows_with_the_number_of_spans(kind: str, inner_first: bool) -> None:
    """Twice the spans cost about twice the look-ups, not four times, in the worst of orders too."""

    def work(count: int) -> int:
        ids = [_Counted(f"{number:05}") for number in range(count)]
        parents: dict[str, str | None] = {
            name: ids[place - 1] if kind != "beside" or place == 0 else ids[0]
            for place, name in enumerate(ids)
        }
        if kind != "circle":
            parents[ids[0]] = None
        _Counted.looked_up = 0
        tree = SpanTree(parents)
        order = list(reversed(ids)) if inner_first else ids
        tree.nested(order)
        tree.nearest_before(order)
        tree.nearest_above(dict.fromkeys(order, 0))
        return _Counted.looked_up

    assert work(2_000) < 2.5 * work(1_000)


def _span(number: int, *, kind: str, query: str, parent: str | None) -> Span:
    begin = START + timedelta(milliseconds=number)
    attributes = {"openinference.span.kind": kind, "input.value": query}
    attributes |= {f"retrieval.documents.0.document.{key}": f"{key} {number}" for key in ("id", "content")}
    end = START + timedelta(milliseconds=3 * MANY - number)
    return Span("t", f"{number}", parent, "vector search", kind, begin, end, attributes=attributes)


def _traces(spans: list[Span]) -> list[Trace]:
    collector = SpanCollector()
    for span in spans:
        collector.add(span)
    return [outcome.trace for outcome in collector.peek("t", START) if isinstance(outcome, Imported)]


def test_thousands_of_retrievers_inside_each_other_make_one_trace() -> None:
    parents = [None, *map(str, range(MANY))]
    (trace,) = _traces(
        [_span(number, kind="RETRIEVER", query="q", parent=parents[number]) for number in range(MANY)]
    )
    assert len(trace.rankings) == MANY
    # The innermost ended first and has nothing in it; each other one has 2 ms around the one inside it.
    assert trace.rankings[0].ms == pytest.approx(3 * MANY - 2 * (MANY - 1))
    assert {round(ranking.ms or 0.0, 6) for ranking in trace.rankings[1:]} == {2.0}


def test_thousands_of_queries_beside_each_other_make_a_trace_each() -> None:
    found = _traces(
        [_span(number, kind="RETRIEVER", query=f"q{number}", parent="root") for number in range(MANY)]
    )
    assert [trace.query.text for trace in found] == [f"q{number}" for number in range(MANY)]
