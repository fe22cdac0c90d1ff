"""Which figures a column shows at a width; its rows, headings and dividing lines in exactly that width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from textual.content import Content

from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale
from rankscope.tui import cells
from rankscope.tui.views import Column, Divider, Row

__all__ = ["Figure", "divider", "heading", "plan", "row"]

_SCALE_NAMES = {
    ScoreScale.PROBABILITY: "p",
    ScoreScale.COSINE: "cosine",
    ScoreScale.RRF: "rrf",
    ScoreScale.BM25: "bm25",
    ScoreScale.LOGIT: "logit",
    ScoreScale.INNER_PRODUCT: "dot",
    ScoreScale.UNKNOWN: "score",
}
MOVE_WIDTH = 5
SHARE_STYLES = ("$share-1", "$share-2")
"""Styles of the lists that a fused score is made of, in turn; their headings carry them too."""
LONGEST_ID = 24
LEAST_TITLE = 10
LEAST_BAR = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row: its heading, its width in cells and how it is drawn for a row."""

    name: str
    width: int
    draw: Callable[[Row], Content]
    right: bool = False
    style: str = "$muted"
    """Style of the heading."""


def plan(column: Column, documents: Mapping[str, Document], width: int) -> tuple[Figure, ...]:
    """The figures that fit in ``width`` cells, one cell apart.

    Ranks, moves and scores always show. What is left goes to the id, then to a bar, then to the title.
    """
    ranking = column.ranking
    last = ranking.hits[-1].rank if ranking.hits else 0
    figures = [_number(max(2, len(str(last))))]
    figures += [_list_rank(column, place) for place in range(len(column.lists))]
    if column.side == "after":
        figures.append(_move(settled=ranking.status == "ok"))
    score = _score(column)
    used = 2 + sum(figure.width + 1 for figure in (*figures, score))
    # All candidates' ids, so that the columns stay put while the reranker fills them.
    bar, name, title = _shares(column, documents or ranking.doc_ids, width - used)
    if bar:
        figures.append(_bar(column, bar))
    figures += [score, _name(name)]
    if title:
        figures.append(_title(documents, title))
    return tuple(figures)


def _shares(column: Column, doc_ids: Iterable[str], room: int) -> tuple[int, int, int]:
    """Cells for bar, id and title out of the room that ranks and score leave."""
    # The length that four ids in five keep to: one long id is cut rather than every title.
    lengths = sorted(map(len, doc_ids)) or [8]
    wanted = min(max(lengths[len(lengths) * 4 // 5], 8), LONGEST_ID, max(room * 2 // 5, 12))
    spare = room - wanted - 1 - LEAST_TITLE - 1 - LEAST_BAR - 1
    if spare >= 0:
        bar = min(LEAST_BAR + spare // 6, 14)
        return bar, wanted, room - bar - 1 - wanted - 1
    needs_bar = column.side == "after" or room - LEAST_BAR - 1 >= wanted
    bar = min(8, room - 1 - min(wanted, 12)) if needs_bar else 0
    bar = bar if bar >= LEAST_BAR else 0
    return bar, max(room - (bar + 1 if bar else 0), 4), 0


def _number(width: int) -> Figure:
    def draw(line: Row) -> Content:
        return Content.styled(str(line.hit.rank).rjust(width), "$muted" if line.dropped else "bold")

    return Figure("#", width, draw, right=True)


def _list_rank(column: Column, place: int) -> Figure:
    name, depth = column.lists[place], column.list_depths[place]
    width = max(len(name), 4)

    def draw(line: Row) -> Content:
        rank = line.hit.details.get(f"rank:{name}")
        text = cells.rank_text(None if rank is None else int(rank), depth)
        return Content.styled(text.rjust(width), "$muted" if rank is None else "")

    return Figure(name, width, draw, right=True, style=_share_style(place))


def _share_style(place: int) -> str:
    return SHARE_STYLES[place % len(SHARE_STYLES)]


def _move(*, settled: bool) -> Figure:
    def draw(line: Row) -> Content:
        return cells.move(line.moved, MOVE_WIDTH, dim=line.dropped or not settled)

    return Figure("move", MOVE_WIDTH, draw)


def _score(column: Column) -> Figure:
    scale = column.ranking.score_scale
    width = max(cells.score_width(column.ranking), len(_SCALE_NAMES[scale]))

    def draw(line: Row) -> Content:
        text = cells.score_text(line.hit.score, scale).rjust(width)
        return Content.styled(text, "$muted" if line.dropped else "")

    return Figure(_SCALE_NAMES[scale], width, draw, right=True)


def _bar(column: Column, width: int) -> Figure:
    """The score as a bar; a fused score as the shares that each list gave it."""
    scale, best = column.ranking.score_scale, column.best
    styles = [_share_style(place) for place in range(len(column.lists))]

    def draw(line: Row) -> Content:
        shares = [line.hit.details.get(f"share:{name}", 0.0) for name in column.lists]
        if best > 0 and any(shares) and not line.dropped:
            return cells.stacked_bar([share / best for share in shares], width, styles)
        share = cells.bar_fraction(line.hit.score, scale, best)
        return Content.styled(cells.bar(share, width), "$bar-dim" if line.dropped else "$bar")

    return Figure("", width, draw)


def _name(width: int) -> Figure:
    def draw(line: Row) -> Content:
        return Content.styled(cells.middle(line.hit.doc_id, width), "$muted" if line.dropped else "")

    return Figure("document", width, draw)


def _title(documents: Mapping[str, Document], width: int) -> Figure:
    def draw(line: Row) -> Content:
        return Content.styled(cells.title_or_text(documents.get(line.hit.doc_id), width), "$muted")

    return Figure("", width, draw)


def row(figures: tuple[Figure, ...], line: Row, mark: str) -> Content:
    """A document's row, after one cell for the mark of the chosen document."""
    parts = [Content.styled(mark, "bold $primary")]
    for figure in figures:
        drawn = figure.draw(line)
        space = Content(" " * (figure.width - drawn.cell_length))
        parts.append(space + drawn if figure.right else drawn + space)
    return cells.join_cells(parts)


def heading(figures: tuple[Figure, ...]) -> Content:
    """The names of the figures, over their columns."""
    parts = [Content(" ")]
    for figure in figures:
        name = cells.fit(figure.name, figure.width, right=figure.right)
        parts.append(Content.styled(name, figure.style))
    return cells.join_cells(parts)


def divider(line: Divider, width: int) -> Content:
    """``── floor 0.40 ── 47 below ──`` across the column."""
    if line.kind == "floor":
        first, second = f" floor {cells.floor_text(line.value)} ", f" {line.count} below "
        style = "bold $fall"
    else:
        first, second, style = f" K {line.value:g} ", f" {line.count} beyond K ", "bold $muted"
    rule = max(width - 1 - len(first) - len(second), 4)
    left = min(3, rule // 3)
    between = min(3, rule - left)
    return Content.assemble(
        (" " + "─" * left, "$faint"),
        (first, style),
        ("─" * between, "$faint"),
        (second, "$muted"),
        ("─" * (rule - left - between), "$faint"),
    )
