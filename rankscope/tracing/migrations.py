"""The trace database's schema, as numbered migrations. Append only: a released one is never edited.

Small integer keys (``seq``, ``ranking``, ``content``) keep the many rows of hits narrow; the view ``hits``
shows them under the names of the contract. Text columns hold the text as it is, except where UTF-8 cannot
(see :mod:`rankscope.tracing.columns`); ``settings``, ``models``, ``filters``, ``kept``, ``metadata``,
``details``, ``attributes``, ``doc_ids``, ``passport`` and ``evidence`` hold JSON.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

__all__ = ["STEPS", "apply_plainly", "migration_set"]

_SET = "rankscope.traces"

_TABLES = (
    """
    CREATE TABLE pipelines (
        pipeline INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        corpus TEXT NOT NULL,
        settings TEXT NOT NULL,
        models TEXT NOT NULL,
        UNIQUE (fingerprint, corpus, settings, models)
    )
    """,
    # total_ms and what follows repeat what the rankings say, so that a list of traces reads no hits.
    """
    CREATE TABLE traces (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        created_at TEXT NOT NULL,
        origin TEXT NOT NULL,
        parent_id TEXT,
        query TEXT NOT NULL,
        query_id TEXT,
        query_folded TEXT,
        filters TEXT,
        pipeline INTEGER NOT NULL REFERENCES pipelines (pipeline),
        top_k INTEGER,
        floor_value REAL,
        floor_scale TEXT,
        floor_source TEXT,
        decision TEXT,
        total_ms REAL,
        top_doc TEXT,
        top_score REAL,
        moved_doc TEXT,
        moved INTEGER,
        finding_count INTEGER NOT NULL
    )
    """,
    "CREATE INDEX traces_by_time ON traces (created_at, seq)",
    "CREATE INDEX traces_by_parent ON traces (parent_id) WHERE parent_id IS NOT NULL",
    # Apart from traces because it can be long and a list of traces does not read it.
    """
    CREATE TABLE trace_extras (
        seq INTEGER PRIMARY KEY REFERENCES traces (seq) ON DELETE CASCADE,
        kept TEXT NOT NULL,
        attributes TEXT
    )
    """,
    """
    CREATE TABLE rankings (
        ranking INTEGER PRIMARY KEY,
        trace_id TEXT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        stage TEXT NOT NULL,
        score_scale TEXT NOT NULL,
        ms REAL,
        depth INTEGER,
        status TEXT NOT NULL,
        details TEXT,
        UNIQUE (trace_id, position)
    )
    """,
    """
    CREATE TABLE contents (
        content INTEGER PRIMARY KEY AUTOINCREMENT,
        content_hash TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        text TEXT NOT NULL,
        metadata TEXT
    )
    """,
    # No declared foreign keys: checking them would halve the rate at which traces can be written. The one
    # writer fills both columns from rows of the same transaction, and the trigger below deletes.
    """
    CREATE TABLE hit_rows (
        ranking INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        doc_id TEXT NOT NULL,
        score REAL,
        content INTEGER,
        details TEXT,
        PRIMARY KEY (ranking, rank)
    ) WITHOUT ROWID
    """,
    """
    CREATE TRIGGER hits_go_with_their_ranking AFTER DELETE ON rankings BEGIN
        DELETE FROM hit_rows WHERE ranking = old.ranking;
    END
    """,
    # Documents that a trace carries although no ranking of it holds them.
    """
    CREATE TABLE other_documents (
        seq INTEGER NOT NULL REFERENCES traces (seq) ON DELETE CASCADE,
        doc_id TEXT NOT NULL,
        content INTEGER NOT NULL,
        PRIMARY KEY (seq, doc_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE findings (
        trace_id TEXT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        code TEXT NOT NULL,
        severity TEXT NOT NULL,
        message TEXT NOT NULL,
        doc_ids TEXT,
        PRIMARY KEY (trace_id, position)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX findings_by_code ON findings (code, trace_id)",
    """
    CREATE TABLE judgments (
        judgment INTEGER PRIMARY KEY,
        query TEXT NOT NULL,
        doc_id TEXT NOT NULL,
        grade INTEGER NOT NULL,
        judge TEXT NOT NULL,
        created_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX judgments_by_query ON judgments (query, doc_id)",
    """
    CREATE TABLE floors (
        floor INTEGER PRIMARY KEY,
        created_at TEXT NOT NULL,
        value REAL,
        score_scale TEXT NOT NULL,
        method TEXT NOT NULL,
        passport TEXT NOT NULL,
        evidence TEXT NOT NULL
    )
    """,
    # How often contents were deleted: tells a writer in another process to forget the keys it remembers.
    "CREATE TABLE upkeep (id INTEGER PRIMARY KEY CHECK (id = 1), contents_removed INTEGER NOT NULL)",
    "INSERT INTO upkeep VALUES (1, 0)",
)


def _rank_moves(given: str) -> str:
    """Every document of the list that the reranker was given (before) and of the one that it gave (after).

    Each stands once, at its best rank. ``move`` is places gained (negative: lost); it is NULL, like the
    rank, where one of the lists does not hold the document. The arms of the UNION stay flat so that a
    condition on trace_id reaches the tables. ``given`` limits which list may count as the one before.
    """
    return f"""
    CREATE VIEW rank_moves AS
    SELECT r.trace_id, t.created_at, t.query, a.doc_id, b.rank AS before_rank, a.rank AS after_rank,
        b.rank - a.rank AS move, b.score AS before_score, a.score AS after_score
    FROM rankings r
    JOIN traces t ON t.id = r.trace_id
    JOIN rankings p ON p.trace_id = r.trace_id AND p.position = (
        SELECT max(q.position) FROM rankings q
        WHERE q.trace_id = r.trace_id AND q.stage <> 'rerank' AND q.status IN ('ok', 'partial'){given}
    )
    JOIN hit_rows a ON a.ranking = r.ranking
    LEFT JOIN hit_rows b ON b.ranking = p.ranking AND b.doc_id = a.doc_id AND NOT EXISTS (
        SELECT 1 FROM hit_rows c WHERE c.ranking = b.ranking AND c.rank < b.rank AND c.doc_id = b.doc_id
    )
    WHERE r.stage = 'rerank' AND r.status IN ('ok', 'partial') AND NOT EXISTS (
        SELECT 1 FROM hit_rows c WHERE c.ranking = a.ranking AND c.rank < a.rank AND c.doc_id = a.doc_id
    )
    UNION ALL
    SELECT r.trace_id, t.created_at, t.query, b.doc_id, b.rank, NULL, NULL, b.score, NULL
    FROM rankings r
    JOIN traces t ON t.id = r.trace_id
    JOIN rankings p ON p.trace_id = r.trace_id AND p.position = (
        SELECT max(q.position) FROM rankings q
        WHERE q.trace_id = r.trace_id AND q.stage <> 'rerank' AND q.status IN ('ok', 'partial'){given}
    )
    JOIN hit_rows b ON b.ranking = p.ranking
    WHERE r.stage = 'rerank' AND r.status IN ('ok', 'partial')
        AND NOT EXISTS (SELECT 1 FROM hit_rows a WHERE a.ranking = r.ranking AND a.doc_id = b.doc_id)
        AND NOT EXISTS (
            SELECT 1 FROM hit_rows c WHERE c.ranking = b.ranking AND c.rank < b.rank AND c.doc_id = b.doc_id
        )
    """  # noqa: S608  # the only part put in is ours


_VIEWS = (
    """
    CREATE VIEW hits AS
    SELECT r.trace_id, r.stage, h.rank, h.doc_id, h.score, c.content_hash, h.details
    FROM hit_rows h
    JOIN rankings r ON r.ranking = h.ranking
    LEFT JOIN contents c ON c.content = h.content
    """,
    _rank_moves(""),
    """
    CREATE VIEW stage_latency AS
    WITH timed AS (
        SELECT stage, ms, row_number() OVER (PARTITION BY stage ORDER BY ms) AS place,
            count(*) OVER (PARTITION BY stage) AS runs
        FROM rankings WHERE ms IS NOT NULL AND status IN ('ok', 'partial')
    )
    SELECT stage, runs, avg(ms) AS mean_ms,
        min(CASE WHEN place * 2 >= runs THEN ms END) AS p50_ms,
        min(CASE WHEN place * 20 >= runs * 19 THEN ms END) AS p95_ms,
        max(ms) AS max_ms
    FROM timed GROUP BY stage ORDER BY stage
    """,
    # margin is the distance to the floor, NULL where there is none or it is on another scale.
    """
    CREATE VIEW rerank_scores AS
    SELECT t.id AS trace_id, t.created_at, t.query, h.rank, h.doc_id, h.score, r.score_scale,
        t.floor_value, t.floor_scale,
        CASE WHEN t.floor_scale = r.score_scale THEN h.score - t.floor_value END AS margin,
        EXISTS (SELECT 1 FROM json_each(x.kept) WHERE value = h.doc_id) AS kept
    FROM rankings r
    JOIN traces t ON t.id = r.trace_id
    JOIN trace_extras x ON x.seq = t.seq
    JOIN hit_rows h ON h.ranking = r.ranking
    WHERE r.stage = 'rerank' AND r.status IN ('ok', 'partial')
    """,
)


_BEFORE_IS_AHEAD = ("DROP VIEW rank_moves", _rank_moves(" AND q.position < r.position"))
"""A stage that stands behind the reranker is not what the reranker was given."""

_JUDGMENTS = (
    "ALTER TABLE judgments ADD COLUMN kind TEXT NOT NULL DEFAULT 'grade'",
    "ALTER TABLE judgments ADD COLUMN borderline INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE judgments ADD COLUMN note TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE judgments ADD COLUMN content_hash TEXT",
    "ALTER TABLE judgments ADD COLUMN trace_id TEXT",
    "ALTER TABLE judgments ADD COLUMN retracts INTEGER REFERENCES judgments (judgment)",
    "CREATE INDEX judgments_by_retracted ON judgments (retracts) WHERE retracts IS NOT NULL",
    # What holds now: of each judge's grades (and of each model's proposals) the newest that was not taken
    # back. Several judges may hold different grades of one document.
    """
    CREATE VIEW standing_judgments AS
    SELECT j.* FROM judgments j
    WHERE j.kind <> 'retraction'
        AND NOT EXISTS (SELECT 1 FROM judgments r WHERE r.retracts = j.judgment)
        AND NOT EXISTS (
            SELECT 1 FROM judgments later
            WHERE later.query = j.query AND later.doc_id = j.doc_id AND later.judge = j.judge
                AND later.kind = j.kind AND later.judgment > j.judgment
                AND NOT EXISTS (SELECT 1 FROM judgments r WHERE r.retracts = later.judgment)
        )
    """,
)

_FIRST_USES = (
    # The trace with which each was stored first: none with a lower seq refers to it.
    "ALTER TABLE contents ADD COLUMN first_seq INTEGER",
    "ALTER TABLE pipelines ADD COLUMN first_seq INTEGER",
)

_PENDING_FREES = (
    # What deleted traces held and other traces may hold too: whoever deletes works it off, or who comes next
    # where that was interrupted. AUTOINCREMENT, so that what is added meanwhile is told from what was read.
    """
    CREATE TABLE pending_frees (
        free INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        key INTEGER NOT NULL,
        first_seq INTEGER NOT NULL
    )
    """,
    # How often traces were deleted: tells the list index to drop their lines.
    "ALTER TABLE upkeep ADD COLUMN traces_removed INTEGER NOT NULL DEFAULT 0",
)

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("m001_traces", _TABLES + _VIEWS),
    ("m002_before_is_ahead_of_rerank", _BEFORE_IS_AHEAD),
    ("m003_judgments", _JUDGMENTS),
    ("m004_first_uses", _FIRST_USES),
    ("m005_pending_frees", _PENDING_FREES),
)
"""Name and statements of every migration, oldest first."""


def migration_set() -> Migrations:
    """The steps as sqlite-utils migrations, each of which runs in one transaction."""
    from sqlite_utils import Migrations

    migrations = Migrations(_SET)
    for name, statements in STEPS:

        def run(db: Database, statements: tuple[str, ...] = statements) -> None:
            for statement in statements:
                db.execute(statement)

        migrations(name=name)(run)
    return migrations


def apply_plainly(connection: sqlite3.Connection) -> None:
    """Apply what is pending inside the open transaction, and note it where sqlite-utils does.

    For background threads of services: importing sqlite-utils imports pandas where that is installed, for
    half a second, and fails in a process that is about to end.
    """
    run = connection.execute
    run("""
        CREATE TABLE IF NOT EXISTS "_sqlite_migrations" (
            "id" INTEGER PRIMARY KEY, "migration_set" TEXT, "name" TEXT, "applied_at" TEXT
        )
    """)
    run("""
        CREATE UNIQUE INDEX IF NOT EXISTS "idx__sqlite_migrations_migration_set_name"
        ON "_sqlite_migrations" ("migration_set", "name")
    """)
    applied = {row[0] for row in run("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (_SET,))}
    for name, statements in STEPS:
        if name not in applied:
            for statement in statements:
                run(statement)
            note = (_SET, name, str(datetime.now(UTC)))
            run("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)", note)
