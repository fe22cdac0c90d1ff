"""The parts of the probe screen, and how a state is drawn on them."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from rankscope.core.trace import Trace
from rankscope.tui import cells
from rankscope.tui.answers import View
from rankscope.tui.findings_views import findings_line
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.sentences import sentence
from rankscope.tui.state import ProbeState, RunPhase
from rankscope.tui.views import Side, columns_of, where_absent
from rankscope.tui.widgets.document_pane import DocumentPane
from rankscope.tui.widgets.frame import Connector, FrameRule
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.query_bar import QueryBar
from rankscope.tui.widgets.ranking_table import RankingTable
from rankscope.tui.widgets.stage_rail import StageRail
from rankscope.tui.widgets.status_line import StatusLine
from rankscope.tui.widgets.title_line import TitleLine
from rankscope.tui.widgets.welcome import Welcome

__all__ = ["ProbeLayout"]

FIXED_LINES = 9
"""Title, query, rail, three rules, headings, status and keys."""


class ProbeLayout(ModeScreen):
    """Draws a :class:`~rankscope.tui.state.ProbeState`; knows nothing of runs, keys or the workspace."""

    locked = False
    """Whether the two columns scroll together."""
    _following_scroll = False

    def compose_parts(self, workspace_name: str) -> ComposeResult:
        """The widgets, from the top."""
        yield TitleLine(workspace_name, id="title")
        yield QueryBar(id="query-bar")
        yield StageRail(id="rail")
        yield FrameRule("╭┬╮", id="top-rule")
        with Horizontal(id="columns"):
            yield Welcome(id="welcome")
            yield RankingTable("before", id="before")
            yield Connector(id="link")
            yield RankingTable("after", id="after")
        yield FrameRule("├┴┤", id="document-rule")
        yield DocumentPane(id="document")
        yield FrameRule("╰─╯", id="bottom-rule")
        yield StatusLine(id="status")
        yield KeyLine(id="keys")

    def size_parts(self, height: int, view: View) -> None:
        """The document pane takes a third of what the fixed lines leave; half for a tab that explains."""
        room = max(height - FIXED_LINES, 6)
        share, most = (36, 16) if view == "text" else (52, 24)
        self.query_one("#document").styles.height = max(3, min(room * share // 100, most))

    def draw(self, state: ProbeState, old: ProbeState | None = None) -> None:
        """Bring every part up to date; lists are laid out anew only for another trace."""
        with self.app.batch_update():
            self.query_one(TitleLine).show(state)
            self.query_one(StageRail).show(state)
            self.query_one(QueryBar).show_facts(state)
            self.query_one(StatusLine).show(sentence(state))
            self.set_class(state.trace is None, "-welcome")
            self.set_class(state.trace is not None, "-results")
            if state.trace is None:
                self.query_one(Welcome).show(state.examples)
            if old is None or state.trace is not old.trace or state.run is not old.run:
                self._draw_columns(state)
            elif state.chosen != old.chosen:
                self._choose(state)
            if old is not None and old.view != state.view:
                self.size_parts(self.size.height, state.view)
            self.query_one(DocumentPane).show(state)
            self.draw_rules(state)
        if old is None or _keys_depend_on(state) != _keys_depend_on(old):
            self.refresh_bindings()

    def _draw_columns(self, state: ProbeState) -> None:
        if state.trace is None:
            return
        reranking = state.run is RunPhase.RUNNING and state.settings.rerank.enabled
        left, right = columns_of(state.trace, reranking=reranking)
        before = self.query_one("#before", RankingTable)
        after = self.query_one("#after", RankingTable)
        before.show(left, state.trace.documents, "No passage was found.")
        missing = 0 if right is None or not state.busy else state.total - len(right.ranking.hits)
        after.show(right, state.trace.documents, _why_no_after(state, state.trace), max(missing, 0))
        self._choose(state)

    def _choose(self, state: ProbeState) -> None:
        for side in ("before", "after"):
            table = self.query_one(f"#{side}", RankingTable)
            words = _absence(state, "before" if side == "before" else "after")
            table.choose(state.chosen, words, reveal=not self.locked or table.has_focus)
        self.relink()
        self.call_after_refresh(self.relink)  # again, where the columns were laid out anew

    def follow_scroll(self, table: RankingTable) -> None:
        """A column scrolled: the link follows and, where the columns are locked, the other column."""
        if self.locked and not self._following_scroll:
            self._following_scroll = True
            other = "#after" if table.side == "before" else "#before"
            self.query_one(other, RankingTable).scroll_to(y=table.scroll_y, animate=False)
            self._following_scroll = False
        self.relink()

    def relink(self) -> None:
        """Draw the line between the two places of the chosen document."""
        link = self.query_one(Connector)
        before, after = self.query_one("#before", RankingTable), self.query_one("#after", RankingTable)
        link.left_y, link.right_y = before.chosen_y, after.chosen_y
        self.draw_rules(self._drawn_state)

    @property
    def _drawn_state(self) -> ProbeState | None:
        return self.query_one(TitleLine).state

    def draw_rules(self, state: ProbeState | None) -> None:
        """Titles of the columns and of the document, in the rules above them."""
        if state is None:
            return
        top, middle = self.query_one("#top-rule", FrameRule), self.query_one("#document-rule", FrameRule)
        trace = state.trace
        if trace is None:
            self.query_one("#bottom-rule", FrameRule).show(Content(""), Content(""), None)
            top.show(_title("START", "", focused=False), Content(""), None)
            return
        at = self.query_one(Connector).region.x + 1
        at = at if at > 1 else self.size.width // 2
        focused = None if self.focused is None else self.focused.id
        width = self.size.width
        before = _title("BEFORE", _how_fused(state, trace, width), focused=focused == "before")
        after = _title("AFTER", _how_reranked(state, trace, width), focused=focused == "after")
        if trace.after is None:
            before += _decision(trace)
        else:
            after += _decision(trace)
        top.show(before, after, at)
        beside = (
            _title("beside", cells.shorten(state.other, 40), focused=False) if state.other else Content("")
        )
        tabs = self.query_one(DocumentPane).title(state)
        if tabs.cell_length > at - 4:  # across the junction, rather than with a tab cut off
            middle.show(tabs + beside, Content(""), None)
        else:
            middle.show(tabs, beside, at)
        found = findings_line(trace, width - 5)
        self.query_one("#bottom-rule", FrameRule).show(found, Content(""), None)


def _keys_depend_on(state: ProbeState) -> tuple[object, ...]:
    """What decides which keys work: see ``ProbeScreen.check_action``."""
    return (
        state.phase,
        state.busy,
        state.trace is None,
        state.read_only,
        state.query is None,
        state.place,
        len(state.runs),
        "words" in state.answers.running,
        state.trace is not None and state.trace.after is None,
    )


def _title(name: str, words: str, *, focused: bool) -> Content:
    mark = "▶ " if focused else " "
    return Content.assemble(
        (f"{mark}{name} ", "bold $primary" if focused else "bold"), (f" {words} ", "$muted")
    )


def _how_fused(state: ProbeState, trace: Trace, width: int) -> str:
    """What made the first column."""
    ranking = trace.before
    if ranking is None:
        return "no list"
    count = f"{len(ranking.hits)}"
    union = ranking.details.get("union")
    if isinstance(union, int | float) and union > len(ranking.hits) and width >= 100:
        count += f" of {int(union)}"
    if ranking.stage != "fusion":
        return f"{cells.shorten(ranking.stage, 20)}, {count}"
    k = state.rrf_k
    return f"RRF{f' k={k}' if k is not None else ''}, {count}"


def _how_reranked(state: ProbeState, trace: Trace, width: int) -> str:
    """What made the second column; the model's name where there is room for it."""
    after = trace.after
    if after is None:
        rerank = trace.ranking("rerank")
        if rerank is not None:
            return rerank.status.partition(":")[0]
        off = not (state.settings.rerank.enabled or state.read_only)
        return "reranker off" if off else "" if state.busy else "not reranked"
    model = trace.pipeline.models.get("cross_encoder")
    name = "cross-encoder" if model is None or width < 100 else cells.shorten(model.name, 24)
    if after.status == "partial":
        return f"{name}, {len(after.hits)} of {state.total or '?'}"
    return f"{name}, {len(after.hits)}"


