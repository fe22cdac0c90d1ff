"""The frame around columns and document: rules that carry titles, and the line that links the two columns."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

__all__ = ["Connector", "FrameRule", "connector_line"]


class FrameRule(Widget):
    """A horizontal rule with corners, a title at the left, and one after the junction in the middle."""

    def __init__(self, corners: str, *, id: str) -> None:
        super().__init__(id=id)
        self._corners = corners
        self._titles = (Content(""), Content(""))
        self._junction: int | None = None

    def show(self, left: Content, right: Content, junction: int | None) -> None:
        """Show these titles, with a junction at that column; None draws the rule through."""
        same = all(new.is_same(old) for new, old in zip((left, right), self._titles, strict=True))
        if same and junction == self._junction:
            return
        self._titles, self._junction = (left, right), junction
        self.refresh()

    def render(self) -> Content:
        """The rule, in the width of the screen."""
        width, at = self.size.width, self._junction
        if width < 4:
            return Content("")
        left, right = self._titles
        start, middle, end = (Content.styled(corner, "$faint") for corner in self._corners)
        if at is None:
            return start + _titled(left, width - 2) + end
        return Content("").join((start, _titled(left, at - 1), middle, _titled(right, width - at - 2), end))


def _titled(title: Content, width: int) -> Content:
    """A title in a rule of ``width`` cells."""
    if not title:
        return Content.styled("─" * max(width, 0), "$faint")
    shown = title.truncate(max(width - 3, 0), ellipsis=True)
    rest = max(width - 2 - shown.cell_length, 0)
    return Content.assemble(("─", "$faint"), shown, ("─" * (rest + 1), "$faint"))


class Connector(Widget):
    """The gutter between the columns: a line from the chosen document's place before to its place after."""

    left_y: reactive[int | None] = reactive(None)
    right_y: reactive[int | None] = reactive(None)

    def render(self) -> Content:
        """As many lines as the columns are high."""
        height = self.size.height
        lines = [connector_line(y, self.left_y, self.right_y, height) for y in range(height)]
        return Content("\n").join(lines)


def connector_line(y: int, left: int | None, right: int | None, height: int) -> Content:
    """Line ``y`` of the gutter, three cells wide.

    ``left`` and ``right`` are the lines of the chosen document in the columns, None where it is absent;
    outside of ``1..height-1`` they are scrolled away, and an arrow points there.
    """
    idle = Content.styled(" │ ", "$faint")
    if y < 1 or (left is None and right is None):
        return idle
    if left is None or right is None:
        here = left if left is not None else right
        if here != y:
            return idle
        return Content.styled("━╸ " if left is not None else " ╺━", "$muted")
    style = "$rise" if right < left else "$fall" if right > left else "$muted"
    top, bottom = max(min(left, right), 0), min(max(left, right), height)
    if left == right:
        return Content.styled("━━━", style) if y == left else idle
    if y == left:
        return Content.styled("━┓ " if right > left else "━┛ ", style)
    if y == right:
        return Content.styled(" ┗━" if right > left else " ┏━", style)
    if not top < y < bottom:
        return idle
    if y == 1 and min(left, right) < 1:
        return Content.styled(" ▲ ", style)
    if y == height - 1 and max(left, right) >= height:
        return Content.styled(" ▼ ", style)
    return Content.styled(" ┃ ", style)
