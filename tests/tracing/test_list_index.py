"""The file that makes filters of large stores fast gives the same lists as the database itself."""

from __future__ import annotations

import random
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rankscope.core.documents import Query
from rankscope.core.trace import Finding, Trace
from rankscope.errors import Cancelled
from rankscope.tracing import list_index
from rankscope.tracing import store as trace_store
from rankscope.tracing.list_index import ListIndex
from rankscope.tracing.store import TraceFilter, TraceStore
from tests.tracing.make import START, make_trace

WORDS = ("ibuprofen", "Übergröße", "caf\udce9", "100%", "a_b", "dose", 'json:"x', "STRASSE", "x\x1fy")


def varied(number: int) -> Trace:
    draw = random.Random(number)
    return make_trace(
        number,
        created_at=START + timedelta(minutes=draw.randrange(60)),
        query=Query(" ".join(draw.choices(WORDS, k=3))),
        origin=draw.choice(("live", "import:trec", "import:beir", "important")),
        decision=draw.choice(("answer", "refuse", None)),
        parent_id="trace-000001" if number % 9 == 0 else None,
        findings=tuple(
            Finding(code, "info", "m") for code in ("RS101", "RS1", "RS402") if draw.random() < 0.4
        ),
    )


FILTERS = [
    TraceFilter(),
    *[TraceFilter(words=(word,)) for word in (*WORDS, "%", "_", "SS", "ß", "É", "absent", "json")],
    TraceFilter(words=("dose", "IBU")),
    *[TraceFilter(origin=origin) for origin in ("import", "import:trec", "live")],
    *[TraceFilter(decision=decision) for decision in ("answer", "refuse")],
    *[TraceFilter(findings=codes) for codes in (("RS101",), ("RS1",), ("RS101", "RS402"), ("RS10",))],
    TraceFilter(slower_than_ms=140.0),
    TraceFilter(faster_than_ms=120.0, decision="refuse"),
    TraceFilter(since=START + timedelta(minutes=20), before=START + timedelta(minutes=40)),
    TraceFilter(parent_id="trace-000001"),
    TraceFilter(stored_after=50),
]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(list_index, "LEAST", 10)
    return tmp_path / "traces.db"


@pytest.fixture
def store(path: Path) -> Iterator[TraceStore]:
    with TraceStore(path) as opened:
        for number in range(80):
            opened.append(varied(number))
        opened.flush()
        yield opened


def everything(store: TraceStore) -> list[object]:
    """Every filter's list in every way of reading it, up to the trace stored last."""
    found: list[object] = []
    for chosen in FILTERS:
        bounded = replace(chosen, stored_until=store.last_seq())
        rows = store.summaries(1000, chosen=bounded)
        found += [rows, store.count(bounded), store.summaries(1000, chosen=bounded, oldest_first=True)]
        found.append(store.summaries(7, chosen=bounded, offset=3))
        if len(rows) > 5:
            found.append(store.summaries(4, rows[4], chosen=bounded))
            assert store.count(bounded, ahead_of=rows[5]) == 5
        # Without the bound the database is asked, file or not.
        assert store.summaries(1000, chosen=chosen) == rows
        assert store.count(chosen) == len(rows)
    return found


def test_lists_are_the_same_with_and_without_the_file(store: TraceStore, path: Path) -> None:
    without = everything(store)
    assert store.prepare_lists()
    index = ListIndex(path, busy_seconds=1)
    assert index.serves(TraceFilter(stored_until=80))
    assert everything(store) == without
    assert stat.S_IMODE(index.path.stat().st_mode) == 0o600


def test_new_traces_are_added_and_deleted_ones_leave_nothing(store: TraceStore, path: Path) -> None:
    store.prepare_lists()
    index = ListIndex(path, busy_seconds=1)
    store.append(varied(80)).result()
    bounded = TraceFilter(stored_until=81, words=("dose",))
    assert not index.serves(bounded)
    by_database = store.summaries(1000, chosen=bounded)
    assert store.prepare_lists()
    assert index.serves(bounded)
    assert store.summaries(1000, chosen=bounded) == by_database
    gone = by_database[0]
    assert store.prune(ids=[gone.trace_id]) == 1
    assert store.summaries(1000, chosen=bounded) == by_database[1:]
    assert store.count(bounded) == len(by_database) - 1
    assert index.count(bounded, None, None) == len(by_database) - 1


