"""The judgments that people gave: appended to, never changed, so that each can be taken back.

One judgment is one committed row. What holds now is read from the log: of each judge the newest grade of a
query and document that was not taken back. A model's proposals stand apart and are grades of nobody.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from rankscope.core.grades import GRADES, GRADES_SAID
from rankscope.errors import UsageError, WorkspaceError
from rankscope.tracing.columns import from_column, to_column
from rankscope.tracing.database import connect, one_line_errors, prepare
from rankscope.tracing.json_text import format_time, parse_time

__all__ = ["Conflict", "JudgmentKind", "JudgmentLog", "NewJudgment", "StoredJudgment"]

_COLUMNS = (
    "judgment, created_at, kind, query, doc_id, grade, judge, borderline, note, content_hash, trace_id, "
    "retracts"
)


class JudgmentKind(StrEnum):
    """What a row of the log is."""

    GRADE = "grade"
    """A person's grade, or one that was imported."""
    PROPOSAL = "proposal"
    """A model's grade, which counts only once a person gives it too."""
    RETRACTION = "retraction"
    """Takes back an earlier row."""


@dataclass(frozen=True, slots=True)
class NewJudgment:
    """A judgment to be stored."""

    query: str
    """The query's text, or its id where judgments of a query set were imported."""
    doc_id: str
    grade: int
    """0 not relevant to 3 perfect in the screens; imported grades (:data:`GRADES`) are kept as they are."""
    judge: str
    borderline: bool = False
    """Whether the document stands on the border of being relevant, for the borderline procedure."""
    note: str = ""
    content_hash: str | None = None
    """Of the text that was judged: tells later whether the document still says the same."""
    trace_id: str | None = None
    """The trace that brought the document up."""
    kind: JudgmentKind = JudgmentKind.GRADE


@dataclass(frozen=True, slots=True)
class StoredJudgment(NewJudgment):
    """One row of the log."""

    number: int = 0
    """Counts from 1, in the order of storing."""
    created_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    retracts: int | None = None
    """Number of the judgment that this row takes back."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A document of a query to which judges, as they stand now, gave different grades."""

    query: str
    doc_id: str
    judgments: tuple[StoredJudgment, ...]
    """One of each judge, the oldest first; the last one is the grade that counts."""


class JudgmentLog:
    """The judgments in the trace database at ``path``. Each call is one short transaction of its own.

    Raises WorkspaceError where the file cannot be used.
    """

    def __init__(self, path: Path | str, *, busy_seconds: float = 30.0) -> None:
        self.path = Path(path)
        self._busy_seconds = busy_seconds

    # Writing

    def append(
        self,
        query: str,
        doc_id: str,
        grade: int,
        judge: str,
        *,
        borderline: bool = False,
        note: str = "",
        content_hash: str | None = None,
        trace_id: str | None = None,
        kind: JudgmentKind = JudgmentKind.GRADE,
    ) -> StoredJudgment:
        """Store one judgment; it is on disk when this returns. Earlier ones stay in the log.

        Raises UsageError for an empty query, document or judge, or a grade that is none.
        """
        new = NewJudgment(query, doc_id, grade, judge, borderline, note, content_hash, trace_id, kind)
        return self.append_many([new])[0]

    def append_many(self, judgments: Iterable[NewJudgment]) -> list[StoredJudgment]:
        """Store several in one transaction, as imports do: all of them or none."""
        new = list(judgments)
        for item in new:
            _refuse_what_is_none(item)
        if not new:
            return []
        now = datetime.now(UTC)
        with self._writing() as connection:
            return [_numbered(connection, _insert(connection, item, now)) for item in new]

    def retract(self, number: int) -> StoredJudgment:
        """Take a judgment back, by a new row; what the judge had said before holds again.

        Raises UsageError where there is no such judgment, or it was taken back already.
        """
        with self._writing() as connection:
            return _retract(connection, _numbered(connection, number))

    def undo(self, judge: str) -> StoredJudgment:
        """Take back this judge's newest judgment that holds; again takes back the one before.

        Returns the judgment that was taken back. Raises UsageError where none is left.
        """
        sql = (
            f"SELECT {_COLUMNS} FROM judgments j WHERE judge = ? AND kind = 'grade' AND NOT EXISTS "  # noqa: S608
            "(SELECT 1 FROM judgments r WHERE r.retracts = j.judgment) ORDER BY judgment DESC LIMIT 1"
        )
        with self._writing() as connection:
            row = connection.execute(sql, (to_column(judge),)).fetchone()
            if row is None:
                raise UsageError(f"there is no judgment of {judge!r} to undo.")
            _retract(connection, _stored(row))
            return _stored(row)

    # Reading

    def history(self, query: str | None = None, doc_id: str | None = None) -> list[StoredJudgment]:
        """Every row, the newest first; of one query, or of one document of it."""
        return self._select("judgments", query, doc_id, "DESC")

    def standing(self, query: str | None = None, *, proposals: bool = False) -> list[StoredJudgment]:
        """What holds now, the oldest first: a grade of each judge for each query and document.

        With ``proposals`` also what models proposed.
        """
        found = self._select("standing_judgments", query, None, "ASC")
        return [item for item in found if proposals or item.kind is JudgmentKind.GRADE]

    def grades(self) -> dict[str, dict[str, int]]:
        """Grades by query and document; of several judges the one who spoke last counts."""
        return {
            query: {doc_id: item.grade for doc_id, item in known.items()}
            for query, known in self._counting().items()
        }

    def borderline(self) -> dict[str, frozenset[str]]:
        """Documents by query whose grade that counts was marked as borderline."""
        marked = {
            query: frozenset(doc_id for doc_id, item in known.items() if item.borderline)
            for query, known in self._counting().items()
        }
        return {query: doc_ids for query, doc_ids in marked.items() if doc_ids}

    def conflicts(self, query: str | None = None) -> list[Conflict]:
        """Where judges differ now, in the order in which the documents were first judged."""
        pairs: dict[tuple[str, str], list[StoredJudgment]] = {}
        for item in self.standing(query):
            pairs.setdefault((item.query, item.doc_id), []).append(item)
        return [
            Conflict(*pair, tuple(items))
            for pair, items in pairs.items()
            if len({item.grade for item in items}) > 1
        ]

    def last_number(self) -> int:
        """Number of the row stored last, 0 where there is none: what tells that there is something new."""
        if not self.path.exists():
            return 0
        with self._connection(readonly=True) as connection:
            (number,) = connection.execute("SELECT max(judgment) FROM judgments").fetchone()
            return number or 0

    def _counting(self) -> dict[str, dict[str, StoredJudgment]]:
        counting: dict[str, dict[str, StoredJudgment]] = {}
        for item in self.standing():
            counting.setdefault(item.query, {})[item.doc_id] = item
        return counting

    def _select(self, table: str, query: str | None, doc_id: str | None, order: str) -> list[StoredJudgment]:
        if not self.path.exists():
            return []
        wanted = {"query": query, "doc_id": doc_id}
        given = {name: to_column(value) for name, value in wanted.items() if value is not None}
        where = "".join(f" AND {name} = :{name}" for name in given)
        sql = f"SELECT {_COLUMNS} FROM {table} WHERE 1{where} ORDER BY judgment {order}"  # noqa: S608
        with self._connection(readonly=True) as connection:
            return [_stored(row) for row in connection.execute(sql, given)]

    @contextmanager
    def _connection(self, *, readonly: bool = False) -> Iterator[sqlite3.Connection]:
        prepare(self.path, create=not readonly, busy_seconds=self._busy_seconds)
        connection = connect(self.path, busy_seconds=self._busy_seconds, readonly=readonly)
        try:
            with one_line_errors(self.path):
                yield connection
        finally:
            connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction, on disk when it ends: a judgment costs a person's time."""
        with self._connection() as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _refuse_what_is_none(item: NewJudgment) -> None:
    for name, value in (("query", item.query), ("document", item.doc_id), ("judge", item.judge)):
        if not value.strip():
            raise UsageError(f"a judgment needs a {name}, this one's is empty.")
    if item.grade not in GRADES:
        raise UsageError(f"a grade is a whole number {GRADES_SAID}, this one is {item.grade!r:.40}.")
    if item.kind is JudgmentKind.RETRACTION:
        raise UsageError("a judgment is taken back by its number.")


