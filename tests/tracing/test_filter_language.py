"""What people type to find traces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.errors import UsageError
from rankscope.tracing.filter_language import describe_filter, parse_filter
from rankscope.tracing.summaries import TraceFilter

NOW = datetime(2026, 1, 31, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", TraceFilter()),
        ("   ", TraceFilter()),
        ("ibuprofen  dose", TraceFilter(words=("ibuprofen", "dose"))),
        ('"for children" dose', TraceFilter(words=("for children", "dose"))),
        ('"not closed', TraceFilter(words=("not closed",))),
        ('""', TraceFilter()),
        ("origin:import", TraceFilter(origin="import")),
        ("ORIGIN:import:trec", TraceFilter(origin="import:trec")),
        ("parent:trace-1", TraceFilter(parent_id="trace-1")),
        ("rs101 RS402 rs101", TraceFilter(findings=("RS101", "RS402"))),
        ("rs10 rs1010", TraceFilter(words=("rs10", "rs1010"))),
        ("refuse", TraceFilter(decision="refuse")),
        ("Answered", TraceFilter(decision="answer")),
        ('"answer"', TraceFilter(words=("answer",))),
        (">500ms", TraceFilter(slower_than_ms=500.0)),
        (">500", TraceFilter(slower_than_ms=500.0)),
        (">0.5s <2S", TraceFilter(slower_than_ms=500.0, faster_than_ms=2000.0)),
        ("since:2h", TraceFilter(since=NOW - timedelta(hours=2))),
        ("before:1.5d", TraceFilter(before=NOW - timedelta(days=1.5))),
        ("since:30min", TraceFilter(since=NOW - timedelta(minutes=30))),
        ("since:today", TraceFilter(since=NOW.replace(hour=0, minute=0))),
        ("since:2026-01-31T12:00:00Z", TraceFilter(since=datetime(2026, 1, 31, 12, tzinfo=UTC))),
        ("since:2026-01-31", TraceFilter(since=datetime(2026, 1, 31).astimezone())),
        ("re:invent a>b", TraceFilter(words=("re:invent", "a>b"))),
        ("> <", TraceFilter(words=(">", "<"))),
        ("dose refuse >1s rs501", TraceFilter(("dose",), None, "refuse", ("RS501",), 1000.0)),
    ],
)
def test_what_is_meant(text: str, meant: TraceFilter) -> None:
    assert parse_filter(text, NOW) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("refuse answer", "both answered and refused"),
        ("since:yesterdayish", "since:yesterdayish is no date"),
        ("since:2026-13-01", "is no date"),
        ("since:99999999999w", "is no date"),
        ("since:", "has no value yet"),
        ("origin:", "has no value yet"),
        (">5parsecs", ">5parsecs is no time"),
    ],
)
def test_what_cannot_be_meant_is_said(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_filter(text, NOW)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_a_sentence(text: str) -> None:
    said, chosen = "", TraceFilter()
    try:
        chosen = parse_filter(text, NOW)
    except UsageError as error:
        said = str(error) or "nothing"
    assert said != "nothing"
    assert bool(describe_filter(chosen)) == (chosen != TraceFilter())


def test_a_filter_in_words() -> None:
    chosen = parse_filter(
        '"for children" rs501 origin:live refuse >500ms <2s since:2026-01-31T12:00:00Z', NOW
    )
    assert describe_filter(chosen) == (
        "“for children”, with RS501, origin live, refused, over 500 ms, under 2000 ms, since 2026-01-31 12:00"
    )
