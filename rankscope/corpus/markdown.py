"""Markdown to sections: the text under each heading, and the headings above it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

__all__ = ["FrontMatter", "Section", "fenced_spans", "front_matter", "sections"]

_FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_HEADING = re.compile(
    r"^ {0,3}(?P<marks>\#{1,6})(?:[ \t]+(?P<atx>[^\n]*?))?(?:[ \t]+\#+)?[ \t\r]*$"
    r"|^(?! {0,3}(?:[-*+>|]|\d+[.)])[ \t])(?P<setext>[^\n]*\S[^\n]*)\n {0,3}(?P<rule>=+|-{2,})[ \t\r]*$",
    re.MULTILINE,
)
_FRONT_MATTER = re.compile(r"\A---[ \t\r]*\n(?P<body>.*?)^---[ \t\r]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FRONT_LINE = re.compile(r"(?P<key>[A-Za-z_][\w .-]*):[ \t]+(?P<value>[^\s>|&*!\[{].*)")
_LONGEST_FRONT_MATTER = 10_000


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The ``key: value`` block at the head of a file."""

    values: dict[str, str]
    end: int
    """Where the text after it begins."""


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading, down to the next; ``text[start:end]`` is without the heading."""

    headings: tuple[str, ...]
    """From the outermost to its own; empty for what stands before the first heading."""
    start: int
    end: int
    has_parts: bool
    """Whether a deeper heading follows at once, whose sections carry this heading too."""


def front_matter(text: str) -> FrontMatter:
    """The block of plain ``key: value`` lines between two ``---`` lines at the top.

    A block with anything else in it (lists, nested values) is not understood here, and stays in the text.
    """
    match = _FRONT_MATTER.match(text, 0, _LONGEST_FRONT_MATTER)
    values: dict[str, str] = {}
    for line in match["body"].splitlines() if match else []:
        if not line.strip() or line.startswith("#"):
            continue
        pair = _FRONT_LINE.fullmatch(line.rstrip())
        if pair is None:
            return FrontMatter({}, 0)
        values[pair["key"].strip()] = pair["value"].strip().strip("\"'")
    return FrontMatter(values, match.end() if match and values else 0)


def fenced_spans(text: str, start: int = 0) -> list[tuple[int, int]]:
    """Ranges of fenced code from ``start`` on, fences included; one that is never closed runs to the end."""
    spans: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text, start):
        if opened is None:
            if "`" not in fence.group().strip().lstrip("`"):  # else inline code that fills the line
                opened = fence
        elif fence.group().strip().startswith(opened["mark"]) and not fence.group().strip(" \t\r`~"):
            spans.append((opened.start(), fence.end()))
            opened = None
    if opened is not None:
        spans.append((opened.start(), len(text)))
    return spans


def sections(text: str, start: int = 0) -> list[Section]:
    """The sections of a text from ``start`` on, in order; ``#`` lines inside fenced code are no headings."""
    found = _headings(text, start)
    result = [Section((), start, found[0].start if found else len(text), False)]
    path: list[_Heading] = []
    for heading, following in zip_longest(found, found[1:]):
        path = [outer for outer in path if outer.level < heading.level] + [heading]
        result.append(
            Section(
                tuple(outer.title for outer in path if outer.title),
                heading.end,
                following.start if following else len(text),
                following is not None and following.level > heading.level,
            )
        )
    return result


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    title: str
    start: int
    end: int


def _headings(text: str, start: int) -> list[_Heading]:
    fences = fenced_spans(text, start)
    found: list[_Heading] = []
    place = 0
    for match in _HEADING.finditer(text, start):
        while place < len(fences) and fences[place][1] <= match.start():
            place += 1
        if place < len(fences) and match.end() > fences[place][0]:
            continue
        if match["marks"]:
            level, title = len(match["marks"]), match["atx"] or ""
        else:
            level, title = (1 if match["rule"].startswith("=") else 2), match["setext"]
        found.append(_Heading(level, title.strip(), match.start(), match.end()))
    return found
