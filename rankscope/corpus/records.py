"""Records of structured sources to documents: which keys are read, and what is wrong with a bad one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rankscope.core.documents import Document
from rankscope.errors import CorpusError

__all__ = ["MAX_PASSAGE", "Columns", "Record", "Rejections", "clipped", "document_of", "empty_text"]

MAX_PASSAGE = 1 << 20
"""Most bytes of one line and most characters of one text: 1 MiB. No model reads a thousandth of that, and a
longer line is nearly always a file that has lost its line ends."""

_ID_KEYS = ("_id", "id", "doc_id")
_TEXT_KEYS = ("text", "contents", "body")
_TITLE_KEYS = ("title",)
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
_KEPT_MESSAGES = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """A document and where in the source it stands; ``line`` is None for a part of a text file."""

    document: Document
    path: Path
    line: int | None


@dataclass
class Rejections:
    """What happens to a bad record: strict raises the first, lenient leaves it out, counted and listed."""

    lenient: bool = False
    count: int = 0
    messages: list[str] = field(default_factory=list)
    """One line each, the first thousand."""
    notes: list[str] = field(default_factory=list)
    """What was left out by rule and not for a fault, such as files of other kinds."""

    def reject(self, error: CorpusError, *, harmless: bool = False) -> None:
        """Raise the error when strict, else note it; a harmless one is always only noted."""
        if not self.lenient and not harmless:
            raise error
        self.count += 1
        if len(self.messages) < _KEPT_MESSAGES:
            self.messages.append(error.message)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which key or column holds what."""

    text: str
    doc_id: str | None
    title: str | None

    @classmethod
    def choose(
        cls,
        names: Sequence[str],
        *,
        text: str | None = None,
        doc_id: str | None = None,
        title: str | None = None,
        path: Path,
        line: int | None = None,
        title_may_lack: bool = False,
    ) -> Columns:
        """Find the columns by the given names, else by the usual ones, letter case aside.

        Raises CorpusError when there is no text column, or a named one is not there (a title may lack in
        single records of some formats).
        """
        found_text = _find(names, text, _TEXT_KEYS, "text", path, line)
        if found_text is None:
            raise CorpusError(
                f"no text: expected {_alternatives(_TEXT_KEYS)}, found {_listed(names)}.",
                path=path,
                line=line,
                remedy="Name it with --text-column.",
            )
        return cls(
            found_text,
            _find(names, doc_id, _ID_KEYS, "id", path, line),
            None
            if title_may_lack and title is not None and title not in names
            else _find(names, title, _TITLE_KEYS, "title", path, line),
        )


def _find(
    names: Sequence[str], named: str | None, usual: Sequence[str], role: str, path: Path, line: int | None
) -> str | None:
    if named is not None:
        if named in names:
            return named
        raise CorpusError(
            f"no {clipped(named)}: the {role} was said to be there, found {_listed(names)}.",
            path=path,
            line=line,
            remedy=f"Correct --{role}-column.",
        )
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in usual if name in by_lower), None)


def document_of(
    values: Mapping[str, Any],
    columns: Columns,
    path: Path,
    line: int,
    *,
    default_id: str | None = None,
    flat: bool = False,
) -> Document:
    """The document of one record; keys that are not read otherwise become metadata, null ones are absent.

    An object under ``metadata`` is opened, unless the source is ``flat`` and has no objects. Raises
    CorpusError when id, text, title or metadata are missing or of the wrong kind, or the text is too long.
    """
    doc_id = _identifier(values.get(columns.doc_id) if columns.doc_id else None, default_id, path, line)
    text = _string(values[columns.text], columns.text, path, line)
    title = _string(values[columns.title], columns.title, path, line) if columns.title else ""
    if len(text) > MAX_PASSAGE:
        raise CorpusError(
            f"the text of document {clipped(doc_id)} has {len(text):,} characters, at most {MAX_PASSAGE:,}"
            " are read.",
            path=path,
            line=line,
            remedy="Split it into passages.",
        )
    read = {columns.doc_id, columns.text, columns.title}
    rest = {key: value for key, value in values.items() if key not in read and value is not None}
    return Document(doc_id, text, title, rest if flat else _metadata(rest, path, line))


def empty_text(document: Document, path: Path, line: int) -> CorpusError | None:
    """What to say of a document with neither text nor title; None when it has one of them."""
    if document.text.strip() or document.title.strip():
        return None
    return CorpusError(
        f"the text of document {clipped(document.doc_id)} is empty.",
        path=path,
        line=line,
        remedy="Give it a text or a title, or leave bad records out with --skip-bad.",
    )


def _identifier(value: Any, default: str | None, path: Path, line: int) -> str:
    if value is None and default is not None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return value
    what = "there is no id" if value is None else f"the id is {clipped(value)}"
    raise CorpusError(
        f"{what}: expected {_alternatives(_ID_KEYS)} with text or a whole number.",
        path=path,
        line=line,
        remedy="Give each document an id of its own, or name where it is with --id-column.",
    )


def _string(value: Any, name: str, path: Path, line: int) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    kind = _KINDS.get(type(value), type(value).__name__)
    raise CorpusError(f"{clipped(name)} is {kind}, expected text.", path=path, line=line)


def _metadata(rest: dict[str, Any], path: Path, line: int) -> dict[str, Any]:
    """The ``metadata`` object with the other keys beside it."""
    if "metadata" not in rest:
        return rest
    inner = rest.pop("metadata")
    if not isinstance(inner, Mapping):
        kind = _KINDS.get(type(inner), "text")
        raise CorpusError(f'"metadata" is {kind}, expected an object.', path=path, line=line)
    for key in inner.keys() & rest.keys():
        if inner[key] != rest[key]:
            raise CorpusError(
                f'{clipped(key)} has one value in "metadata" and another beside it.',
                path=path,
                line=line,
                remedy="Keep one of them.",
            )
    return {**inner, **rest}


def clipped(value: Any, length: int = 60) -> str:
    """A value as Python writes it, control characters escaped, cut for a message."""
    text = repr(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(clipped(name, 30) for name in names[:8])
    return (shown + (", …" if len(names) > 8 else "")) or "nothing"


def _alternatives(names: Sequence[str]) -> str:
    *first, last = (f'"{name}"' for name in names)
    return f"{', '.join(first)} or {last}" if first else last
