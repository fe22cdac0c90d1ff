"""The schema: what the contract names is there, and other tools read sensible rows."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, Ranking
from rankscope.errors import WorkspaceError
from rankscope.tracing import migrations
from rankscope.tracing.database import APPLICATION_ID, SCHEMA_VERSION, prepare
from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace

CONTRACT = {
    "pipelines": "fingerprint settings models",
    "traces": "id created_at origin parent_id query filters pipeline top_k floor_value floor_scale decision",
    "rankings": "trace_id position stage score_scale ms depth status",
    "hits": "trace_id stage rank doc_id score content_hash",
    "contents": "content_hash title text metadata",
    "judgments": "query doc_id grade judge created_at",
    "floors": "created_at value score_scale method passport evidence",
    "findings": "trace_id code severity message",
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "traces.db"
    with TraceStore(path) as store:
        for number in range(20):
            store.append(make_trace(number))
    return path


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    opened = Database(path)
    yield opened
    opened.close()


def rows(db: Database, sql: str) -> list[dict[str, Any]]:
    return list(db.query(sql))


def one_trace(tmp_path: Path, *rankings: Ranking, **changes: Any) -> Database:
    with TraceStore(tmp_path / "one.db") as store:
        store.append(make_trace(rankings=rankings, **changes))
    return Database(tmp_path / "one.db")


def ranking(stage: str, *ids: str, status: str = "ok") -> Ranking:
    hits = tuple(Hit(doc_id, rank, 1 / rank) for rank, doc_id in enumerate(ids, start=1))
    return Ranking(stage, ScoreScale.PROBABILITY, hits, ms=1.0, status=status)


@pytest.mark.parametrize("name", CONTRACT)
def test_what_the_contract_names_is_there(db: Database, name: str) -> None:
    assert name in db.table_names() + db.view_names()
    assert set(CONTRACT[name].split()) <= set(db[name].columns_dict)


def test_the_file_is_marked_and_every_migration_is_counted(db: Database) -> None:
    names = [applied.name for applied in migrations.migration_set().applied(db)]
    assert names == [name for name, _ in migrations.STEPS]
    assert [name[:4] for name in names] == [f"m{number:03}" for number in range(1, SCHEMA_VERSION + 1)]
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_opening_again_migrates_nothing(path: Path) -> None:
    before = path.read_bytes()
    TraceStore(path).close()
    assert path.read_bytes() == before


def schema_of(path: Path) -> set[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    settings = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("journal_mode", "auto_vacuum")]
    connection.close()
    # sqlite-utils writes the table of migrations in its own layout.
    return {(*row[:3], "" if "_sqlite_migrations" in row[2] else row[3]) for row in found} | set(settings)


def test_both_ways_of_migrating_end_at_the_same_schema(tmp_path: Path) -> None:
    plain, usual = tmp_path / "plain.db", tmp_path / "usual.db"
    prepare(plain, create=True, busy_seconds=1, plainly=True)
    prepare(usual, create=True, busy_seconds=1)
    assert schema_of(plain) == schema_of(usual)
    db = Database(plain)
    assert migrations.migration_set().pending(db) == []
    db.close()


@pytest.mark.parametrize("plainly", [True, False])
def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plainly: bool
) -> None:
    broken = ("m002_broken", ("CREATE TABLE t (x)", "CREATE VIEW v AS SELECT nonsense("))
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, broken))
    with pytest.raises(WorkspaceError, match="incomplete input"):
        prepare(tmp_path / "traces.db", create=True, busy_seconds=1, plainly=plainly)
    monkeypatch.undo()
    with sqlite3.connect(tmp_path / "traces.db") as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    with TraceStore(tmp_path / "traces.db") as store:
        assert store.count() == 0


def test_hits_join_by_the_ids_of_the_contract(db: Database) -> None:
    sql = """
        SELECT t.id, r.position, h.stage, h.rank, h.doc_id, h.score, c.text
        FROM hits h JOIN traces t ON t.id = h.trace_id
        JOIN rankings r ON r.trace_id = h.trace_id AND r.stage = h.stage
        JOIN contents c ON c.content_hash = h.content_hash
        WHERE t.id = 'trace-000003' AND h.stage = 'fusion' ORDER BY h.rank
    """
    assert rows(db, sql) == [
        {
            **{"id": "trace-000003", "position": 0, "stage": "fusion", "rank": rank, "doc_id": f"doc-{rank}"},
            **{"score": 1 / (60 + rank), "text": f"text of doc-{rank}"},
        }
        for rank in range(1, 5)
    ]


def test_the_content_hash_is_the_documents_where_it_has_no_metadata(tmp_path: Path) -> None:
    document = Document("a", "text", "title")
    db = one_trace(tmp_path, ranking("bm25", "a"), documents={"a": document})
    assert rows(db, "SELECT content_hash FROM hits") == [{"content_hash": document.content_hash}]
    db.close()


def test_rank_moves(tmp_path: Path) -> None:
    db = one_trace(
        tmp_path,
        ranking("bm25", "z"),
        ranking("fusion", "a", "b", "c", "lost", "b"),
        ranking("rerank", "c", "a", "new", "b", "c"),
    )
    found = rows(db, "SELECT doc_id, before_rank, after_rank, move FROM rank_moves ORDER BY after_rank")
    assert [tuple(row.values()) for row in found] == [
        ("lost", 4, None, None),
        ("c", 3, 1, 3 - 1),
        ("a", 1, 2, 1 - 2),
        ("new", None, 3, None),
        ("b", 2, 4, 2 - 4),
    ]
    db.close()


def test_a_stage_behind_the_reranker_is_not_what_it_was_given(tmp_path: Path) -> None:
    db = one_trace(
        tmp_path, ranking("fusion", "a", "b"), ranking("rerank", "b", "a"), ranking("mmr", "a", "b")
    )
    found = rows(db, "SELECT doc_id, move FROM rank_moves ORDER BY after_rank")
    assert [tuple(row.values()) for row in found] == [("b", 2 - 1), ("a", 1 - 2)]
    db.close()


@pytest.mark.parametrize("status", ["skipped:off", "failed:timeout"])
def test_no_moves_where_nothing_was_reranked(tmp_path: Path, status: str) -> None:
    db = one_trace(tmp_path, ranking("fusion", "a", "b"), ranking("rerank", status=status))
    assert rows(db, "SELECT * FROM rank_moves") == []
    assert rows(db, "SELECT * FROM rerank_scores") == []
    db.close()


def test_stage_latency(db: Database) -> None:
    # Rerank takes 100 to 119 ms: the median of 20 is the 10th, the 95th percentile the 19th.
    times = [100.0 + number for number in range(20)]
    assert rows(db, "SELECT * FROM stage_latency") == [
        {"stage": "fusion", "runs": 20, "mean_ms": 1.5, "p50_ms": 1.5, "p95_ms": 1.5, "max_ms": 1.5},
        {
            **{"stage": "rerank", "runs": 20, "mean_ms": sum(times) / 20},
            **{"p50_ms": times[9], "p95_ms": times[18], "max_ms": times[19]},
        },
    ]


def test_rerank_scores(tmp_path: Path) -> None:
    db = one_trace(
        tmp_path,
        ranking("fusion", "a", "b"),
        ranking("rerank", "b", "a"),
        floor=Floor(0.75, ScoreScale.PROBABILITY),
        kept=("b",),
    )
    found = rows(db, "SELECT doc_id, rank, score, floor_value, margin, kept FROM rerank_scores ORDER BY rank")
    assert [tuple(row.values()) for row in found] == [
        ("b", 1, 1.0, 0.75, 1.0 - 0.75, 1),
        ("a", 2, 0.5, 0.75, 0.5 - 0.75, 0),
    ]
    db.close()


def test_no_margin_to_a_floor_of_another_scale(tmp_path: Path) -> None:
    db = one_trace(tmp_path, ranking("rerank", "b"), floor=Floor(0.75, ScoreScale.LOGIT))
    assert [row["margin"] for row in rows(db, "SELECT margin FROM rerank_scores")] == [None]
    db.close()


@pytest.mark.parametrize("view", ["rank_moves", "stage_latency"])
def test_the_command_line_of_sqlite_utils_reads_the_views(path: Path, view: str) -> None:
    command = [sys.executable, "-m", "sqlite_utils", "rows", str(path), view, "--limit", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found
    assert all(row["doc_id" if view == "rank_moves" else "stage"] for row in found)
