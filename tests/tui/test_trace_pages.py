"""A long list by pages: what is asked for, what is there, and that nothing shifts."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rankscope.tracing.summaries import TraceSummary
from rankscope.tui.trace_pages import PAGE, PageRequest, TracePages
from tests.tracing.make import START


def row(number: int) -> TraceSummary:
    moment = START + timedelta(seconds=number)
    return TraceSummary(number, f"t{number}", moment, "q", "live", None, "answer", 1.0, "a", 0.5, "a", 0, 0)


def rows(newest: int, oldest: int) -> list[TraceSummary]:
    """From the newest number down to the oldest."""
    return [row(number) for number in range(newest, oldest - 1, -1)]


class Store:
    """A list of so many rows, read as the store reads it."""

    def __init__(self, count: int) -> None:
        self.all = rows(count, 1)

    def read(self, request: PageRequest) -> list[TraceSummary]:
        ordered = self.all[::-1] if request.backwards else self.all
        start = 0 if request.edge is None else ordered.index(request.edge) + 1
        page = ordered[start + request.offset : start + request.offset + request.limit]
        return page[::-1] if request.backwards else page


def test_an_empty_list_is_empty() -> None:
    pages = TracePages()
    pages.take(0, [])
    assert (pages.length, pages.newest, pages.wanted(0, 20)) == (0, None, [])


def test_before_it_is_counted_a_list_is_a_page_longer_than_what_was_read() -> None:
    pages = TracePages()
    pages.take(0, rows(1000, 1000 - PAGE + 1))
    assert pages.length == 2 * PAGE
    pages.count(1000)
    assert pages.length == 1000


def test_a_short_page_is_the_end() -> None:
    pages = TracePages()
    pages.take(0, rows(30, 1))
    assert pages.length == 30
    assert pages.row(29) == row(1)
    assert pages.row(30) is None


def test_the_next_page_goes_on_behind_the_last_row_and_is_asked_for_once() -> None:
    pages = TracePages()
    pages.take(0, rows(1000, 1000 - PAGE + 1))
    pages.count(1000)
    assert pages.wanted(0, 20) == []
    (request,) = pages.wanted(PAGE - 20, PAGE)
    assert request == PageRequest(1, edge=row(1000 - PAGE + 1))
    assert pages.wanted(PAGE - 20, PAGE) == []


def test_the_last_page_is_counted_from_the_end() -> None:
    pages = TracePages()
    pages.take(0, rows(1050, 1050 - PAGE + 1))
    pages.count(1050)
    assert pages.wanted(1030, 1049) == [PageRequest(5, limit=50, offset=0, backwards=True)]
    pages.take(5, rows(50, 1))
    assert pages.row(1049) == row(1)
    # Looked for too, but left until its edge was there.
    assert pages.wanted(1030, 1049) == [PageRequest(4, edge=row(50), backwards=True)]


def test_a_page_ahead_of_one_that_is_there_goes_backwards_from_its_first_row() -> None:
    pages = TracePages()
    pages.count(10 * PAGE)
    pages.take(9, rows(PAGE, 1))
    assert pages.wanted(9 * PAGE - 5, 9 * PAGE + 5)[0] == PageRequest(8, edge=row(PAGE), backwards=True)


def test_rows_in_front_move_all_places_and_no_page() -> None:
    pages = TracePages()
    pages.take(0, rows(300, 101))
    pages.count(300)
    pages.put_in_front([row(302), row(301)])
    assert (pages.length, pages.newest) == (302, row(302))
    assert [pages.row(place) for place in (1, 2, 201)] == [row(301), row(300), row(101)]
    (request,) = pages.wanted(180, 202)
    assert request.edge == row(101)


def test_only_so_many_pages_are_kept() -> None:
    store, pages = Store(100 * PAGE), TracePages()
    pages.count(100 * PAGE)
    for number in range(100):
        for request in pages.wanted(number * PAGE, number * PAGE + 30):
            pages.take(request.number, store.read(request))
    assert pages.row(5) is None
    assert pages.row(99 * PAGE) == store.all[99 * PAGE]
    assert [request.number for request in pages.wanted(0, 30)] == [0]


@given(
    st.integers(0, 7 * PAGE),
    st.lists(st.integers(0, 7 * PAGE), min_size=1, max_size=12),
    st.booleans(),
    st.integers(0, 5),
)
def test_whatever_is_looked_at_is_the_row_of_that_place(
    count: int, looks: list[int], counted: bool, fresh: int
) -> None:
    store, pages = Store(count), TracePages()
    pages.take(0, store.all[:PAGE])
    if counted:
        pages.count(count)
    in_front = rows(count + fresh, count + 1)
    pages.put_in_front(in_front)
    everything = [*in_front, *store.all]
    for look in looks:
        first = min(look, max(pages.length - 1, 0))
        while requests := pages.wanted(first, first + 40):
            for request in requests:
                pages.take(request.number, store.read(request))
        for place in range(first, min(first + 40, len(everything), pages.length)):
            assert pages.row(place) == everything[place]
