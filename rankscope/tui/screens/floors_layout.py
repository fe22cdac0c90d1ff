"""The parts of the floors screen, and how a state is drawn on them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from rankscope.core.sanitize import one_line, visible
from rankscope.tui import cells
from rankscope.tui.floors_sentences import floors_sentence, passport_lines
from rankscope.tui.floors_state import FloorsPhase, FloorsState
from rankscope.tui.floors_views import (
    consequence_lines,
    floor_title,
    legend,
    list_row,
    picture,
    plot_title,
    source_line,
)
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.suggestion_views import suggestion_row
from rankscope.tui.widgets.folded_text import FoldedText
from rankscope.tui.widgets.frame import FrameRule
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.laid_out import LaidOut
from rankscope.tui.widgets.mode_title import ModeTitle
from rankscope.tui.widgets.row_list import RowList, RowsOnDemand
from rankscope.tui.widgets.score_plot import ScorePlot
from rankscope.tui.widgets.status_line import StatusLine
from rankscope.tui.widgets.vertical_rule import VerticalRule

__all__ = ["FloorsLayout"]

_ABOUT = Content.assemble(
    ("Where should an answer end and a refusal begin?\n\n", "bold"),
    (
        "The floor drops what scores below it. Choose it by looking at real scores: this screen draws them "
        "as soon as there are traces. Three ways to a first histogram:\n\n",
        "$muted",
    ),
    ("  1  ", "bold $primary"),
    ("go to the probe and run a few queries; each is kept as a trace\n", "$muted"),
    ("  rankscope traces import FILE  ", "bold"),
    ("reads a log, such as traces/sample.jsonl\n", "$muted"),
    ("  rankscope listen  ", "bold"),
    ("takes the spans of a running application\n\n", "$muted"),
    ("  r  ", "bold $primary"),
    ("looks again", "$muted"),
)


class FloorsLayout(ModeScreen):
    """Draws a :class:`~rankscope.tui.floors_state.FloorsState`; knows nothing of keys or the store."""

    CSS_PATH = "floors.tcss"
    passage_shown = ""
    """Document whose text stands on the screen."""

    def compose(self) -> ComposeResult:
        """The widgets, from the top."""
        yield ModeTitle("floors")
        yield Static(Content(""), id="floors-source", markup=False)
        yield FrameRule("╭┬╮", id="floors-top")
        with Horizontal(id="floors-top-parts"):
            with Vertical(id="floors-plot-part"):
                yield ScorePlot(id="floors-plot")
                yield Static(Content(""), id="floors-legend", markup=False)
            yield VerticalRule(self._draw_rules, id="floors-divider-top")
            yield Static(Content(""), id="floors-said", markup=False)
        yield FrameRule("├┼┤", id="floors-middle")
        with Horizontal(id="floors-low-parts"):
            yield RowList(id="floors-list")
            yield VerticalRule(self._draw_rules, id="floors-divider-low")
            yield LaidOut(id="floors-methods")
            yield FoldedText(id="floors-passage")
        yield FrameRule("╰┴╯", id="floors-bottom")
        yield Static(_ABOUT, id="floors-nothing", markup=False)
        yield StatusLine(id="status")
        yield KeyLine(id="keys")

    @property
    def drawn_state(self) -> FloorsState:
        """The state on the screen."""
        raise NotImplementedError

    def draw(self, state: FloorsState, old: FloorsState | None = None) -> None:
        """Bring every part up to date."""
        with self.app.batch_update():
            self.set_class(state.phase is not FloorsPhase.READY, "-nothing")
            self.set_class(state.listed == "documents", "-documents")
            self.query_one(ModeTitle).show(*self._title_facts(state))
            self.query_one(StatusLine).show(floors_sentence(state))
            self._draw_source(state)
            self._draw_plot(state)
            self._draw_list(state)
            self._draw_methods(state, old)
            self._draw_rules()
        if old is None or _keys_depend_on(state) != _keys_depend_on(old):
            self.refresh_bindings()
        self.call_after_refresh(self._draw_rules)

    def on_resize(self) -> None:
        """Bars and lines are made for the width that there is."""
        self.call_after_refresh(self._draw_source, self.drawn_state)
        self.call_after_refresh(self._draw_plot, self.drawn_state)
        self.call_after_refresh(self._draw_rules)

    def _title_facts(self, state: FloorsState) -> tuple[Content, Content]:
        left = Content.styled(one_line(self.workspace.name, 32), "bold")
        if state.reading is None:
            return left, Content("")
        traces = state.reading.gathered.traces
        reading = Content.styled("reading  ", "$primary") if state.busy or state.suggesting else Content("")
        return left, reading + cells.amount(traces, "trace")

    def _draw_source(self, state: FloorsState) -> None:
        _update(self.query_one("#floors-source", Static), source_line(state, self.size.width - 2))

    def _draw_plot(self, state: FloorsState) -> None:
        plot, said = self.query_one(ScorePlot), self.query_one("#floors-said", Static)
        plot.show(picture(state, plot.size.width))
        _update(self.query_one("#floors-legend", Static), legend(state, plot.size.width))
        _update(said, Content("\n").join(consequence_lines(state, max(said.size.width - 1, 20))))

    def _draw_list(self, state: FloorsState) -> None:
        count = state.rows

        def rows(width: int) -> tuple[Sequence[Content], None]:
            if count:
                return RowsOnDemand(count, lambda row: list_row(state, row, width)), None
            if state.looked is None:
                return (), None
            words = Content.styled(_nothing_listed(state), "$muted")
            return tuple(Content(" ") + line for line in words.wrap(width - 2)), None

        chosen = state.row if state.part == "list" and count else None
        self.query_one("#floors-list", RowList).show(rows, chosen)

    def _draw_methods(self, state: FloorsState, old: FloorsState | None) -> None:
        def lines(width: int) -> Content:
            rows: list[Content] = []
            for item in state.suggestions:
                rows += suggestion_row(item, width, chosen=item.method == state.method)
            if state.suggesting:
                rows.append(Content.styled(" asking the methods …", "$muted"))
            for name, words in passport_lines(state):
                text = Content.assemble((f"{name:<9}", "$muted"), (visible(words), ""))
                rows += text.wrap(width)
            return Content("\n").join(rows)

        methods = self.query_one("#floors-methods", LaidOut)
        methods.show(lines)
        if state.method and (old is None or old.method != state.method):
            above = state.suggestions[: self._place_of(state)]
            rows = sum(len(suggestion_row(item, methods.inner_width, chosen=False)) for item in above)
            methods.scroll_to(y=rows, animate=False)

    def _place_of(self, state: FloorsState) -> int:
        found = (place for place, item in enumerate(state.suggestions) if item.method == state.method)
        return next(found, 0)

    def action_scroll_side(self, pages: int) -> None:
        """Scroll suggestions and passport, or the text of the document, by a page."""
        shown = "#floors-passage" if self.drawn_state.listed == "documents" else "#floors-methods"
        side = self.query_one(shown)
        side.scroll_relative(y=pages * max(side.outer_size.height - 1, 1), animate=False)

    def draw_passage(self, doc_id: str, title: str, text: str) -> None:
        """The document of the chosen row."""
        self.passage_shown = doc_id
        pinned = Content.styled(cells.shorten(title or doc_id, 200), "bold")
        body = Content(visible(text, keep_newlines=True))
        self.query_one("#floors-passage", FoldedText).show(pinned, body, of=doc_id)

    def _draw_rules(self) -> None:
        state = self.drawn_state
        at = self.query_one("#floors-said").region.x - 1
        if state.phase is not FloorsPhase.READY or at < 1:
            return
        here = "bold $primary"
        self.query_one("#floors-top", FrameRule).show(
            plot_title(state, self.query_one(ScorePlot).size.width),
            floor_title(state, self.query_one("#floors-said").region.width - 3),
            at,
        )
        listed = " QUERIES THAT CHANGE " if state.listed == "queries" else " DOCUMENTS AT THE FLOOR "
        other = Content.styled(" TEXT ", here)
        if state.listed == "queries":
            whole = (
                Content.assemble(("! ", "bold"), ("in full ", "$muted")) if state.suggestions else Content("")
            )
            other = Content.styled(" SUGGESTIONS ", here) + whole
        self.query_one("#floors-middle", FrameRule).show(Content.styled(listed, here), other, at)
        self.query_one("#floors-bottom", FrameRule).show(Content(""), Content(""), at)


def _update(part: Static, text: Content) -> None:
    """Draw a part of fixed size anew, where it says something else."""
    if not (isinstance(part.content, Content) and text.is_same(part.content)):
        part.update(text, layout=False)


def _nothing_listed(state: FloorsState) -> str:
    if state.listed == "documents":
        return "No documents are known here." if not state.busy else "Reading the documents."
    if state.said is not None and state.said.floor == state.said.baseline:
        return "Move the floor: queries that change stand here. e shows documents at the floor."
    return "No query changes."


def _keys_depend_on(state: FloorsState) -> tuple[object, ...]:
    return (
        state.phase,
        state.part,
        state.listed,
        bool(state.rows),
        any(item.value is not None for item in state.suggestions),
        state.other_axis,
        0 if state.reading is None else len(state.reading.gathered.groups),
    )
