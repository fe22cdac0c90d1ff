"""The columns of the list of traces: which there is room for, and one row as styled text."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from textual.content import Content

from rankscope.core.sanitize import one_line
from rankscope.tracing.summaries import TraceSummary
from rankscope.tui import cells

__all__ = ["Column", "heading", "plan", "row_line", "time_text"]

_SEVERITIES = {"error": "bold $error", "warning": "$fall", "info": "$muted"}
_GRAVITY = ("error", "warning", "info")
_MARKS = 3
"""Cells of the cursor's mark and of the user's, and a space."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; what ``cell`` gives has exactly ``width`` cells."""

    name: str
    width: int
    cell: Callable[[TraceSummary, int], Content]
    right: bool = False


def plan(width: int) -> tuple[Column, ...]:
    """Columns for a list of this width; what is left over goes to the query."""
    wide, middle = width >= 160, width >= 110
    columns = [
        Column("time", 19 if middle else 11, _time),
        Column("query", 0, _query),
        Column("first", 24 if wide else 16 if middle else 0, _first),
        Column("origin", 20 if wide else 12 if middle else 8, _origin),
        Column("decision", 8, _decision),
        Column("move", 5, _move),
        Column("moved", 20 if wide else 0, _moved),
        Column("ms", 6, _ms, right=True),
        Column("findings", 24 if wide else 14 if middle else 8, _findings),
    ]
    kept = [column for column in columns if column.width or column.name == "query"]
    room = width - _MARKS - sum(column.width + 1 for column in kept) + 1
    return tuple(replace(column, width=max(room, 8)) if column.name == "query" else column for column in kept)


def heading(columns: tuple[Column, ...]) -> Content:
    """Names of the columns."""
    names = [cells.fit(column.name, column.width, right=column.right) for column in columns]
    return Content.styled(" " * _MARKS + " ".join(names), "$muted")


def row_line(columns: tuple[Column, ...], row: TraceSummary, *, mark: str, marked: bool) -> Content:
    """One trace; ``mark`` is the cursor's, ``marked`` says whether the user marked it."""
    marks = Content.assemble((mark, "bold $primary"), ("●" if marked else " ", "bold $fall"), " ")
    return marks + Content(" ").join([column.cell(row, column.width) for column in columns])


def time_text(moment: datetime, width: int) -> str:
    """The local time; with year and seconds where there is room."""
    with suppress(OverflowError):  # where the local calendar ends first
        moment = moment.astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}" if width >= 19 else f"{moment:%m-%d %H:%M}"


def _time(row: TraceSummary, width: int) -> Content:
    return Content.styled(cells.fit(time_text(row.created_at, width), width), "$muted")


def _query(row: TraceSummary, width: int) -> Content:
    return Content(cells.fit(row.query, width))


def _first(row: TraceSummary, width: int) -> Content:
    return Content.styled(cells.middle(row.top_doc or "–", width), "$muted")


def _origin(row: TraceSummary, width: int) -> Content:
    return Content(cells.fit(row.origin, width))


def _decision(row: TraceSummary, width: int) -> Content:
    style = "bold $fall" if row.decision == "refuse" else "$muted"
    return Content.styled((row.decision or "–").ljust(width), style)


def _move(row: TraceSummary, width: int) -> Content:
    if row.moved is None:
        return Content.styled("–".ljust(width), "$muted")
    return (
        Content(cells.move(row.moved, width).plain[:width])
        if abs(row.moved) > 999
        else cells.move(row.moved, width)
    )


def _moved(row: TraceSummary, width: int) -> Content:
    return Content.styled(cells.middle(row.moved_doc or "" if row.moved else "", width), "$muted")


def _ms(row: TraceSummary, width: int) -> Content:
    return Content(cells.ms_text(row.total_ms).rjust(width)[:width])


def _findings(row: TraceSummary, width: int) -> Content:
    """Codes, the gravest first; those without room as a number."""
    codes = sorted(dict.fromkeys(row.findings), key=_gravity)
    line = Content("")
    for place, (code, severity) in enumerate(codes):
        shown = one_line(code, 8)
        rest = len(codes) - place - 1
        more = len(f" +{rest}") if rest else 0
        if line.cell_length + len(shown) + bool(line) + more > width:
            line += Content.styled(f" +{rest + 1}" if line else f"{rest + 1}", "$muted")
            break
        line += Content(" " if line else "") + Content.styled(shown, _SEVERITIES.get(severity, ""))
    return line + Content(" " * max(width - line.cell_length, 0))


def _gravity(finding: tuple[str, str]) -> tuple[int, str]:
    code, severity = finding
    return (_GRAVITY.index(severity) if severity in _GRAVITY else len(_GRAVITY)), code
