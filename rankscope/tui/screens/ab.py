"""Two pipelines side by side on the same queries: the paired difference, and the queries won and lost.

Stands over the screen that opened it. Comparing takes seconds and goes on beside the screen.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from rankscope.core.sanitize import one_line
from rankscope.engine.deciding import Compared, compared_of
from rankscope.engine.workspace import Workspace
from rankscope.tui import ab_views, keys
from rankscope.tui.ab_state import AbState, Shown, ab_sentence
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.ab_keys import AB_KEYS, AB_MORE, AB_NOTES
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.threads import reason
from rankscope.tui.widgets.frame import FrameRule
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.laid_out import LaidOut
from rankscope.tui.widgets.mode_title import ModeTitle
from rankscope.tui.widgets.row_list import RowList
from rankscope.tui.widgets.status_line import StatusLine

__all__ = ["AbScreen"]


class PipelinesCompared(Message):
    """A comparison was made of these two pipelines."""

    def __init__(self, pair: tuple[str, str], compared: Compared) -> None:
        super().__init__()
        self.pair = pair
        self.compared = compared


class NotCompared(Message):
    """A comparison cannot be made; ``reason`` is one line."""

    def __init__(self, pair: tuple[str, str], reason: str) -> None:
        super().__init__()
        self.pair = pair
        self.reason = reason


class AbScreen(ModeScreen):
    """Owns one frozen :class:`~rankscope.tui.ab_state.AbState`. ``pipelines`` are the ones to choose from."""

    MODE: ClassVar[str] = "verdict"
    KEYS = AB_KEYS
    NOTES = AB_NOTES
    CSS_PATH = "ab.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(AB_KEYS), *AB_MORE]
    AUTO_FOCUS = ""

    state: var[AbState] = var(AbState("", ""))

    def __init__(self, workspace: ProbeWorkspace, a: str, b: str, pipelines: tuple[str, ...] = ()) -> None:
        super().__init__(workspace)
        # The probe's protocol names less than a workspace offers.
        self.deciding = cast(Workspace, workspace)
        self.pipelines = pipelines
        self.set_reactive(AbScreen.state, AbState(a, b))

    def compose(self) -> ComposeResult:
        """The widgets, from the top."""
        yield ModeTitle(self.MODE)
        yield Static(Content(""), id="ab-head", markup=False)
        yield FrameRule("╭─╮", id="ab-top")
        yield RowList(id="ab-queries")
        yield FrameRule("├─┤", id="ab-middle")
        yield LaidOut(id="ab-lists")
        yield FrameRule("╰─╯", id="ab-bottom")
        yield StatusLine(id="status")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Compare beside the screen."""
        self._draw(self.state)
        self._compare()

    def on_resize(self) -> None:
        """The lists take a third of a high screen; the head is laid out by width."""
        self.query_one("#ab-lists").styles.height = max(3, min((self.size.height - 14) // 3, 12))
        self._draw(self.state)

    def watch_state(self, _old: AbState, new: AbState) -> None:
        """Draw what changed."""
        if self.is_mounted:
            self._draw(new)
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Which keys work now."""
        if action in ("step", "page", "turn"):
            return self.state.compared is not None
        if action == "open_side":
            return self.state.query is not None
        if action == "next_pipeline":
            return len(self.pipelines) > 2
        return True

    def _draw(self, state: AbState) -> None:
        left = Content.assemble(("A/B  ", "bold"), (one_line(self.workspace.name, 32), "$muted"))
        self.query_one(ModeTitle).show(left)
        self.query_one(StatusLine).show(ab_sentence(state))
        found = None if state.compared is None else state.compared.comparison
        words = Content("") if found is None else ab_views.head(found, self.size.width - 2)
        self.query_one("#ab-head", Static).update(words)
        self._draw_queries(state)
        self._draw_lists(state)
        self._draw_rules(state)

    def _draw_queries(self, state: AbState) -> None:
        queries, place = state.queries, state.place

        def rows(width: int) -> tuple[list[Content], Content]:
            made = [
                ab_views.query_row(query, width, chosen=number == place)
                for number, query in enumerate(queries)
            ]
            return made, ab_views.query_heading(width)

        self.query_one("#ab-queries", RowList).show(rows, place if queries else None)

    def _draw_lists(self, state: AbState) -> None:
        query, compared = state.query, state.compared
        lists = self.query_one("#ab-lists", LaidOut)
        if query is None or compared is None:
            lists.show(lambda _: Content(""))
            return
        grades = compared.grades(query.query_id)
        a, b = state.trace("a"), state.trace("b")
        lists.show(lambda width: ab_views.side_lists(a, b, grades, width, 50))

    def _draw_rules(self, state: AbState) -> None:
        words = {Shown.ALL: "ALL QUERIES", Shown.WON: "QUERIES B WINS", Shown.LOST: "QUERIES B LOSES"}
        title = Content.assemble(
            (f" {words[state.shown]} ", "bold $primary"), (f"{len(state.queries):,} ", "")
        )
        self.query_one("#ab-top", FrameRule).show(title, Content(""), None)
        below = Content.styled(" FINAL LISTS  A │ B ", "bold $primary")
        self.query_one("#ab-middle", FrameRule).show(below, Content(""), None)
        self.query_one("#ab-bottom", FrameRule).show(Content(""), Content(""), None)

    # Comparing

    def _compare(self) -> None:
        pair = (self.state.a, self.state.b)
        self.threads.start(partial(self._compare_pair, pair), "rankscope-compare")

    def _compare_pair(self, pair: tuple[str, str]) -> None:
        try:
            compared = compared_of(self.deciding, *pair)
        except Exception as error:  # noqa: BLE001  # said on the screen, which stays usable
            self.threads.post(NotCompared(pair, reason(error)))
        else:
            self.threads.post(PipelinesCompared(pair, compared))

    @on(PipelinesCompared)
    def _compared(self, message: PipelinesCompared) -> None:
        if message.pair == (self.state.a, self.state.b):
            self.state = self.state.finished(message.compared)

    @on(NotCompared)
    def _not_compared(self, message: NotCompared) -> None:
        if message.pair == (self.state.a, self.state.b):
            self.state = self.state.failed(message.reason)

    # Keys

    def action_leave(self) -> None:
        """Back to the screen below."""
        self.dismiss()

    def action_step(self, by: int) -> None:
        """Another query."""
        self.state = self.state.stepped(by)

    def action_page(self, by: int) -> None:
        """As many queries on as the list is high."""
        self.action_step(by * max(self.query_one("#ab-queries").outer_size.height - 2, 1))

    def action_turn(self) -> None:
        """The queries won, lost, or all."""
        self.state = self.state.turned()

    def action_open_side(self, side: str) -> None:
        """The chosen query's trace of one side."""
        trace = self.state.trace(side)
        if trace is not None:
            self.open_stored(trace.trace_id)

    def action_swap(self) -> None:
        """A becomes B."""
        self.state = AbState(self.state.b, self.state.a)
        self._compare()

    def action_next_pipeline(self) -> None:
        """Another pipeline as B."""
        others = [name for name in self.pipelines if name != self.state.a]
        place = others.index(self.state.b) if self.state.b in others else -1
        self.state = AbState(self.state.a, others[(place + 1) % len(others)])
        self._compare()

    @on(RowList.Clicked, "#ab-queries")
    def _query_clicked(self, message: RowList.Clicked) -> None:
        self.state = self.state.stepped(message.place - self.state.place)
