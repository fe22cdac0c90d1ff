"""The start of a file, parsed once, for every importer to look at."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from rankscope.tracing.formats.text_source import read_start, suffixes_of

__all__ = ["Head"]

_SIZE = 1 << 22
_RECORDS = 50


class Head:
    """The first 4 MB of a file: its bytes, its lines, and the JSON objects in them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suffix = suffixes_of(path)
        self.start = read_start(path, _SIZE)
        self.whole = len(self.start) < _SIZE

    @cached_property
    def text(self) -> str:
        """The start as text; what cannot be decoded is a replacement character."""
        encoding = "utf-16" if self.start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return self.start.decode(encoding, errors="replace")

    @cached_property
    def lines(self) -> list[str]:
        """The first lines that are whole and not blank."""
        lines = self.text.split("\n")
        if not self.whole and len(lines) > 1:
            lines.pop()
        return [line.rstrip("\r") for line in lines if line.strip()][:_RECORDS]

    @cached_property
    def document(self) -> Any:
        """The one JSON value that the file holds, None where it is longer than the start or not JSON."""
        stripped = self.text.lstrip()
        if not self.whole or not stripped.startswith(("{", "[")):
            return None
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The first JSON objects: one a line, the elements of a list, or one object after another."""
        if isinstance(self.document, dict):
            return [self.document]
        if isinstance(self.document, list):
            return [item for item in self.document[:_RECORDS] if isinstance(item, dict)]
        found = [value for value in map(_object, self.lines) if value is not None]
        return found or self._decode_in_turn()

    def _decode_in_turn(self) -> list[dict[str, Any]]:
        decoder, text = json.JSONDecoder(), self.text
        found: list[dict[str, Any]] = []
        place = len(text) - len(text.lstrip().removeprefix("[").lstrip())
        while place < len(text) and len(found) < _RECORDS:
            try:
                value, place = decoder.raw_decode(text, place)
            except (ValueError, RecursionError):
                break
            if isinstance(value, dict):
                found.append(value)
            while place < len(text) and text[place] in " \t\r\n,":
                place += 1
        return found

    @property
    def is_otlp(self) -> bool:
        """Whether it begins with an OTLP envelope, which may be longer than what was read."""
        return '"resourceSpans"' in self.text[:5000] or '"resource_spans"' in self.text[:5000]

    def share(self, test: Any) -> float:
        """The share of the first JSON objects for which ``test`` holds; 0 where there are none."""
        return sum(1 for item in self.records if test(item)) / len(self.records) if self.records else 0.0


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
