"""CSV with a header line; the delimiter is found from it. Columns not read otherwise become metadata."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rankscope.core.counting import counted
from rankscope.corpus.lines import read_lines
from rankscope.corpus.options import LoadOptions
from rankscope.corpus.records import (
    MAX_PASSAGE,
    Columns,
    Record,
    Rejections,
    clipped,
    document_of,
    empty_text,
)
from rankscope.errors import CorpusError

__all__ = ["read"]

_DELIMITERS = (",", "\t", ";", "|")


@dataclass
class _Feed:
    """Lines for the csv reader; bad ones are remembered, for the record that they belong to to fail."""

    path: Path
    number: int = 0
    errors: dict[int, CorpusError] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        for line in read_lines(self.path):
            self.number = line.number
            if line.error is not None:
                self.errors[line.number] = line.error
            yield line.text + "\n"


def read(path: Path, options: LoadOptions, rejections: Rejections) -> Iterator[Record]:
    """Stream the documents of a file. Without an id column a document is called by file and record number.

    A quoted field may span lines; a record is reported by the line on which it begins.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_PASSAGE))
    feed = _Feed(path)
    lines = iter(feed)
    header_line = next(lines)
    if feed.errors:
        raise feed.errors[1]
    header = _header(header_line, options, path)
    columns = Columns.choose(
        header.names,
        text=options.text_column,
        doc_id=options.id_column,
        title=options.title_column,
        path=path,
        line=1,
    )
    records = _records(feed, csv.reader(lines, delimiter=header.delimiter, strict=True))
    for count, (line, fields) in enumerate(records, start=1):
        try:
            if isinstance(fields, CorpusError):
                raise fields
            values = _values(fields, header.names, path, line)
            default_id = f"{path.name}#{count}" if columns.doc_id is None else None
            document = document_of(values, columns, path, line, default_id=default_id, flat=True)
            empty = empty_text(document, path, line)
            if empty is not None:
                raise empty
        except CorpusError as error:
            rejections.reject(error)
        else:
            yield Record(document, path, line)


def _records(feed: _Feed, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str] | CorpusError]]:
    """The first line of each record, and its fields or what is wrong with it; blank lines are passed over."""
    while True:
        first = feed.number + 1
        result: list[str] | CorpusError | None
        try:
            result = next(reader, None)
        except csv.Error as error:
            result = _broken(error, feed.path, first, feed.number)
        bad = next((feed.errors[line] for line in range(first, feed.number + 1) if line in feed.errors), None)
        if bad is None and result is None:
            return
        if bad is not None or result:
            yield first, bad or result or []


@dataclass(frozen=True, slots=True)
class _Header:
    names: list[str]
    delimiter: str


def _header(line: str, options: LoadOptions, path: Path) -> _Header:
    """The column names, by the given delimiter or the one that splits the header into the most columns."""
    candidates = (options.delimiter,) if options.delimiter else _DELIMITERS
    if path.name.removesuffix(".gz").endswith(".tsv") and not options.delimiter:
        candidates = ("\t",)
    try:
        splits = [_Header(next(csv.reader([line], delimiter=mark, strict=True)), mark) for mark in candidates]
    except (csv.Error, TypeError) as error:
        raise CorpusError(
            f"the header cannot be read: {error}.", path=path, line=1, remedy="Expected column names."
        ) from error
    header = max(splits, key=lambda split: len(split.names))
    twice = sorted({name for name in header.names if header.names.count(name) > 1})
    if twice:
        raise CorpusError(
            f"the header names {clipped(twice[0])} twice.", path=path, line=1, remedy="Rename one of them."
        )
    return header


def _values(fields: list[str], names: list[str], path: Path, line: int) -> dict[str, str | None]:
    """Values by column; an empty cell is absent."""
    if len(fields) != len(names):
        raise CorpusError(
            f"the record has {counted(len(fields), 'field')}, the header {len(names)}.",
            path=path,
            line=line,
            remedy="Put fields that hold the delimiter, a quote or a line end in double quotes.",
        )
    return {name: value or None for name, value in zip(names, fields, strict=True)}


def _broken(error: csv.Error, path: Path, first: int, last: int) -> CorpusError:
    through = f" (the record runs to line {last})" if last > first else ""
    return CorpusError(
        f"not valid CSV: {error}{through}.",
        path=path,
        line=first,
        remedy="Close every quoted field, and write a quote inside one twice.",
    )
