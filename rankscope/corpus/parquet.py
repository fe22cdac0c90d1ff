"""Parquet: one document a row, in batches. Columns not read otherwise become metadata."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from rankscope.core.documents import Document
from rankscope.corpus.lines import decode_error
from rankscope.corpus.options import LoadOptions
from rankscope.corpus.records import Columns, Record, Rejections, document_of, empty_text
from rankscope.errors import CorpusError

__all__ = ["read"]

_BATCH = 500
_PANDAS_INDEX = "__index_level_"


def read(path: Path, options: LoadOptions, rejections: Rejections) -> Iterator[Record]:
    """Stream the documents of a file; a problem is reported by row, from 1.

    Binary columns other than the text are left out and noted. Without an id column a document is called by
    file and row.
    """
    with _opened(path) as parquet:
        names = [name for name in parquet.schema_arrow.names if not name.startswith(_PANDAS_INDEX)]
        columns = Columns.choose(
            names,
            text=options.text_column,
            doc_id=options.id_column,
            title=options.title_column,
            path=path,
        )
        binary = _binary_columns(parquet.schema_arrow) - {columns.text, columns.doc_id, columns.title}
        if binary:
            listed = ", ".join(sorted(binary))
            rejections.notes.append(f"{path}: binary columns are left out: {listed}.")
        row = 0
        for batch in parquet.iter_batches(_BATCH, columns=[name for name in names if name not in binary]):
            for values in batch.to_pylist():
                row += 1
                try:
                    document = _document(values, columns, path, row)
                except CorpusError as error:
                    rejections.reject(error)
                else:
                    yield Record(document, path, row)


def _document(values: dict[str, Any], columns: Columns, path: Path, row: int) -> Document:
    try:
        plain = _plain(values)
    except UnicodeDecodeError as error:
        raise decode_error(error, path, row) from error
    default_id = f"{path.name}#{row}" if columns.doc_id is None else None
    document = document_of(plain, columns, path, row, default_id=default_id)
    empty = empty_text(document, path, row)
    if empty is not None:
        raise empty
    return document


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as parquet:
            yield parquet
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise CorpusError(
            f"cannot be read as Parquet: {reason}", path=path, remedy="Write the file again."
        ) from error


def _binary_columns(schema: Any) -> set[str]:
    from pyarrow import types

    tests = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return {item.name for item in schema if any(test(item.type) for test in tests)}


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; a float that is not a number is absent, as pandas means it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value if value is None or isinstance(value, str | int) else str(value)
