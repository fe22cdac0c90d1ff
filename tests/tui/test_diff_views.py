"""What stands above two traces side by side."""

from __future__ import annotations

from dataclasses import replace

from rankscope.core.documents import Query
from rankscope.insight.diff import diff_traces
from rankscope.tui.diff_views import diff_head
from tests.tui.traces import RERANKED, trace

MADE = trace(scores=RERANKED)


def test_of_two_queries_the_earlier_one_is_named() -> None:
    long = "how long after a dose [/b] may a child be given the next one"
    lines = diff_head(diff_traces(replace(MADE, query=Query(long)), MADE), 60).plain.split("\n")
    at = next(place for place, line in enumerate(lines) if "The queries are not the same" in line)
    said = " ".join(" ".join(lines[at : at + 2]).split())
    assert said == f"! The queries are not the same; the earlier one: {long}"
    assert lines[at + 1].startswith("   ")  # beside the sign, not below it
    assert max(map(len, lines)) <= 60


def test_of_one_query_with_other_filters_the_filters_differ() -> None:
    filtered = replace(MADE, query=replace(MADE.query, filters={"year": "2024"}))
    text = diff_head(diff_traces(filtered, MADE), 100).plain
    assert "! The filters of the query are not the same." in text
    assert "not the same" not in diff_head(diff_traces(MADE, MADE), 100).plain
