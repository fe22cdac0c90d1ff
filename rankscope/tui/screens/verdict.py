"""The verdict screen: should this system rerank? The sentence first, the evidence below it.

Measuring takes seconds and goes on beside the screen; what was measured last stays until it is done.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from rankscope.core.sanitize import one_line
from rankscope.engine.deciding import Drawn, last_numbers, verdict_of
from rankscope.engine.workspace import Workspace
from rankscope.errors import RankScopeError, UsageError
from rankscope.tui import cells, keys, verdict_views
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.screens.verdict_keys import VERDICT_KEYS, VERDICT_MORE, VERDICT_NOTES
from rankscope.tui.threads import reason
from rankscope.tui.verdict_state import VerdictState, pipeline_name, verdict_sentence
from rankscope.tui.widgets.frame import FrameRule
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.laid_out import LaidOut
from rankscope.tui.widgets.mode_title import ModeTitle
from rankscope.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from rankscope.tui.screens.probe import ProbeScreen

__all__ = ["VerdictScreen"]

_ABOUT = Content.assemble(
    ("Does the reranker earn its latency?\n\n", "bold"),
    (
        "It does when the right passage is usually among the first N candidates but not among the first K, "
        "when the candidates are bounded, and when the budget can absorb its time. Judged traces say whether "
        "that is so here, with intervals; until there are some, there is nothing to measure.",
        "$muted",
    ),
)


class VerdictDrawn(Message):
    """A verdict was drawn; ``asked`` counts measurements."""

    def __init__(self, drawn: Drawn, asked: int) -> None:
        super().__init__()
        self.drawn = drawn
        self.asked = asked


class VerdictRefused(Message):
    """There is no verdict; ``nothing`` where nothing judged is there."""

    def __init__(self, reason: str, asked: int, *, nothing: bool) -> None:
        super().__init__()
        self.reason = reason
        self.asked = asked
        self.nothing = nothing


class IndexAwaited(Message):
    """Measuring waits until the index is built anew."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self.asked = asked


