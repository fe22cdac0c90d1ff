"""The slope chart: every document's place before reranking and after it, with a line between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.content import Content

from rankscope.core.trace import Ranking, Trace
from rankscope.insight.movement import Movement, compare
from rankscope.tui import cells

__all__ = ["slope_rows", "summary_lines"]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille cell: row by row, left dot and right dot."""
_LEAST_CHART = 12
_LABEL = 30


@dataclass(frozen=True, slots=True)
class _Line:
    """From one side to the other, in rows; the higher weight is drawn over the lower."""

    left: float
    right: float
    style: str
    weight: int


def summary_lines(trace: Trace, width: int) -> list[Content]:
    """What moved, in one or two lines: overlap, rank-biased overlap, tau, the largest moves."""
    before, after = trace.before, trace.after
    if before is None or after is None:
        return [Content.styled("This trace has no two orders to compare.", "$muted")]
    moved = compare(before, after, top_k=trace.top_k or 10)
    tau = "–" if moved.tau is None else f"{moved.tau:+.2f}"
    figures = Content.assemble(
        (f"overlap@{moved.top_k} ", "$muted"),
        (f"{moved.overlap:.0%}", "bold"),
        ("  RBO ", "$muted"),
        (f"{moved.rbo:.2f}", "bold"),
        ("  tau ", "$muted"),
        (tau, "bold"),
        ("  first place ", "$muted"),
        ("another document" if moved.top_changed else "the same document", "bold"),
    )
    return [figures.truncate(width, ellipsis=True), _extremes(moved).truncate(width, ellipsis=True)]


def _extremes(moved: Movement) -> Content:
    parts = [_crossed("into", moved.entered, moved.top_k, "$rise")]
    parts.append(_crossed("out of", moved.left, moved.top_k, "$fall"))
    for word, move in (("largest rise", moved.largest_rise), ("largest fall", moved.largest_fall)):
        if move is not None:
            name = cells.shorten(move.doc_id, 22)
            parts.append(Content.assemble((f"{word} ", "$muted"), cells.move(move.places), f" {name}"))
    return Content("  ").join(parts)


def _crossed(word: str, doc_ids: tuple[str, ...], top_k: int, style: str) -> Content:
    return Content.assemble((f"{len(doc_ids)}", f"bold {style}"), (f" {word} the top {top_k}", "$muted"))


def slope_rows(trace: Trace, width: int, height: int, *, first: int = 1, chosen: str = "") -> list[Content]:
    """``height`` lines: ranks ``first`` and following of both orders, joined. Lines end at the edge."""
    before, after = trace.before, trace.after
    if before is None or after is None or width < 2 * 8 + _LEAST_CHART or height < 1:
        return []
    label = min(_LABEL, (width - _LEAST_CHART) // 2)
    canvas = _canvas(_lines(trace, before, after, chosen), width - 2 * label, height, first)
    left = {hit.rank: hit.doc_id for hit in before.hits}
    right = {hit.rank: hit.doc_id for hit in after.hits}
    rows = []
    for row in range(height):
        rank = first + row
        rows.append(
            _label(left.get(rank), rank, label, chosen, trace, right=False)
            + canvas[row]
            + _label(right.get(rank), rank, label, chosen, trace, right=True)
        )
    return rows


def _lines(trace: Trace, before: Ranking, after: Ranking, chosen: str) -> list[_Line]:
    """Documents that come into the top K or leave it stand out; the chosen one most of all."""
    top_k = trace.top_k or 10
    moved = compare(before, after, top_k=top_k)
    crossing = {*moved.entered, *moved.left}
    lines = []
    for move in moved.moves:
        if move.before is None or move.after is None:
            continue
        if move.doc_id == chosen:
            style, weight = "bold $mark", 3
        elif move.doc_id in crossing:
            style, weight = ("$rise" if move.places > 0 else "$fall"), 2
        else:
            style, weight = "$bar-dim", 1
        lines.append(_Line(move.before, move.after, style, weight))
    return sorted(lines, key=lambda line: line.weight)


def _canvas(lines: list[_Line], width: int, height: int, first: int) -> list[Content]:
    """Lines in braille dots, two by four a cell; of those that share a cell the last one gives the colour."""
    dots: dict[tuple[int, int], int] = {}
    styles: dict[tuple[int, int], str] = {}
    columns, rows = 2 * width, 4 * height
    for line in lines:
        top, bottom = ((rank - first) * 4 + 1.5 for rank in (line.left, line.right))
        previous: int | None = None
        for x in range(columns):
            y = round(top + (bottom - top) * _ease(x / max(columns - 1, 1)))
            # A steep line covers several dots in one column.
            for dot in _between(y if previous is None else previous, y):
                if 0 <= dot < rows:
                    cell = (dot // 4, x // 2)
                    dots[cell] = dots.get(cell, 0) | _DOTS[dot % 4][x % 2]
                    styles[cell] = line.style
            previous = y
    return [_row(dots, styles, row, width) for row in range(height)]


def _ease(share: float) -> float:
    """Level at both ends, so that lines part clearly from their labels."""
    return share * share * (3 - 2 * share)


def _between(start: int, end: int) -> range:
    if start == end:
        return range(end, end + 1)
    return range(start + 1, end + 1) if end > start else range(end, start)


def _row(
    dots: Mapping[tuple[int, int], int], styles: Mapping[tuple[int, int], str], row: int, width: int
) -> Content:
    parts = []
    for column in range(width):
        bits = dots.get((row, column), 0)
        parts.append((chr(0x2800 + bits) if bits else " ", styles.get((row, column), "")))
    return Content.assemble(*parts)


def _label(doc_id: str | None, rank: int, width: int, chosen: str, trace: Trace, *, right: bool) -> Content:
    """A document beside its rank, the move on the right side; what is not kept is grey."""
    if doc_id is None:
        return Content(" " * width)
    dropped = right and trace.decision is not None and doc_id not in trace.kept
    style = "bold $mark" if doc_id == chosen else "$muted" if dropped else ""
    mark = "▶" if doc_id == chosen else " "
    if not right:
        return Content.assemble((f"{mark}{cells.fit(doc_id, width - 6)} ", style), (f"{rank:>3} ", "$muted"))
    before = trace.before.hit(doc_id) if trace.before is not None else None
    move = cells.move(None if before is None else before.rank - rank, dim=dropped)
    room = max(width - 11, 1)
    name = Content.assemble((f" {rank:>3} ", "$muted"), (f"{cells.fit(doc_id, room)}", style))
    line = name + Content(" ") + move
    return line.truncate(width) + Content(" " * max(width - line.cell_length, 0))
