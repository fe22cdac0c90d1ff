"""JSON lines: one object a line with ``_id`` (or ``id``, ``doc_id``), ``text`` (``contents``, ``body``),
``title`` and ``metadata``; any other key becomes metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from rankscope.core.documents import Document
from rankscope.corpus.lines import Line, read_lines
from rankscope.corpus.options import LoadOptions
from rankscope.corpus.records import Columns, Record, Rejections, clipped, document_of, empty_text
from rankscope.errors import CorpusError

__all__ = ["read"]

_EXPECTED = 'Expected one object a line: {"_id": "...", "title": "...", "text": "..."}.'


def read(
    path: Path, options: LoadOptions, rejections: Rejections, *, empty_is_harmless: bool = False
) -> Iterator[Record]:
    """Stream the documents of a file; blank lines are passed over.

    ``empty_is_harmless`` leaves documents without text and title out, counted, even when reading is strict.
    """
    titled = options.title_column is None
    for line in read_lines(path):
        if line.error is None and not line.text.strip():
            continue
        try:
            document = _document(line, path, options)
        except CorpusError as error:
            rejections.reject(error)
            continue
        empty = empty_text(document, path, line.number)
        if empty is not None:
            rejections.reject(empty, harmless=empty_is_harmless)
            continue
        titled = titled or bool(document.title)
        yield Record(document, path, line.number)
    if not titled:
        raise CorpusError(
            f"no line has a title under {clipped(options.title_column)}.",
            path=path,
            remedy="Correct --title-column.",
        )


def _document(line: Line, path: Path, options: LoadOptions) -> Document:
    if line.error is not None:
        raise line.error
    values = _parse(line, path)
    columns = Columns.choose(
        list(values),
        text=options.text_column,
        doc_id=options.id_column,
        title=options.title_column,
        path=path,
        line=line.number,
        title_may_lack=True,
    )
    return document_of(values, columns, path, line.number)


def _parse(line: Line, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(line.text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"not valid JSON at column {error.colno}: {error.msg}.",
            path=path,
            line=line.number,
            remedy=_EXPECTED,
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise CorpusError(
            f"not usable JSON: {reason}.", path=path, line=line.number, remedy=_EXPECTED
        ) from error
    if not isinstance(values, dict):
        raise CorpusError(
            f"the line is {clipped(values)}, not an object.", path=path, line=line.number, remedy=_EXPECTED
        )
    return values


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
