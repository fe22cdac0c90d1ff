"""Bars and curves over scores, drawn with plotext: the one file that knows it.

plotext draws glyphs without colour; colour is added here by glyph and column, from the theme. Every layer
has a glyph of its own, so that nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Bars",
    "Curves",
    "Picture",
    "ScorePlot",
    "Tick",
    "bins_for",
    "canvas_rows",
    "drawn_canvas",
    "drawn_lines",
    "preload",
]

FLOOR = "┃"
BASELINE = "┊"
_BLOCKS = "▖▗▘▝▀▄▌▐█▙▟▛▜▚▞"
_AXIS_ROWS = 2

Tick = tuple[float, str]
"""Place on the horizontal axis, 0 to 1, and what stands there."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """A histogram. Heights are cumulated layers, tallest first, each with its glyph and style."""

    layers: Sequence[tuple[NDArray, str, str]]
    """(heights by bin, glyph, style); the first one of a histogram without layers has no glyph."""
    ticks: Sequence[Tick]
    floor: float | None = None
    """Place on the horizontal axis, 0 to 1."""
    baseline: float | None = None
    """Place of the floor in force, where it is another one."""

    @property
    def drawing(self) -> object:
        """The same object in pictures that differ in their floors alone."""
        return self.layers


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Shares between 0 and 1 along the same axis; each curve is drawn with its letter."""

    places: NDArray
    """Horizontal places, 0 to 1."""
    series: Sequence[tuple[NDArray, str, str]]
    """(shares, letter, style)"""
    ticks: Sequence[Tick]
    floor: float | None = None
    baseline: float | None = None

    @property
    def drawing(self) -> object:
        """The same object in pictures that differ in their floors alone."""
        return self.series


Picture = Bars | Curves


@dataclass(slots=True)
class _Styles:
    """Style of each glyph; plain bars are dim below the floor."""

    glyphs: dict[str, str] = field(default_factory=lambda: {FLOOR: "bold $accent", BASELINE: "$muted"})


def bins_for(width: int, *, layered: bool) -> int:
    """Bins of a histogram that is ``width`` cells wide: half a cell each where one glyph is enough."""
    return max(width, 2) if layered else 2 * max(width, 2)


def canvas_rows(height: int) -> int:
    """Rows for bars in a plot that is so high."""
    return max(height - _AXIS_ROWS, 1)


def preload() -> None:
    """Import plotext beside the screen: it takes a fifth of a second."""
    import plotext  # noqa: F401


def drawn_lines(picture: Picture, width: int, height: int, canvas: str = "") -> list[Content]:
    """The picture as styled lines of ``width`` cells. ``canvas`` is what :func:`drawn_canvas` gave for it."""
    rows = canvas_rows(height)
    text = (canvas or drawn_canvas(picture, width, height)).split("\n")[:height]
    for place, glyph in ((picture.baseline, BASELINE), (picture.floor, FLOOR)):
        if place is not None:
            column = min(int(place * width), width - 1)
            text[:rows] = [line[:column].ljust(column) + glyph + line[column + 1 :] for line in text[:rows]]
    styles = _Styles()
    if isinstance(picture, Bars):
        styles.glyphs.update((glyph, style) for _, glyph, style in picture.layers if glyph)
        plain = picture.layers[0][2] if picture.layers and not picture.layers[0][1] else ""
    else:
        styles.glyphs.update((letter, style) for _, letter, style in picture.series)
        plain = ""
    cut = None if picture.floor is None else int(picture.floor * width)
    return [
        _line(line, styles.glyphs if row < rows else {}, plain, cut).truncate(width, pad=True)
        for row, line in enumerate(text)
    ]


def _line(line: str, glyphs: dict[str, str], plain: str, cut: int | None) -> Content:
    """One line, its runs of equal style put together."""
    parts: list[tuple[str, str]] = []
    for column, glyph in enumerate(line):
        if glyph in glyphs:
            style = glyphs[glyph]
        elif glyphs and plain and glyph in _BLOCKS:
            style = "$bar-dim" if cut is not None and column < cut else plain
        else:
            style = "" if glyph == " " else "$muted"
        if parts and parts[-1][1] == style:
            parts[-1] = (parts[-1][0] + glyph, style)
        else:
            parts.append((glyph, style))
    return Content.assemble(*parts)


def drawn_canvas(picture: Picture, width: int, height: int) -> str:
    """The picture as text, by plotext, without its floors: they move, and the rest takes long to draw."""
    import plotext

    figure: Any = plotext.figure
    plotext.terminal.limit(False, False)  # the room is the widget's, whatever the terminal is
    figure.clear.all()
    figure.plot_size(width, height)
    figure.canvas("default")
    figure.axes(False, axis=1)
    figure.axes(False, axis=0, side=1)
    top = _add_bars(figure, picture, height) if isinstance(picture, Bars) else _add_curves(figure, picture)
    across, upward = figure.ruler("x"), figure.ruler("y")
    across.lim(0, 1)
    across.alignment(lim="edge")
    across.ticks([place for place, _ in picture.ticks], labels=[label for _, label in picture.ticks])
    upward.lim(0, top)
    upward.alignment(lim="edge")
    upward.frequency(0)
    text: str = figure.build().string(colorless=True)
    return text


def _add_bars(figure: Any, picture: Bars, height: int) -> float:
    import numpy as np

    top = max((float(heights.max(initial=0)) for heights, _, _ in picture.layers), default=0.0) or 1.0
    for heights, glyph, _ in picture.layers:
        present = np.flatnonzero(heights)
        if not len(present):
            continue
        places = (present + 0.5) / len(heights)
        # A bin that holds anything is seen, however high the others are.
        least = top / (canvas_rows(height) * (2 if glyph else 4))
        shown = np.clip(heights[present], least, top * (1 - 1e-9))
        figure.draw(figure.signal(places.tolist(), shown.tolist(), marker=glyph or "hd").fillx())
    return top


def _add_curves(figure: Any, picture: Curves) -> float:
    import numpy as np

    for shares, letter, _ in picture.series:
        known = np.isfinite(shares)
        if known.any():
            figure.draw(
                figure.signal(
                    np.minimum(picture.places[known], 1 - 1e-9).tolist(),
                    np.minimum(shares[known], 1 - 1e-9).tolist(),
                    marker=letter,
                )
            )
    return 1.0


class ScorePlot(Widget):
    """Draws a picture in the room that there is; where the floor alone has moved, the rest is kept."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._picture: Picture | None = None
        self._canvas = ""
        self._canvas_of: tuple[object, Size] | None = None

    def show(self, picture: Picture | None) -> None:
        """Show this; None for nothing."""
        if _facts(picture) != _facts(self._picture):
            self._picture = picture
            self.refresh()

    def render(self) -> Content:
        """As many lines as there are rows."""
        picture, (width, height) = self._picture, self.size
        if picture is None or width < 8 or height < 3:
            return Content("")
        known = self._canvas_of
        if known is None or known[0] is not picture.drawing or known[1] != self.size:
            self._canvas, self._canvas_of = drawn_canvas(picture, width, height), (picture.drawing, self.size)
        return Content("\n").join(drawn_lines(picture, width, height, self._canvas))


def _facts(picture: Picture | None) -> tuple[object, ...]:
    return () if picture is None else (id(picture.drawing), picture.floor, picture.baseline)
