"""What the methods suggest as a floor: a row or two each, and in full. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from rankscope.core.counting import counted
from rankscope.core.sanitize import visible
from rankscope.tui import cells
from rankscope.tui.floors_views import floor_words
from rankscope.tui.verdict_views import interval_text

if TYPE_CHECKING:
    from rankscope.insight.floors.suggestion import Suggestion

__all__ = ["suggestion_row", "suggestions_text"]


def suggestion_row(item: Suggestion, width: int, *, chosen: bool) -> list[Content]:
    """What one method suggests, with interval and evidence; its warning below where there is one."""
    mark, count, wide = "▶" if chosen else " ", f"n {item.queries:,}", width >= 44
    name = f"{mark}{cells.fit(item.method, 18 if wide else 11)} "
    if item.value is None:
        head = Content.assemble((name, "$muted"), ("no floor", "$fall"))
    else:
        value = f"{floor_words(item.value):<7}"
        bounds = "" if item.low is None or item.high is None else f"[{short(item.low)}, {short(item.high)}]"
        head = Content.assemble((name, "bold" if chosen else ""), (value, "bold"), f" {bounds}")
    words = item.warning
    if wide:
        gap = max(width - head.cell_length - len(count), 1)
        head += Content(" " * gap) + Content.styled(count, "$muted")
    lines = [head.truncate(width, ellipsis=True)]
    if not words and item.held_out:
        name, rate = next(iter(item.held_out.items()))
        words = f"{name} {interval_text(rate, digits=2)} on queries it was not fitted on"
    if not wide:
        words = f"{count}: {words}" if words else count
    if words:
        lines.append(Content.styled(f"  {cells.shorten(words, width - 2)}", "$muted"))
    return lines


def short(value: float) -> str:
    """A bound in three digits."""
    return f"{value:.2f}".replace("0.", ".", 1) if 0 <= value < 1 else f"{value:.3g}"


def suggestions_text(
    suggestions: Sequence[Suggestion], chosen: str, passport: Sequence[tuple[str, str]], width: int
) -> Content:
    """Every method's floor with all that is known of it, then the passport of the stored floor."""
    parts: list[Content] = []
    for item in suggestions:
        mark = "▶ " if item.method == chosen and chosen else "  "
        value = "no floor" if item.value is None else f"{item.value:.6g}"
        style = "bold $fall" if item.value is None else "bold"
        parts.append(Content.assemble((f"{mark}{item.method}  ", "bold $primary"), (value, style)))
        for name, words in _facts(item):
            parts += _fact(name, words, width) if words else []
        parts.append(Content(""))
    for name, words in passport:
        parts += _fact(name, words, width)
    return Content("\n").join(parts)


def _facts(item: Suggestion) -> list[tuple[str, str]]:
    bounds = "" if item.low is None or item.high is None else f"{item.low:.4g} to {item.high:.4g}, 95%"
    given = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in item.parameters.items()
    )
    held_out = [("held out", f"{name} {interval_text(rate)}") for name, rate in item.held_out.items()]
    return [
        ("interval", bounds),
        ("from", f"{counted(item.queries, 'query', 'queries')}, {counted(item.observations, 'score')}"),
        *held_out,
        ("with", ", ".join(given)),
        ("but" if item.value is not None else "because", visible(item.warning)),
    ]


def _fact(name: str, words: str, width: int) -> list[Content]:
    return cells.hung(Content.styled(f"  {name:<9} ", "$muted"), Content(visible(words)), width)