def _decision(trace: Trace) -> Content:
    """What the floor decided: stands in the rule, so that a moved floor shows its consequence at once."""
    if trace.decision is None:
        return Content("")
    if trace.decision == "refuse":
        return Content.styled(" refused ", "bold $fall")
    return Content.assemble((" kept ", "$muted"), (f"{len(trace.kept)} ", "bold $rise"))


def _absence(state: ProbeState, side: Side) -> str:
    """Why the chosen document is not in a column; empty where there is nothing to say."""
    trace = state.trace
    if trace is None:
        return ""
    ranking = trace.before if side == "before" else trace.after
    return "" if ranking is None else where_absent(trace, ranking.stage, total=state.total)


def _why_no_after(state: ProbeState, trace: Trace) -> str:
    """What stands in the second column while it is empty."""
    rerank = trace.ranking("rerank")
    if rerank is not None and not rerank.ran:
        word, _, reason = rerank.status.partition(":")
        return f"Reranking {word}: {cells.shorten(reason, 400)}"
    if state.read_only:
        return "This trace has no reranked order."
    if not state.settings.rerank.enabled:
        return "The reranker is off: the fused order is final.\n\ng turns it on."
    if state.run is RunPhase.STOPPED:
        return "Stopped before a candidate was scored.\n\nr runs the query again."
    if state.run is RunPhase.RUNNING and state.draft:
        return "Rest, or press enter: then the cross-encoder reads the candidates."
    return "The cross-encoder reads the candidates."