class VerdictScreen(ModeScreen):
    """Owns one frozen :class:`~rankscope.tui.verdict_state.VerdictState`."""

    MODE: ClassVar[str] = "verdict"
    KEYS = VERDICT_KEYS
    NOTES = VERDICT_NOTES
    CSS_PATH = "verdict.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(VERDICT_KEYS), *VERDICT_MORE]
    AUTO_FOCUS = ""

    state: var[VerdictState] = var(VerdictState())

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        # The probe's protocol names less than a workspace offers.
        self.deciding = cast(Workspace, workspace)
        self._pipeline: str | None = None
        self._numbers: tuple[int, int] | None = None
        """Last trace and judgment that were measured."""
        self._asked = 0

    def compose(self) -> ComposeResult:
        """The widgets, from the top."""
        yield ModeTitle("verdict")
        yield Static(Content(""), id="verdict-head", markup=False)
        yield FrameRule("╭─╮", id="verdict-rule")
        yield LaidOut(id="evidence")
        yield FrameRule("╰─╯", id="verdict-bottom")
        yield StatusLine(id="status")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Draw the empty screen; figures come from beside it."""
        self._draw(self.state)

    def on_screen_resume(self) -> None:
        """Measure anew where traces or judgments changed since the last look."""
        if self._numbers is None or self._numbers != self._last_numbers():
            self.action_measure_again()

    def _last_numbers(self) -> tuple[int, int] | None:
        try:
            return last_numbers(self.deciding.traces_path, busy_seconds=0.2)
        except RankScopeError:  # measuring will say what is wrong
            return None

    def on_resize(self) -> None:
        """The sentence folds anew."""
        self._draw(self.state)

    def watch_state(self, _old: VerdictState, new: VerdictState) -> None:
        """Draw what changed."""
        if self.is_mounted:
            self._draw(new)
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Which keys work now."""
        if action in ("compare", "next_pipeline"):
            return self.state.next_pipeline is not None
        if action.startswith("scroll"):
            return self.state.drawn is not None
        return True

    def _draw(self, state: VerdictState) -> None:
        drawn = state.drawn
        left, right = _title_facts(self.workspace.name, drawn)
        self.query_one(ModeTitle).show(left, right)
        self.query_one(StatusLine).show(verdict_sentence(state))
        head = self.query_one("#verdict-head", Static)
        evidence = self.query_one("#evidence", LaidOut)
        self.set_class(drawn is None, "-nothing")
        if drawn is None:
            head.update(_ABOUT)
            evidence.show(lambda _: Content(""))
        else:
            width = self.size.width - 2
            lines = verdict_views.headline(drawn.verdict, width)
            lines += Content.styled(drawn.basis, "$muted").wrap(max(width, 20))
            whole = lines + verdict_views.reasons(drawn.verdict, width)
            fits = len(whole) <= max(self.size.height // 3, 3) - 1
            head.update(Content("\n").join(whole if fits else lines))
            evidence.show(partial(verdict_views.evidence_text, drawn.verdict, why=not fits))
        title = Content("") if drawn is None else Content.styled(" EVIDENCE ", "bold $primary")
        self.query_one("#verdict-rule", FrameRule).show(title, Content(""), None)
        self.query_one("#verdict-bottom", FrameRule).show(Content(""), Content(""), None)

    # Measuring

    def action_measure_again(self) -> None:
        """Read and measure beside the screen; an older measurement that is under way is dropped."""
        self._asked += 1
        self._numbers = self._last_numbers()
        self.state = self.state.measuring()
        work = partial(self._measure, self._pipeline, self._asked, self.desk.probe)
        self.threads.start(work, "rankscope-verdict")

    def _measure(self, pipeline: str | None, asked: int, probe: ProbeScreen) -> None:
        try:
            if not self.wait_for_index(probe, lambda: self.threads.post(IndexAwaited(asked))):
                return
            if asked != self._asked:
                return
            drawn = verdict_of(self.deciding, pipeline)
        except UsageError as error:
            self.threads.post(VerdictRefused(reason(error), asked, nothing=True))
        except Exception as error:  # noqa: BLE001  # a damaged database is said, and the screen stays usable
            self.threads.post(VerdictRefused(reason(error), asked, nothing=False))
        else:
            self.threads.post(VerdictDrawn(drawn, asked))

    @on(IndexAwaited)
    def _index_awaited(self, message: IndexAwaited) -> None:
        if message.asked == self._asked:
            self.state = self.state.awaiting_index()

    @on(VerdictDrawn)
    def _drawn(self, message: VerdictDrawn) -> None:
        if message.asked == self._asked:
            # Traces that others write meanwhile do not move the screen to another pipeline.
            self._pipeline = message.drawn.judged.pipeline
            self.state = self.state.measured(message.drawn)

    @on(VerdictRefused)
    def _refused(self, message: VerdictRefused) -> None:
        if message.asked == self._asked:
            self._pipeline = None  # what it showed may be gone: measuring again takes what there is
            self.state = self.state.failed(message.reason, nothing=message.nothing)

    def action_next_pipeline(self) -> None:
        """The verdict on the next pipeline."""
        self._pipeline = self.state.next_pipeline
        self.action_measure_again()

    def action_compare(self) -> None:
        """This pipeline against the next one, as A and B."""
        from rankscope.tui.screens.ab import AbScreen

        state = self.state
        if state.drawn is not None and state.next_pipeline is not None:
            pair = (state.next_pipeline, state.drawn.judged.pipeline)
            self.app.push_screen(AbScreen(self.workspace, *pair, pipelines=state.pipelines))

    # Scrolling

    def action_scroll_lines(self, by: int) -> None:
        """By a line."""
        self.query_one("#evidence", LaidOut).scroll_relative(y=by, animate=False)

    def action_scroll_pages(self, by: int) -> None:
        """By a page."""
        self.query_one("#evidence", LaidOut).scroll_pages(by)

    def action_scroll_edge(self, by: int) -> None:
        """To the start or the end."""
        evidence = self.query_one("#evidence", LaidOut)
        evidence.scroll_to(y=0 if by < 0 else evidence.max_scroll_y, animate=False)


def _title_facts(name: str, drawn: Drawn | None) -> tuple[Content, Content]:
    left = Content.styled(one_line(name, 32), "bold")
    if drawn is None:
        return left, Content("")
    left += Content.assemble(("  pipeline ", "$muted"), (pipeline_name(drawn.judged.pipeline), ""))
    queries = drawn.verdict.evidence.queries
    return left, cells.amount(queries, "query", "queries")
