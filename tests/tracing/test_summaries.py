"""Lists of traces: order, pages, filters, and what a row says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Hit, Ranking
from rankscope.tracing import summaries
from rankscope.tracing.store import TraceFilter, TraceStore
from tests.tracing.make import START, make_trace


def ranking(stage: str, *ids: str, status: str = "ok", ms: float | None = 1.0) -> Ranking:
    hits = tuple(Hit(doc_id, rank, 1 / rank) for rank, doc_id in enumerate(ids, start=1))
    return Ranking(stage, ScoreScale.UNKNOWN, hits, ms=ms, status=status)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore(tmp_path / "traces.db") as opened:
        yield opened


def listed(store: TraceStore, **chosen: object) -> list[int]:
    """Numbers of the traces that a filter lets through, newest first."""
    rows = store.summaries(100, chosen=TraceFilter(**chosen))  # type: ignore[arg-type]
    assert store.count(TraceFilter(**chosen)) == len(rows)  # type: ignore[arg-type]
    return [int(row.trace_id.removeprefix("trace-")) for row in rows]


def test_a_row_says_what_the_trace_says(store: TraceStore) -> None:
    trace = make_trace(
        rankings=(ranking("fusion", "a", "b", "c", "d"), ranking("rerank", "d", "b", "a", "c", ms=99.0)),
        findings=(Finding("RS101", "error", "m"), Finding("RS402", "info", "m")),
        parent_id="parent",
    )
    store.append(trace).result()
    (row,) = store.summaries()
    assert (row.trace_id, row.created_at, row.query, row.origin, row.parent_id, row.decision) == (
        trace.trace_id,
        trace.created_at,
        "query number 0",
        "live",
        "parent",
        "answer",
    )
    assert (row.total_ms, row.top_doc, row.top_score, row.finding_count) == (1.0 + 99.0, "d", 1 / 1, 2)
    assert (row.moved_doc, row.moved) == ("d", 4 - 1)
    assert row.seq == store.last_seq() == 1


@pytest.mark.parametrize(
    ("rankings", "top", "moved"),
    [
        ((), None, (None, None)),
        ((ranking("bm25"),), None, (None, None)),
        ((ranking("bm25", "a", "b"),), "a", (None, None)),
        ((ranking("bm25", "a", "b"), ranking("rerank", "a", "b")), "a", ("a", 0)),
        ((ranking("bm25", "a", "b", "c"), ranking("rerank", "b", "c", "a")), "b", ("a", 1 - 3)),
        ((ranking("bm25", "a", "b"), ranking("rerank", "x", "b")), "x", ("b", 0)),
        ((ranking("bm25", "a", "b"), ranking("rerank", "x")), "x", (None, None)),
        ((ranking("bm25", "a"), ranking("rerank", status="failed:timeout")), "a", (None, None)),
        ((ranking("bm25", "a", "b"), ranking("rerank", "b", status="partial")), "a", ("b", 2 - 1)),
        ((ranking("bm25", "a", "b", "a"), ranking("rerank", "b", "a")), "b", ("b", 2 - 1)),
    ],
)
def test_the_top_and_the_biggest_move(
    store: TraceStore, rankings: tuple[Ranking, ...], top: str | None, moved: tuple[str | None, int | None]
) -> None:
    store.append(make_trace(rankings=rankings)).result()
    (row,) = store.summaries()
    assert row.top_doc == top
    assert (row.moved_doc, row.moved) == moved


def test_pages_follow_on_in_either_direction(store: TraceStore) -> None:
    for number in (3, 1, 4, 0, 2):
        store.append(make_trace(number))
    store.append(make_trace(5, created_at=START))  # the same moment as number 0, stored later
    store.flush()
    for oldest_first in (False, True):
        order = [0, 5, 1, 2, 3, 4] if oldest_first else [4, 3, 2, 1, 5, 0]
        names = [f"trace-{number:06}" for number in order]
        last = None
        seen: list[str] = []
        while page := store.summaries(2, last, oldest_first=oldest_first):
            seen += [row.trace_id for row in page]
            last = page[-1]
        assert seen == names
        assert [row.trace_id for row in store.summaries(2, offset=3, oldest_first=oldest_first)] == names[3:5]
        assert [trace.trace_id for trace in store.iter_traces(oldest_first=oldest_first)] == names


def test_filters(store: TraceStore) -> None:
    changes = [
        {"query": Query("Ibuprofen for CHILDREN")},
        {"query": Query("100% of Übergröße")},
        {"origin": "import:trec", "decision": "refuse"},
        {"origin": "important"},
        {"findings": (Finding("RS101", "error", "m"), Finding("RS101", "error", "n"))},
        {"rankings": (ranking("bm25", "a", ms=None),), "parent_id": "trace-000001"},
    ]
    for number, change in enumerate(changes):
        store.append(replace(make_trace(number), **change))  # type: ignore[arg-type]
    store.flush()
    assert listed(store) == [5, 4, 3, 2, 1, 0]
    assert listed(store, words=("children", "IBU")) == [0]
    assert listed(store, words=("children", "adults")) == []
    assert listed(store, words=("ÜBERGRÖSSE",)) == [1]
    assert listed(store, words=("%",)) == [1]
    assert listed(store, words=("_",)) == []
    assert listed(store, words=("0% OF",)) == [1]
    assert listed(store, origin="import") == [2]
    assert listed(store, origin="import:trec") == [2]
    assert listed(store, origin="live") == [5, 4, 1, 0]
    assert listed(store, decision="refuse") == [2]
    assert listed(store, findings=("RS101",)) == [4]
    assert listed(store, findings=("RS101", "RS102")) == []
    assert listed(store, slower_than_ms=1.5 + 103) == [4]
    assert listed(store, faster_than_ms=1.5 + 101) == [0]
    assert listed(store, since=START + timedelta(minutes=4)) == [5, 4]
    assert listed(store, before=START + timedelta(minutes=1)) == [0]
    assert listed(store, stored_after=4) == [5, 4]
    assert listed(store, parent_id="trace-000001") == [5]
    assert listed(store, words=("query",), slower_than_ms=1.5 + 102) == [4, 3]


def test_words_are_found_in_a_query_that_had_to_be_escaped(store: TraceStore) -> None:
    store.append(make_trace(0, query=Query("caf\udce9 Münster")))
    store.flush()
    assert listed(store, words=("caf\udce9",)) == [0]
    assert listed(store, words=("CAF",)) == [0]
    assert listed(store, words=("\udce8",)) == []


@pytest.mark.parametrize("near", [1, 3, 100])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_pages_of_a_filter_do_not_depend_on_how_they_are_found(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch, near: int, oldest_first: bool
) -> None:
    monkeypatch.setattr(summaries, "_NEAR", near)
    for number in range(12):
        store.append(make_trace(number, decision="refuse" if number % 3 == 0 else "answer"))
    store.flush()
    chosen = TraceFilter(decision="refuse")
    names = [f"trace-{number:06}" for number in (0, 3, 6, 9)]
    names = names if oldest_first else names[::-1]
    last = None
    seen: list[str] = []
    while page := store.summaries(1, last, chosen=chosen, oldest_first=oldest_first):
        seen += [row.trace_id for row in page]
        last = page[-1]
    assert seen == names
    rows = store.summaries(2, chosen=chosen, offset=1, oldest_first=oldest_first)
    assert [row.trace_id for row in rows] == names[1:3]