def _retract(connection: sqlite3.Connection, target: StoredJudgment) -> StoredJudgment:
    sql = "SELECT judgment FROM judgments WHERE retracts = ?"
    if target.kind is JudgmentKind.RETRACTION:
        raise UsageError(f"judgment {target.number} takes another one back; judge again instead.")
    if connection.execute(sql, (target.number,)).fetchone() is not None:
        raise UsageError(f"judgment {target.number} was taken back already.")
    entry = NewJudgment(target.query, target.doc_id, target.grade, target.judge, kind=JudgmentKind.RETRACTION)
    number = _insert(connection, entry, datetime.now(UTC), target.number)
    return _numbered(connection, number)


def _insert(
    connection: sqlite3.Connection, item: NewJudgment, now: datetime, retracts: int | None = None
) -> int:
    values = {
        "created_at": format_time(now, fixed=True),
        "kind": item.kind.value,
        "query": to_column(item.query),
        "doc_id": to_column(item.doc_id),
        "grade": int(item.grade),
        "judge": to_column(item.judge),
        "borderline": int(item.borderline),
        "note": to_column(item.note),
        "content_hash": item.content_hash,
        "trace_id": None if item.trace_id is None else to_column(item.trace_id),
        "retracts": retracts,
    }
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    sql = f"INSERT INTO judgments ({names}) VALUES ({places})"  # noqa: S608 - the names above
    number = connection.execute(sql, values).lastrowid
    assert number is not None
    return number


def _numbered(connection: sqlite3.Connection, number: int) -> StoredJudgment:
    sql = f"SELECT {_COLUMNS} FROM judgments WHERE judgment = ?"  # noqa: S608 - the names above
    row = connection.execute(sql, (number,)).fetchone()
    if row is None:
        raise UsageError(f"there is no judgment {number}.")
    return _stored(row)


def _stored(row: tuple[Any, ...]) -> StoredJudgment:
    number, created_at, kind, query, doc_id, grade, judge, borderline, note, content, trace_id, retracts = row
    try:
        return StoredJudgment(
            query=from_column(query),
            doc_id=from_column(doc_id),
            grade=int(grade),
            judge=from_column(judge),
            borderline=bool(borderline),
            note=from_column(note),
            content_hash=content,
            trace_id=None if trace_id is None else from_column(trace_id),
            kind=JudgmentKind(kind),
            number=number,
            created_at=parse_time(created_at),
            retracts=retracts,
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"judgment {number} in the trace database cannot be read ({error}).",
            remedy="Was it written by another tool?",
        ) from error
