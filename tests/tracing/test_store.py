"""The store gives traces back equal, lists them, and says clearly what it cannot do."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, Ranking, Trace
from rankscope.errors import InputError, TraceError, WorkspaceError
from rankscope.tracing import sqlite_sink
from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace
from tests.tracing.strategies import HOSTILE, traces

numbers = count()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore(tmp_path / "traces.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraceStore]:
    with TraceStore(tmp_path_factory.mktemp("store") / "traces.db") as opened:
        yield opened


@settings(max_examples=30)
@given(traces())
def test_any_trace_comes_back_equal(shared: TraceStore, trace: Trace) -> None:
    trace = replace(trace, trace_id=f"{next(numbers)} {trace.trace_id}")
    shared.append(trace).result()
    assert shared.get(trace.trace_id) == trace


def test_hostile_text_is_stored_untouched(store: TraceStore) -> None:
    for place, text in enumerate(HOSTILE):
        document = Document(text, text, text, {"note": text})
        hits = (Hit(text, 1, 0.5),)
        trace = make_trace(
            place,
            query=Query(text, filters={"tenant": text}, query_id=text),
            rankings=(Ranking("rerank", ScoreScale.UNKNOWN, hits, status=f"failed:{text}"),),
            documents={text: document},
            kept=(text,),
            attributes={text: text},
        )
        store.append(trace).result()
        assert store.get(trace.trace_id) == trace
        assert store.summaries(1)[0].query == text


def test_numbers_of_numpy_are_stored_as_numbers(store: TraceStore) -> None:
    hits = (Hit("a", cast(int, np.int64(1)), cast(float, np.float32(0.1))), Hit("b", 2, None))
    ranking = Ranking(
        "rerank", ScoreScale.LOGIT, hits, ms=cast(float, np.float32(2)), depth=cast(int, np.int64(3))
    )
    floor = Floor(cast(float, np.float32(0.1)), ScoreScale.LOGIT)
    trace = replace(make_trace(), rankings=(ranking,), floor=floor, top_k=cast(int, np.int64(3)))
    store.append(trace).result()
    assert store.get(trace.trace_id) == trace
    (row,) = store.summaries()
    assert (row.top_doc, row.top_score, row.total_ms) == ("a", float(np.float32(0.1)), 2.0)


def test_a_document_without_text_and_one_without_a_rank_are_kept(store: TraceStore) -> None:
    trace = make_trace(documents={"elsewhere": Document("elsewhere", "text")})
    store.append(trace).result()
    assert store.get(trace.trace_id).documents == {"elsewhere": Document("elsewhere", "text")}


def test_equal_texts_are_stored_once_and_metadata_tells_contents_apart(store: TraceStore) -> None:
    same = {f"doc-{n}": Document(f"doc-{n}", "the same text") for n in range(1, 4)}
    store.append(make_trace(1, documents=same))
    store.append(make_trace(2, documents=same))
    mixed = {
        "doc-1": Document("doc-1", "the same text", metadata={"year": 1}),
        "doc-2": Document("doc-2", "the same text", metadata={"year": True}),
        "doc-3": Document("doc-3", "the same text", metadata={"year": 1.0}),
    }
    store.append(make_trace(3, documents=mixed))
    store.flush()
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM contents").fetchone() == (4,)
    connection.close()
    read = store.get("trace-000003").documents
    assert [repr(read[f"doc-{n}"].metadata["year"]) for n in (1, 2, 3)] == ["1", "True", "1.0"]


def test_the_same_trace_twice_is_stored_once(store: TraceStore) -> None:
    store.append(make_trace(1))
    store.append(make_trace(1))
    store.flush()
    store.append(make_trace(1)).result()
    assert store.count() == 1


@pytest.mark.parametrize("together", [True, False])
def test_another_trace_under_a_stored_id_is_refused(store: TraceStore, together: bool) -> None:
    store.append(make_trace(1))
    if not together:
        store.flush()
    refused = store.append(make_trace(1, origin="replay"))
    store.append(make_trace(2))
    with pytest.raises(TraceError, match="1 trace was not stored: trace 'trace-000001' is stored already"):
        store.flush()
    assert isinstance(refused.exception(), TraceError)
    assert store.get("trace-000001") == make_trace(1)
    assert store.count() == 2
    store.flush()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"top_k": 2**70}, "holds a value that cannot be stored"),
        ({"attributes": {"when": object()}}, "attributes.when is a object"),
        ({"rankings": (Ranking("a", ScoreScale.RRF, (), ms=float("nan")),)}, "ms of stage 'a' is nan"),
        ({"documents": {"doc-1": Document("doc-2", "text")}}, "holds document 'doc-2'"),
        (
            {"documents": {"doc-1": Document("doc-1", "text", "", {"x": {1, 2}})}},
            "metadata of document 'doc-1'.x",
        ),
        ({"query": Query(5)}, "holds a value that cannot be stored"),  # type: ignore[arg-type]
    ],
)
def test_a_trace_that_cannot_be_stored_takes_no_other_with_it(
    store: TraceStore, changes: dict[str, object], complaint: str
) -> None:
    futures = [
        store.append(trace)
        for trace in (make_trace(1), make_trace(2, **changes), make_trace(3), make_trace(4))
    ]
    with pytest.raises(TraceError, match="1 trace was not stored"):
        store.flush()
    assert complaint in str(futures[1].exception())
    assert [trace.trace_id for trace in store.iter_traces(oldest_first=True)] == [
        "trace-000001",
        "trace-000003",
        "trace-000004",
    ]


def test_failures_are_told_to_the_callback_and_a_faulty_callback_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def on_error(error: Exception, trace: Trace | None) -> None:
        told.append(f"{trace.trace_id if trace else None}: {error}")
        raise RuntimeError("the callback is at fault")

    store = TraceStore(tmp_path / "traces.db", on_error=on_error)
    store.append(make_trace(1, top_k=2**70))
    store.append(make_trace(2))
    with pytest.raises(TraceError):
        store.close()
    assert len(told) == 1
    assert told[0].startswith("trace-000001: ")
    assert "the callback is at fault" in capsys.readouterr().err
    with TraceStore(tmp_path / "traces.db", create=False) as again:
        assert again.count() == 1


def test_a_trace_is_found_by_the_start_of_its_id(store: TraceStore) -> None:
    for name in ("0190aa-1", "0190ab-1", "0190ab-2", "0190ab-2-more", "caf\udce9"):
        store.append(make_trace(trace_id=name))
    store.flush()
    assert store.get("0190aa").trace_id == "0190aa-1"
    assert store.resolve("0190ab-2") == "0190ab-2"
    assert store.get("caf\udce9").trace_id == "caf\udce9"
    with pytest.raises(
        InputError, match=r"several traces .* '0190ab': '0190ab-1', '0190ab-2', '0190ab-2-more'"
    ):
        store.get("0190ab")
    for unknown in ("0191", "", "%", "\udce9"):
        with pytest.raises(InputError, match="no trace has the id"):
            store.get(unknown)
    assert store.shortest_prefix("0190aa-1", least=2) == "0190aa"
    assert store.shortest_prefix("0190ab-2", least=2) == "0190ab-2"
    assert store.shortest_prefix("0190aa-1") == "0190aa-1"
    for name in ("0190aa-1", "0190ab-1", "0190ab-2-more", "caf\udce9"):
        assert store.resolve(store.shortest_prefix(name, least=1)) == name


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with TraceStore(tmp_path / "traces.db") as store:
            store.append(make_trace()).result()
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"traces.db": 0o600, "traces.db-wal": 0o600, "traces.db-shm": 0o600}


def test_a_missing_store_is_made_only_where_asked(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"no\.db: there are no traces yet"):
        TraceStore(tmp_path / "no.db", create=False)
    with pytest.raises(
        WorkspaceError, match=r"nowhere/no\.db: the trace database cannot be opened: No such file"
    ):
        TraceStore(tmp_path / "nowhere" / "no.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be taken for one" * 100)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()
    contents = text.read_bytes(), other.read_bytes()
    with pytest.raises(WorkspaceError, match=r"it is not a SQLite database"):
        TraceStore(text)
    with pytest.raises(WorkspaceError, match=r"holds something other than traces"):
        TraceStore(other)
    assert (text.read_bytes(), other.read_bytes()) == contents


def test_a_database_of_a_newer_rankscope_is_refused(tmp_path: Path) -> None:
    TraceStore(tmp_path / "traces.db").close()
    connection = sqlite3.connect(tmp_path / "traces.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(WorkspaceError, match=r"newer RankScope \(schema 99, this one knows \d+\)"):
        TraceStore(tmp_path / "traces.db")


def test_a_locked_database_is_one_error_and_no_loss_later(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "traces.db", busy_seconds=0.1)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for number in range(3):
        store.append(make_trace(number))
    with pytest.raises(WorkspaceError, match=r"3 traces were not stored: .* another process holds its lock"):
        store.flush()
    assert store.count() == 0
    other.execute("ROLLBACK")
    other.close()
    store.append(make_trace(1)).result()
    store.close()


def test_a_lock_that_is_let_go_in_time_is_waited_for(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "traces.db")
    other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, lambda: other.execute("ROLLBACK")).start()
    store.append(make_trace(1)).result()
    other.close()
    store.close()


def test_a_log_that_grew_long_is_copied_back_where_others_write_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, tried = tmp_path / "traces.db", threading.Event()
    monkeypatch.setattr(sqlite_sink, "_LONG_LOG", 1)
    monkeypatch.setattr(sqlite_sink, "_pause", tried.set)
    with TraceStore(path) as store:
        store.append(make_trace(1)).result()
        log = path.with_name("traces.db-wal")
        assert log.stat().st_size > 0  # nobody else writes: SQLite's own checkpoints do
        tried.clear()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        done = store.append(make_trace(2))
        assert tried.wait(30)
        other.execute("ROLLBACK")
        other.close()
        done.result()
        assert log.stat().st_size == 0
        assert store.count() == 2


def test_a_full_disk_is_one_error_and_what_was_committed_stays(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "traces.db")
    store.append(make_trace(1)).result()

    def leave_no_room(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    store._writer.put(None, leave_no_room).result()
    big = {"doc-1": Document("doc-1", "long " * 100_000)}
    with pytest.raises(WorkspaceError, match=r"the disk is full .*Free some space"):
        store.append(make_trace(2, documents=big)).result()
    with pytest.raises(WorkspaceError, match=r"1 trace was not stored"):
        store.flush()
    assert [trace.trace_id for trace in store.iter_traces()] == ["trace-000001"]
    store.append(make_trace(3)).result()
    store.close()


def test_a_file_that_was_removed_underneath_is_made_anew(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "traces.db")
    store.append(make_trace(1)).result()
    for path in tmp_path.iterdir():
        path.unlink()
    store.append(make_trace(2)).result()
    store.close()
    with TraceStore(tmp_path / "traces.db", create=False) as again:
        assert [trace.trace_id for trace in again.iter_traces()] == ["trace-000002"]


def test_many_threads_append_and_read_at_once(store: TraceStore) -> None:
    def work(start: int) -> None:
        for number in range(start, start + 40):
            store.append(make_trace(number)).result()
            assert store.get(f"trace-{number:06}") == make_trace(number)

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(work, range(0, 160, 40)))) == 4
    assert store.count() == 160


def test_a_full_queue_waits_and_loses_nothing(tmp_path: Path) -> None:
    with TraceStore(tmp_path / "traces.db", queue_size=2) as store:
        for number in range(50):
            store.append(make_trace(number))
        store.flush()
        assert store.count() == 50


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "traces.db")
    store.append(make_trace(1))
    store.close()
    store.close()
    with pytest.raises(WorkspaceError, match="the trace store is closed"):
        store.append(make_trace(2))
    with pytest.raises(WorkspaceError, match="the trace store is closed"):
        store.count()


def test_an_error_while_a_store_closes_is_raised(tmp_path: Path) -> None:
    with (
        pytest.raises(TraceError, match="1 trace was not stored"),
        TraceStore(tmp_path / "traces.db") as store,
    ):
        store.append(make_trace(1, top_k=2**70))
