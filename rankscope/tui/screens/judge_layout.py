"""The parts of the judge screen, and how a state is drawn on them."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from rankscope.core.sanitize import one_line
from rankscope.tui import cells
from rankscope.tui.judge_sentences import judge_sentence
from rankscope.tui.judge_state import JudgePhase, JudgeState
from rankscope.tui.judge_views import candidate_row, passage, progress_line, remarks, scale_line, title_facts
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.widgets.folded_text import FoldedText
from rankscope.tui.widgets.frame import FrameRule
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.mode_title import ModeTitle
from rankscope.tui.widgets.row_list import RowList
from rankscope.tui.widgets.status_line import StatusLine
from rankscope.tui.widgets.vertical_rule import VerticalRule

__all__ = ["JudgeLayout"]

_ABOUT = Content.assemble(
    ("Which passages answer which queries?\n\n", "bold"),
    (
        "Every measure, the floor and the verdict rest on judgments. Each query that was run stands here "
        "with its candidates, pooled from the lists of all pipelines, without ranks and scores and in an "
        "order that tells nothing of them. One key grades one candidate: ",
        "$muted",
    ),
    ("0 1 2 3", "bold $primary"),
    (".", "$muted"),
)


class JudgeLayout(ModeScreen):
    """Draws a :class:`~rankscope.tui.judge_state.JudgeState`; knows nothing of keys or the store."""

    CSS_PATH = "judge.tcss"

    def compose(self) -> ComposeResult:
        """The widgets, from the top."""
        yield ModeTitle("judge")
        yield Static(Content(""), id="judged-query", markup=False)
        yield Static(Content(""), id="progress", markup=False)
        yield FrameRule("╭┬╮", id="judge-top")
        with Horizontal(id="judge-parts"):
            yield RowList(id="candidates")
            yield VerticalRule(self._draw_rules, id="judge-divider")
            yield FoldedText(id="passage")
        yield FrameRule("├┴┤", id="judge-middle")
        yield Static(Content(""), id="remarks", markup=False)
        yield FrameRule("╰─╯", id="judge-bottom")
        yield Static(scale_line(), id="scale", markup=False)
        yield Static(_ABOUT, id="nothing", markup=False)
        yield StatusLine(id="status")
        yield KeyLine(id="keys")

    def draw(self, state: JudgeState, old: JudgeState | None = None) -> None:
        """Bring every part up to date."""
        with self.app.batch_update():
            self.set_class(state.phase is not JudgePhase.READY, "-nothing")
            self.query_one(ModeTitle).show(*title_facts(state))
            self.query_one(StatusLine).show(judge_sentence(state))
            self._draw_query(state)
            self._draw_candidates(state)
            self.query_one("#passage", FoldedText).show(*passage(state), of=state.chosen)
            self.query_one("#remarks", Static).update(remarks(state))
        if old is None or _keys_depend_on(state) != _keys_depend_on(old):
            self.refresh_bindings()
        self._draw_rules()

    def on_resize(self) -> None:
        """Gauges and rules are laid out by width; the lists see to themselves."""
        self.query_one("#progress", Static).update(progress_line(self.drawn_state, self.size.width))
        self.call_after_refresh(self._draw_rules)

    @property
    def drawn_state(self) -> JudgeState:
        """The state on the screen."""
        raise NotImplementedError

    def _draw_query(self, state: JudgeState) -> None:
        self.query_one("#progress", Static).update(progress_line(state, self.size.width))
        query = state.query
        if query is None:
            return
        where = "  ".join(f"{one_line(key)}={one_line(value)}" for key, value in query.filters.items())
        line = Content.assemble(("> ", "bold $primary"), (one_line(query.text, 1_000), "bold"))
        if where:
            line += Content.styled(f"   where {where}", "$muted")
        self.query_one("#judged-query", Static).update(line)

    def _draw_candidates(self, state: JudgeState) -> None:
        found = () if state.pool is None else state.pool.candidates

        def rows(width: int) -> tuple[list[Content], None]:
            return [candidate_row(state, number, item, width) for number, item in enumerate(found, 1)], None

        chosen = next((place for place, item in enumerate(found) if item.doc_id == state.chosen), None)
        self.query_one("#candidates", RowList).show(rows, chosen)

    def _draw_rules(self) -> None:
        state = self.drawn_state
        at = self.query_one("#judge-divider").region.x
        if state.phase is not JudgePhase.READY or at < 1:
            return
        name = Content.styled(f" {cells.shorten(state.chosen, 40)} ", "bold") if state.chosen else Content("")
        order = Content.assemble((" CANDIDATES ", "bold $primary"), ("shuffled ", "$muted"))
        self.query_one("#judge-top", FrameRule).show(order, name, at)
        self.query_one("#judge-middle", FrameRule).show(
            Content.styled(" JUDGMENTS ", "bold $primary"), Content(""), at
        )
        self.query_one("#judge-bottom", FrameRule).show(Content(""), Content(""), None)

    def action_scroll_passage(self, pages: int) -> None:
        """Scroll the passage by a page."""
        self.query_one("#passage", FoldedText).scroll_pages(pages)


def _keys_depend_on(state: JudgeState) -> tuple[object, ...]:
    proposed = state.proposal(state.chosen) is not None and state.chosen not in state.graded
    working = state.proposing is not None
    return state.phase, state.place, len(state.queries), state.candidate is not None, proposed, working
