"""The floors that were set, oldest first: appended to, never changed, so that each can be undone.

Setting a floor names the one it replaces. Two screens that both look at floor 3 cannot both replace it: the
second is told what the first one set. A floor is on disk when setting it returns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor
from rankscope.errors import FloorChanged, UsageError, WorkspaceError
from rankscope.tracing.columns import from_column, to_column
from rankscope.tracing.database import connect, one_line_errors, prepare
from rankscope.tracing.json_text import format_time, parse_time, to_json_text

__all__ = ["FloorLog", "StoredFloor"]

_COLUMNS = "floor, created_at, value, score_scale, method, passport, evidence"
_UNDONE = "undone_to"
_REPLACED = "replaces"


@dataclass(frozen=True, slots=True)
class StoredFloor:
    """One entry of the log."""

    number: int
    """Counts from 1; names this floor when another one is to replace it."""
    created_at: datetime
    value: float | None
    """None: no floor."""
    score_scale: ScoreScale
    method: str
    """``manual``, or the method that suggested the value."""
    passport: Mapping[str, Any]
    evidence: Mapping[str, Any]
    """What the value was chosen on, as plain data."""
    replaces: int | None = field(default=None)
    """Number of the floor that was in force before; None for the first."""
    undone_to: int | None = field(default=None)
    """Where this entry is an undo: the number of the floor that it brought back, 0 for none at all."""

    @property
    def source(self) -> str:
        """``manual`` or ``fitted:METHOD``, as traces name it."""
        return self.method if self.method in ("manual", "default") else f"fitted:{self.method}"

    @property
    def floor(self) -> Floor | None:
        """The floor as the pipeline takes it."""
        return None if self.value is None else Floor(self.value, self.score_scale, self.source)


class FloorLog:
    """The floors in the trace database at ``path``. Each call is one short transaction of its own.

    Raises WorkspaceError where the file cannot be used.
    """

    def __init__(self, path: Path | str, *, busy_seconds: float = 30.0) -> None:
        self.path = Path(path)
        self._busy_seconds = busy_seconds

    def history(self) -> list[StoredFloor]:
        """Every entry, the newest first; none where there is no database yet."""
        if not self.path.exists():
            return []
        with self._connection(readonly=True) as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM floors ORDER BY floor DESC").fetchall()  # noqa: S608
        return [_stored(row) for row in rows]

    def current(self) -> StoredFloor | None:
        """The floor in force; None where none was ever set, or all were undone."""
        if not self.path.exists():
            return None
        with self._connection(readonly=True) as connection:
            last = _last(connection)
        return None if last is None or last.undone_to == 0 else last

    def last_number(self) -> int | None:
        """Number of the newest entry: what :meth:`append` is to be told that it replaces."""
        if not self.path.exists():
            return None
        with self._connection(readonly=True) as connection:
            last = _last(connection)
        return None if last is None else last.number

    def append(
        self,
        value: float | None,
        score_scale: ScoreScale,
        method: str,
        *,
        replaces: int | None,
        passport: Mapping[str, Any],
        evidence: Mapping[str, Any],
    ) -> StoredFloor:
        """Set a floor. ``replaces`` is :meth:`last_number` as it was when the choice was made.

        Raises FloorChanged, and sets nothing, where another floor was set since then.
        """
        new = StoredFloor(
            0, datetime.now(UTC), value, score_scale, method, dict(passport), dict(evidence), replaces
        )
        _ = new.floor  # refuses what is not finite
        with self._writing() as connection:
            last = _last(connection)
            _refuse_if_changed(last, replaces)
            number = _insert(connection, new)
            row = connection.execute(f"SELECT {_COLUMNS} FROM floors WHERE floor = ?", (number,))  # noqa: S608
            return _stored(row.fetchone())

    def undo(self, *, replaces: int | None) -> StoredFloor:
        """Bring back the floor that the current one replaced, as a new entry; undoing again goes further.

        Where nothing was set before, the new entry has no value and ``undone_to`` 0. Raises UsageError
        where nothing is left to undo, FloorChanged as :meth:`append` does.
        """
        with self._writing() as connection:
            last = _last(connection)
            _refuse_if_changed(last, replaces)
            if last is None or last.undone_to == 0:
                raise UsageError("there is no floor to undo.")
            standing = last if last.undone_to is None else _numbered(connection, last.undone_to)
            target = None if standing.replaces is None else _numbered(connection, standing.replaces)
            # An undo is no state of its own: step to what it brought back.
            while target is not None and target.undone_to is not None:
                target = None if target.undone_to == 0 else _numbered(connection, target.undone_to)
            restored = target or StoredFloor(0, last.created_at, None, last.score_scale, "default", {}, {})
            entry = StoredFloor(
                0,
                datetime.now(UTC),
                restored.value,
                restored.score_scale,
                restored.method,
                restored.passport,
                restored.evidence,
                last.number,
                0 if target is None else target.number,
            )
            return _numbered(connection, _insert(connection, entry))

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
        """One write transaction, on disk when it ends: a floor is rare and worth the wait."""
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


def _last(connection: sqlite3.Connection) -> StoredFloor | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM floors ORDER BY floor DESC LIMIT 1").fetchone()  # noqa: S608
    return None if row is None else _stored(row)


def _numbered(connection: sqlite3.Connection, number: int) -> StoredFloor:
    row = connection.execute(f"SELECT {_COLUMNS} FROM floors WHERE floor = ?", (number,)).fetchone()  # noqa: S608
    if row is None:
        raise WorkspaceError(f"floor {number} is missing from the log of floors.")
    return _stored(row)


def _insert(connection: sqlite3.Connection, new: StoredFloor) -> int:
    evidence = {key: value for key, value in new.evidence.items() if key not in (_REPLACED, _UNDONE)}
    if new.replaces is not None:
        evidence[_REPLACED] = new.replaces
    if new.undone_to is not None:
        evidence[_UNDONE] = new.undone_to
    sql = (
        "INSERT INTO floors (created_at, value, score_scale, method, passport, evidence) "
        "VALUES (?, ?, ?, ?, ?, ?)"
    )
    values = (
        format_time(new.created_at, fixed=True),
        new.value,
        new.score_scale.value,
        to_column(new.method),
        to_json_text(dict(new.passport), "passport"),
        to_json_text(evidence, "evidence"),
    )
    number = connection.execute(sql, values).lastrowid
    assert number is not None
    return number


def _stored(row: tuple[Any, ...]) -> StoredFloor:
    number, created_at, value, score_scale, method, passport, evidence = row
    try:
        facts = dict(json.loads(evidence))
        return StoredFloor(
            number=number,
            created_at=parse_time(created_at),
            value=value,
            score_scale=ScoreScale(score_scale),
            method=from_column(method),
            passport=dict(json.loads(passport)),
            replaces=facts.pop(_REPLACED, None),
            undone_to=facts.pop(_UNDONE, None),
            evidence=facts,
        )
    except (ValueError, TypeError) as error:
        raise WorkspaceError(
            f"floor {number} in the log of floors cannot be read ({error}).",
            remedy="Was it written by another tool?",
        ) from error


def _refuse_if_changed(last: StoredFloor | None, replaces: int | None) -> None:
    if (None if last is None else last.number) == replaces:
        return
    if last is None:
        raise FloorChanged(f"floor {replaces} is gone: the log of floors is empty.", remedy="Look again.")
    value = "none" if last.value is None else f"{last.value:g}"
    when = f"{last.created_at:%Y-%m-%d %H:%M:%S} UTC"
    raise FloorChanged(
        f"another floor was set meanwhile: {value} ({last.source}) at {when}.",
        remedy="Look at it, then set yours again.",
    )
