"""Pruning deletes what was asked for, and everything that hung on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rankscope.core.documents import Document
from rankscope.core.trace import Finding, PipelineInfo
from rankscope.errors import UsageError, WorkspaceError
from rankscope.tracing import deletion
from rankscope.tracing import store as trace_store
from rankscope.tracing.store import TraceStore
from tests.tracing.make import START, make_trace

TABLES = (
    "traces",
    "trace_extras",
    "rankings",
    "hit_rows",
    "other_documents",
    "findings",
    "contents",
    "pipelines",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore(tmp_path / "traces.db") as opened:
        for number in range(6):
            own = Document(f"own-{number}", f"only in {number}")
            trace = make_trace(
                number,
                documents={**make_trace().documents, own.doc_id: own},
                findings=(Finding("RS101", "error", "m", ("doc-1",)),),
                pipeline=PipelineInfo(fingerprint=f"sha256:{number}"),
            )
            opened.append(trace)
        opened.flush()
        yield opened


def rows(path: Path) -> dict[str, int]:
    connection = sqlite3.connect(path)
    counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return counts


def names(store: TraceStore) -> list[str]:
    return [trace.trace_id[-1] for trace in store.iter_traces(oldest_first=True)]


def test_by_date(store: TraceStore) -> None:
    assert store.count_prunable(before=START + timedelta(minutes=2)) == 2
    assert store.prune(before=START + timedelta(minutes=2)) == 2
    assert names(store) == ["2", "3", "4", "5"]


def test_by_number_kept(store: TraceStore) -> None:
    assert store.count_prunable(keep=1) == 5
    assert store.prune(keep=1) == 5
    assert names(store) == ["5"]
    assert store.prune(keep=1) == 0


def test_by_both_only_what_both_allow(store: TraceStore) -> None:
    assert store.prune(keep=5, before=START + timedelta(minutes=3)) == 1
    assert names(store) == ["1", "2", "3", "4", "5"]


def test_by_id(store: TraceStore) -> None:
    assert store.prune(ids=["trace-000003", "trace-000003", "unknown"]) == 1
    assert names(store) == ["0", "1", "2", "4", "5"]


def test_nothing_of_a_deleted_trace_is_left_and_shared_texts_stay(store: TraceStore) -> None:
    assert rows(store.path) == {
        **{
            "traces": 6,
            "trace_extras": 6,
            "rankings": 12,
            "hit_rows": 48,
            "other_documents": 6,
            "findings": 6,
        },
        **{"contents": 4 + 6, "pipelines": 6},
    }
    store.prune(keep=1)
    assert rows(store.path) == {
        **{"traces": 1, "trace_extras": 1, "rankings": 2, "hit_rows": 8, "other_documents": 1, "findings": 1},
        **{"contents": 4 + 1, "pipelines": 1},
    }
    store.prune(keep=0)
    assert set(rows(store.path).values()) == {0}


def test_nothing_of_a_trace_deleted_by_its_id_is_left_and_shared_texts_stay(store: TraceStore) -> None:
    store.prune(ids=[f"trace-{number:06}" for number in range(5)])
    assert rows(store.path) == {
        **{"traces": 1, "trace_extras": 1, "rankings": 2, "hit_rows": 8, "other_documents": 1, "findings": 1},
        **{"contents": 4 + 1, "pipelines": 1},
    }
    store.prune(ids=["trace-000005"])
    assert set(rows(store.path).values()) == {0}


def test_what_is_stored_while_a_deletion_looks_for_texts_keeps_its_texts(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = deletion.spare_what_is_used
    newcomer = make_trace(9, pipeline=PipelineInfo(fingerprint="sha256:5"))

    def stored_meanwhile(*arguments: Any) -> None:
        spare(*arguments)
        with TraceStore(store.path) as other:
            other.append(newcomer).result()

    monkeypatch.setattr(trace_store, "spare_what_is_used", stored_meanwhile)
    assert store.prune(ids=[f"trace-{number:06}" for number in range(6)]) == 6
    assert rows(store.path)["contents"] == 4
    assert rows(store.path)["pipelines"] == 1
    assert store.get(newcomer.trace_id) == newcomer


def deleted(store: TraceStore, trace_id: str) -> tuple[deletion.Freed, int]:
    """What is freed by deleting a trace, and how many looks it took to find out."""
    connection = sqlite3.connect(store.path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    looks = []

    @contextmanager
    def reading() -> Iterator[sqlite3.Connection]:
        looks.append(True)
        yield connection

    deletion.delete_traces(connection, [trace_id])
    freed = deletion.pending(connection)
    assert freed is not None
    deletion.spare_what_is_used(reading, freed)
    connection.execute("DELETE FROM pending_frees")
    connection.close()
    return freed, len(looks)


def test_the_search_for_other_uses_ends_where_they_are_found_or_begin(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_FIRST_LOOK", 1)
    monkeypatch.setattr(deletion, "_MOST", 1)
    # Each trace holds four texts that all hold, and a text and a pipeline of its own.
    for number, looks in (
        (5, 1),  # the four in the newest left, which is older than its own text
        (2, 3),  # the four in the newest; its own text in none of those since it was stored
    ):
        freed, taken = deleted(store, f"trace-{number:06}")
        assert (list(freed.contents.values()), list(freed.pipelines.values())) == ([number + 1], [number + 1])
        assert taken == looks


class Unplugged(BaseException):
    """Not an Exception, like Ctrl-C, which would end the test run where a test fails to catch it."""


@pytest.mark.parametrize("screen", [False, True])
def test_closing_the_store_while_a_deletion_looks_for_texts_leaves_them_to_who_comes_next(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch, screen: bool
) -> None:
    spare = deletion.spare_what_is_used

    def closed_meanwhile(*arguments: Any) -> None:
        store.close()
        spare(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(trace_store, "spare_what_is_used", closed_meanwhile)
        assert store.prune(ids=["trace-000002", "trace-000003"]) == 2
    assert rows(store.path)["contents"] == 4 + 6
    with TraceStore(store.path) as later:
        if screen:
            later.prepare_lists()
        else:
            later.append(make_trace(9, pipeline=PipelineInfo(fingerprint="sha256:3"))).result()
        for _ in range(5):  # each waits for a step at least
            later.flush()
    assert rows(store.path)["contents"] == 4 + 4
    assert rows(store.path)["pipelines"] == (4 if screen else 5)  # one of the two is in use again
    assert left_over(store.path) == 0


@pytest.mark.parametrize("way", ["by id", "by number", "nothing to delete"])
def test_what_an_interruption_left_goes_with_the_next_deletion(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    def interrupted(*_: Any) -> None:
        raise Unplugged

    with monkeypatch.context() as patched:
        patched.setattr(trace_store, "spare_what_is_used", interrupted)
        with pytest.raises(Unplugged):
            store.prune(ids=["trace-000002"])
    assert (rows(store.path)["traces"], rows(store.path)["contents"]) == (5, 4 + 6)
    if way == "by id":
        assert store.prune(ids=["trace-000000"]) == 1
    elif way == "by number":
        assert store.prune(keep=4) == 1
    else:
        assert store.prune(keep=5) == 0
    assert rows(store.path)["contents"] == 4 + rows(store.path)["traces"]
    assert rows(store.path)["pipelines"] == rows(store.path)["traces"]
    assert left_over(store.path) == 0


def test_the_count_is_true_where_a_later_part_of_a_deletion_fails(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_store, "_PAGE", 2)
    delete = deletion.delete_traces

    def busy(connection: sqlite3.Connection, ids: list[str]) -> deletion.Deleted:
        if "trace-000002" in ids:
            raise WorkspaceError("another process holds its lock")
        return delete(connection, ids)

    monkeypatch.setattr(trace_store, "delete_traces", busy)
    assert store.prune(ids=[f"trace-{number:06}" for number in range(4)]) == 2
    assert names(store) == ["2", "3", "4", "5"]
    with pytest.raises(WorkspaceError, match="another process"):
        store.prune(ids=["trace-000002"])


def test_texts_are_deleted_in_portions_and_traces_stored_between_them(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_PORTION", 2)
    monkeypatch.setattr(deletion, "_NOTES", 3)
    delete, newcomer = (
        deletion.delete_freed,
        make_trace(9, documents={"own-4": Document("own-4", "only in 4")}),
    )
    steps: list[tuple[int, int]] = []

    def look(connection: sqlite3.Connection, freed: deletion.Freed) -> bool:
        more = delete(connection, freed)
        run = connection.execute
        (texts,), (traces,) = (
            run(f"SELECT count(*) FROM {name}").fetchone() for name in ("contents", "traces")
        )
        steps.append((texts, traces))
        if len(steps) == 1:
            store.append(newcomer)
        return more

    monkeypatch.setattr(trace_store, "delete_freed", look)
    assert store.prune(ids=[f"trace-{number:06}" for number in range(5)]) == 5
    # Texts of their own: two, two, and one that the newcomer uses; then five pipelines and what was noted.
    assert steps[:3] == [(4 + 6 - 2, 1), (4 + 6 - 4, 2), (4 + 6 - 4, 2)]
    assert rows(store.path)["contents"] == 4 + 2
    assert rows(store.path)["pipelines"] == 2
    assert store.get(newcomer.trace_id) == newcomer
    assert left_over(store.path) == 0


def test_space_is_given_back_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "_PAGES", 20)
    give_back, free = deletion.give_back, []

    def look(connection: sqlite3.Connection) -> bool:
        more = give_back(connection)
        free.append(connection.execute("PRAGMA freelist_count").fetchone()[0])
        return more

    monkeypatch.setattr(trace_store, "give_back", look)
    with TraceStore(tmp_path / "big.db") as store:
        for number in range(10):
            store.append(make_trace(number, documents={"doc-1": Document("doc-1", f"{number} " * 20_000)}))
        store.prune(ids=[f"trace-{number:06}" for number in range(9)])
        assert free[-1] == 0
        assert len(free) > 3
        assert all(more - less <= 20 for more, less in pairwise(free))
        assert store.path.stat().st_size < 9 * 40_000 / 2
        assert Path(f"{store.path}-wal").stat().st_size == 0


def left_over(path: Path) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM pending_frees").fetchone()
    connection.close()
    return int(count)


def test_texts_of_a_database_from_before_first_uses_were_noted_are_looked_for_to_the_end(
    store: TraceStore,
) -> None:
    connection = sqlite3.connect(store.path)
    with connection:
        connection.execute("UPDATE contents SET first_seq = NULL")
        connection.execute("UPDATE pipelines SET first_seq = NULL")
    connection.close()
    assert store.prune(ids=["trace-000002"]) == 1
    assert rows(store.path)["contents"] == 4 + 5
    assert rows(store.path)["pipelines"] == 5
    assert [len(trace.documents) for trace in store.iter_traces()] == [5] * 5


def test_a_number_of_a_ranking_that_is_given_again_hides_no_use(store: TraceStore) -> None:
    """The newest trace is deleted, and the next one gets the numbers of its rankings."""
    with TraceStore(store.path) as other:
        other.prune(ids=["trace-000005"])
    store.append(make_trace(7)).result()
    store.prune(ids=[f"trace-{number:06}" for number in range(5)])
    assert rows(store.path)["contents"] == 4
    assert len(store.get("trace-000007").documents) == 4


def test_texts_that_another_process_pruned_are_stored_again(store: TraceStore) -> None:
    with TraceStore(store.path) as other:
        assert other.prune(keep=0) == 6
    trace = make_trace(7)
    store.append(trace).result()
    assert store.get(trace.trace_id) == trace
    assert rows(store.path)["contents"] == 4


def test_numbers_are_not_used_again(store: TraceStore) -> None:
    store.prune(keep=0)
    store.append(make_trace(9)).result()
    assert store.last_seq() == 7


def test_the_file_shrinks(tmp_path: Path) -> None:
    with TraceStore(tmp_path / "big.db") as store:
        for number in range(40):
            text = {"doc-1": Document("doc-1", f"{number} " * 20_000)}
            store.append(make_trace(number, documents=text))
        store.prune(keep=40)  # writes the log back
        store.prune(keep=39)
        before = store.path.stat().st_size
        store.prune(keep=1)
        assert store.path.stat().st_size < before / 5


def test_a_prune_without_limits_is_refused(store: TraceStore) -> None:
    with pytest.raises(UsageError, match="nothing says which traces to delete"):
        store.prune()
    with pytest.raises(UsageError, match="keep is -1"):
        store.prune(keep=-1)
    store.flush()
    assert store.count() == 6