def test_after_a_deletion_by_id_no_line_is_compared(
    store: TraceStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.prepare_lists()
    gone, *left = store.summaries(1000)
    assert store.prune(ids=[gone.trace_id]) == 1

    def step(*_: Any) -> bool:
        raise AssertionError("there was nothing left to do")

    with monkeypatch.context() as watched:
        watched.setattr(ListIndex, "_step", step)
        assert store.prepare_lists()
    with TraceStore(path) as other:
        other.prune(keep=len(left) - 1)
    assert store.prune(ids=[left[0].trace_id]) == 1
    store.prepare_lists()
    bounded = TraceFilter(stored_until=store.last_seq())
    assert ListIndex(path, busy_seconds=1).count(bounded, None, None) == len(left) - 2


def test_an_interrupted_deletion_leaves_no_line_behind(
    store: TraceStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unplugged(BaseException): ...

    def interrupted(*_: Any) -> None:
        raise Unplugged

    store.prepare_lists()
    monkeypatch.setattr(trace_store, "spare_what_is_used", interrupted)
    with pytest.raises(Unplugged):
        store.prune(ids=[f"trace-{number:06}" for number in range(10, 40)])
    everyone = TraceFilter(stored_until=80, words=("",))
    assert store.count(everyone) == 50
    assert lines_of(path) == store.last_seq() - 30


def test_lines_that_a_killed_process_left_are_not_believed(
    store: TraceStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.prepare_lists()
    bounded = TraceFilter(stored_until=80, words=("dose",))
    whole = store.summaries(1000, chosen=bounded)
    monkeypatch.setattr(ListIndex, "forget", lambda *_: None)
    monkeypatch.setattr(trace_store, "_PAGE", 4)
    gone = {row.trace_id for row in whole[3:14]}  # a page of the walk is gone altogether
    assert store.prune(ids=sorted(gone)) == len(gone)
    left = [row.trace_id for row in whole if row.trace_id not in gone]
    assert lines_of(path) == 80
    for prepared in (False, True):
        assert store.count(bounded) == len(left)
        assert [trace.trace_id for trace in store.iter_traces(bounded)] == left
        assert prepared or store.prepare_lists()
    assert lines_of(path) == 80 - len(gone)


def test_a_page_is_whole_where_rows_go_between_two_reads(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list names rows that are deleted before the database is asked for them."""
    store.prepare_lists()
    bounded = TraceFilter(stored_until=80, decision="refuse")
    whole = store.summaries(1000, chosen=bounded)
    find = ListIndex.find_seqs

    def overtaken(self: ListIndex, *arguments: Any) -> list[int]:
        found = find(self, *arguments)
        with TraceStore(store.path) as other:
            other.prune(ids=[row.trace_id for row in whole[:5]])
        return found

    monkeypatch.setattr(ListIndex, "find_seqs", overtaken)
    assert store.summaries(5, chosen=bounded) == whole[5:10]


def lines_of(path: Path) -> int:
    connection = sqlite3.connect(f"{path}-list")
    (count,) = connection.execute("SELECT count(*) FROM lines").fetchone()
    connection.close()
    return int(count)


def test_a_file_of_another_database_is_made_anew(store: TraceStore, path: Path) -> None:
    store.prepare_lists()
    store.close()
    path.unlink()
    with TraceStore(path) as other:
        for number in range(20):
            other.append(make_trace(number))
        other.flush()
        assert other.prepare_lists()
        assert other.count(TraceFilter(stored_until=20, words=("query",))) == 20
        assert other.count(TraceFilter(stored_until=20, words=("dose",))) == 0


def test_a_damaged_file_is_done_without(store: TraceStore, path: Path) -> None:
    store.prepare_lists()
    index = ListIndex(path, busy_seconds=1)
    bounded = TraceFilter(stored_until=80, decision="refuse")
    whole = store.summaries(1000, chosen=bounded)
    index.discard()
    index.path.write_bytes(b"no database " * 1000)
    assert store.summaries(1000, chosen=bounded) == whole
    assert not index.path.exists()
    assert store.prepare_lists()
    assert store.summaries(1000, chosen=bounded) == whole


def test_a_small_store_gets_no_file(tmp_path: Path) -> None:
    with TraceStore(tmp_path / "traces.db") as small:
        small.append(make_trace()).result()
        assert not small.prepare_lists()
    assert [file.name for file in tmp_path.iterdir()] == ["traces.db"]


def test_it_can_be_stopped_and_goes_on(store: TraceStore, path: Path, monkeypatch) -> None:
    monkeypatch.setattr(list_index, "_CHUNK", 30)
    asked = iter((False, True))
    with pytest.raises(Cancelled):
        store.prepare_lists(lambda: next(asked))
    index = ListIndex(path, busy_seconds=1)
    assert index.serves(TraceFilter(stored_until=30))
    assert not index.serves(TraceFilter(stored_until=31))
    assert not store.prepare_lists(most=49)
    assert store.prepare_lists(most=50)
    assert index.serves(TraceFilter(stored_until=80))


def test_another_process_that_was_faster_keeps_its_lines(
    store: TraceStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_index, "_CHUNK", 30)
    slower, faster = ListIndex(path, busy_seconds=1), ListIndex(path, busy_seconds=1)
    look = ListIndex._known
    looks = 0

    def overtaken(connection: sqlite3.Connection) -> dict[str, Any]:
        nonlocal looks
        found = look(connection)
        looks += 1
        if looks == 1:
            assert found == {}
            assert faster.bring_up_to_date()
        return found

    monkeypatch.setattr(slower, "_known", overtaken)
    asked = iter((False, True))
    assert slower.bring_up_to_date(lambda: next(asked))
    assert slower.serves(TraceFilter(stored_until=80))
    assert slower.count(TraceFilter(stored_until=80), None, None) == 80


def test_a_list_that_is_up_to_date_takes_no_lock(store: TraceStore, path: Path) -> None:
    store.prepare_lists()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert ListIndex(path, busy_seconds=0).bring_up_to_date()
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("prepared", [False, True])
def test_a_query_can_be_stopped_inside_sqlite(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch, prepared: bool
) -> None:
    if prepared:
        store.prepare_lists()
    for module in ("rankscope.tracing.store", "rankscope.tracing.list_index"):
        monkeypatch.setattr(f"{module}._STEPS", 10)
    bounded = TraceFilter(stored_until=80, words=("dose",))
    with pytest.raises(Cancelled):
        store.count(bounded, stop=lambda: True)
    with pytest.raises(Cancelled):
        store.summaries(10, chosen=bounded, stop=lambda: True)
    assert store.count(bounded, stop=lambda: False) == store.count(bounded)
