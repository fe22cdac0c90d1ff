"""JSON records of a file, however they are laid out: one a line, a list, or one object after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rankscope.tracing.formats.text_source import has_undecoded, open_text, read_lines

__all__ = ["RAW_LIMIT", "Record", "parse_json", "read_json"]

RAW_LIMIT = 1_000_000
"""Longest text that is kept of a rejected record, in characters."""


@dataclass(frozen=True, slots=True)
class Record:
    """One value, or the reason why there is none; ``line`` is where it starts, from 1."""

    line: int
    value: Any
    raw: str
    error: str = ""

    @property
    def blank(self) -> bool:
        """A line without anything on it."""
        return not self.error and self.value is None and not self.raw.strip()


def parse_json(text: str) -> Any:
    """The JSON value of a text. NaN and Infinity are read: loggers write them. Raises ValueError."""
    if has_undecoded(text):
        raise ValueError("not valid UTF-8")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: Path) -> Iterator[Record]:
    """Records of a ``.jsonl`` or ``.json`` file.

    A file whose first line is a whole JSON object has one record a line. Otherwise the whole file is tried
    as one document: a list gives its elements, an object itself. Otherwise objects that follow one another
    over several lines are taken in turn; and at last each line stands for itself, rejected where broken.
    """
    first = next((line for _, line in read_lines(path) if line.strip()), "")
    if first.lstrip()[:1] in ("{", "[") and not _is_whole_object(first):
        with open_text(path) as stream:
            text = stream.read()
        document = _document(text)
        if document is not None:
            yield from document
            return
        if first.strip() in ("{", "[", "[{"):
            yield from _in_turn(text)
            return
    for line, raw in read_lines(path):
        yield _of_line(line, raw)


def _is_whole_object(line: str) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except ValueError:
        return False


def _of_line(line: int, raw: str) -> Record:
    if not raw.strip():
        return Record(line, None, "")
    try:
        return Record(line, parse_json(raw), raw)
    except ValueError as error:
        return Record(line, None, raw[:RAW_LIMIT], f"not valid JSON: {error}")


def _document(text: str) -> list[Record] | None:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    if isinstance(value, list):
        return list(_elements(text, value))
    return [Record(1, value, text[:RAW_LIMIT])]


def _elements(text: str, values: list[Any]) -> Iterator[Record]:
    """The elements of a list with the line each starts on."""
    decoder = json.JSONDecoder()
    place, line, counted = text.index("[") + 1, 1, 0
    for value in values:
        while text[place] in " \t\r\n,":
            place += 1
        line += text.count("\n", counted, place)
        counted = place
        _, end = decoder.raw_decode(text, place)
        yield Record(line, value, text[place : min(end, place + RAW_LIMIT)])
        place = end


def _in_turn(text: str) -> Iterator[Record]:
    """Objects one after another; a broken stretch is one rejected record up to the next ``{`` at a margin."""
    decoder = json.JSONDecoder()
    place = len(text) - len(text.lstrip().removeprefix("[").lstrip())
    line, counted = 1, 0
    while place < len(text):
        line += text.count("\n", counted, place)
        counted = place
        try:
            if has_undecoded(text[place : place + 1]):
                raise ValueError("not valid UTF-8")
            value, end = decoder.raw_decode(text, place)
            if has_undecoded(text[place:end]):
                raise ValueError("not valid UTF-8")
            yield Record(line, value, text[place : min(end, place + RAW_LIMIT)])
        except (ValueError, RecursionError) as error:
            end = text.find("\n{", place + 1)
            end = len(text) if end < 0 else end + 1
            raw = text[place : min(end, place + RAW_LIMIT)].rstrip()
            if raw.strip(" \t\r\n,]"):
                yield Record(line, None, raw, f"not valid JSON: {error or 'nested too deeply'}")
        place = max(end, place + 1)
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        if text[place:].strip() == "]":
            return
