"""Tables as records: CSV, Parquet and SQLite, one mapping a row."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rankscope.core.counting import counted
from rankscope.errors import InputError
from rankscope.tracing.formats.records import RAW_LIMIT, Record
from rankscope.tracing.formats.text_source import has_undecoded, open_text, suffixes_of
from rankscope.tracing.formats.values import plain

__all__ = [
    "csv_delimiter",
    "open_sqlite",
    "parquet_columns",
    "read_csv",
    "read_parquet",
    "read_sqlite",
    "sqlite_tables",
]

_CELL_LIMIT = 1 << 30


def csv_delimiter(path: Path) -> str:
    """The delimiter that parts the header into most cells: a comma, tab, semicolon or bar."""
    if suffixes_of(path) == ".tsv":
        return "\t"
    with open_text(path, newline="") as stream:
        header = stream.readline()
    return max((",", "\t", ";", "|"), key=header.count)


def read_csv(path: Path, delimiter: str | None = None) -> Iterator[Record]:
    """Rows below a header, cells as text; a row with another number of cells is an error of that row.

    ``line`` is the file's line on which the row ends; a cell may hold line ends.
    """
    csv.field_size_limit(_CELL_LIMIT)
    with open_text(path, newline="") as stream:
        rows = csv.reader(stream, delimiter=delimiter or csv_delimiter(path))
        header: list[str] | None = None
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(rows.line_num, None, "", f"not valid CSV: {error}")
                continue
            if header is None:
                header = _header(row, path)
                continue
            yield _csv_row(rows.line_num, header, row)


def _header(row: list[str], path: Path) -> list[str]:
    names = [name.strip() or f"column_{place}" for place, name in enumerate(row, start=1)]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"the header names {twice!r:.60} twice.", path=path, line=1, remedy="Rename one of the columns."
        )
    return names


def _csv_row(line: int, header: list[str], row: list[str]) -> Record:
    if not row:
        return Record(line, None, "")
    if len(row) != len(header):
        reason = f"{counted(len(row), 'cell')} where the header has {len(header)}"
        return Record(line, None, json.dumps(row)[:RAW_LIMIT], reason)
    value = dict(zip(header, row, strict=True))
    raw = json.dumps(value, ensure_ascii=False)
    if has_undecoded(raw):
        return Record(line, None, json.dumps(value)[:RAW_LIMIT], "not valid UTF-8")
    return Record(line, value, raw[:RAW_LIMIT])


def parquet_columns(path: Path) -> list[str]:
    """Names of the columns. Raises InputError for a file that is not Parquet."""
    from pyarrow import parquet
    from pyarrow.lib import ArrowInvalid

    try:
        return [str(name) for name in parquet.read_schema(path).names]
    except ArrowInvalid as error:
        raise InputError(f"not a Parquet file: {error}.", path=path) from error


def read_parquet(path: Path) -> Iterator[Record]:
    """Rows of a Parquet file, numbered from 1."""
    from pyarrow import parquet
    from pyarrow.lib import ArrowInvalid

    try:
        table = parquet.ParquetFile(path)
    except ArrowInvalid as error:
        raise InputError(f"not a Parquet file: {error}.", path=path) from error
    line = 0
    with table:
        for batch in table.iter_batches(batch_size=1000):
            for row in batch.to_pylist():
                line += 1
                value = plain(row)
                yield Record(line, value, json.dumps(value, ensure_ascii=False)[:RAW_LIMIT])


def open_sqlite(path: Path) -> sqlite3.Connection:
    """A connection that can only read. Raises InputError for a file that is no database."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        connection.close()
        raise InputError(f"not a SQLite database: {error}.", path=path) from error
    return connection


def sqlite_tables(path: Path) -> dict[str, list[str]]:
    """Tables and views with their columns."""
    with closing(open_sqlite(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))]
            for (name,) in names
        }


def read_sqlite(path: Path, table: str = "", sql: str = "") -> Iterator[Record]:
    """Rows of a table, or of a SELECT, numbered from 1. The database is opened read-only."""
    with closing(open_sqlite(path)) as connection:
        quoted = '"' + table.replace('"', '""') + '"'
        try:
            cursor = connection.execute(sql or f"SELECT * FROM {quoted}")  # noqa: S608 - quoted above
            names = [column[0] for column in cursor.description or ()]
            for line, row in enumerate(cursor, start=1):
                value: dict[str, Any] = plain(dict(zip(names, row, strict=True)))
                raw = json.dumps(value, ensure_ascii=False)
                if has_undecoded(raw):
                    yield Record(line, None, json.dumps(value)[:RAW_LIMIT], "not valid UTF-8")
                else:
                    yield Record(line, value, raw[:RAW_LIMIT])
        except sqlite3.Error as error:
            raise InputError(f"cannot read {table or 'the query'}: {error}.", path=path) from error
