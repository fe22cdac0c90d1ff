"""A list of styled rows with one of them chosen, drawn line by line; the screen owns keys and choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, overload

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from rankscope.tui.widgets.line_view import LineView

__all__ = ["RowList", "Rows", "RowsOnDemand"]

Rows = Callable[[int], tuple[Sequence[Content], Content | None]]
"""Makes the rows, and the heading that stays above them, for a width."""


class RowsOnDemand(Sequence[Content]):
    """So many rows, each made when it is drawn: of a long list few are ever in sight."""

    def __init__(self, count: int, make: Callable[[int], Content]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Content: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Content]: ...
    def __getitem__(self, place: int | slice) -> Content | Sequence[Content]:
        if isinstance(place, slice):
            return [self._make(number) for number in range(self._count)[place]]
        return self._make(range(self._count)[place])


def _no_rows(width: int) -> tuple[Sequence[Content], Content | None]:  # noqa: ARG001
    return (), None


class RowList(LineView, can_focus=False):
    """``show`` replaces the rows; they are made anew for another width. The chosen one is scrolled to."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--chosen"}

    class Clicked(Message):
        """A row was clicked."""

        def __init__(self, row_list: RowList, place: int) -> None:
            super().__init__()
            self.row_list = row_list
            self.place = place

        @property
        def control(self) -> RowList:
            """The list."""
            return self.row_list

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._make: Rows = _no_rows
        self._heading: Content | None = None
        self._rows: Sequence[Content] = ()
        self._chosen: int | None = None

    def show(self, make: Rows, chosen: int | None) -> None:
        """Show the rows that ``make`` gives for the width that there is."""
        self._make, self._chosen = make, chosen
        self._lay_out()

    def on_resize(self) -> None:
        """Rows depend on the width."""
        self._lay_out()

    def _lay_out(self) -> None:
        if self.inner_width < 1:
            return
        self._rows, self._heading = self._make(self.inner_width)
        self.virtual_size = Size(self.inner_width, len(self._rows) + self._top)
        self._reveal()
        self.refresh()

    @property
    def _top(self) -> int:
        return 0 if self._heading is None else 1

    def _reveal(self) -> None:
        room = self.outer_size.height - self._top
        if self._chosen is None or room < 1:
            return
        top = int(self.scroll_offset.y)
        if self._chosen < top:
            self.scroll_to(y=self._chosen, animate=False)
        elif self._chosen >= top + room:
            self.scroll_to(y=self._chosen - room + 1, animate=False)

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        if y == 0 and self._heading is not None:
            return self.strip(self._heading, self.visual_style, self.inner_width)
        place = y - self._top + int(self.scroll_offset.y)
        if not 0 <= place < len(self._rows):
            return Strip.blank(self.inner_width, self.visual_style.rich_style)
        chosen = place == self._chosen
        style = self.get_visual_style("row-list--chosen") if chosen else self.visual_style
        return self.strip(self._rows[place], style, self.inner_width)

    def on_click(self, event: events.Click) -> None:
        """A click chooses the row under the pointer."""
        place = event.y - self._top + int(self.scroll_offset.y)
        if event.y >= self._top and place < len(self._rows):
            self.post_message(self.Clicked(self, place))
