"""What a replay changed: the figures, and the ten traces that changed most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.insight.diff import PairDiff
from rankscope.tui import keys
from rankscope.tui.diff_views import PAIR_HEADING, pair_row, summary_lines
from rankscope.tui.keys import Key, Notes
from rankscope.tui.replay_job import ReplayOutcome
from rankscope.tui.widgets.frame import FrameRule
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.laid_out import LaidOut
from rankscope.tui.widgets.mode_title import ModeTitle
from rankscope.tui.widgets.row_list import RowList

__all__ = ["SUMMARY_KEYS", "ReplaySummary", "outcome_sentence"]

_STEP = "Choose a trace."

SUMMARY_KEYS: tuple[Key, ...] = (
    Key("escape", "esc", "close", "Close the summary", "back", "Back to the list.", "Summary", 1),
    Key("enter", "enter", "open_pair", "Compare this trace with its replay", "compare", "Compare this trace with its replay.", "Summary", 2),  # noqa: E501
    Key("up", "↑", "step(-1)", "Previous trace", "choose", _STEP, "Summary", 3),
    Key("down", "↓", "step(1)", "Next trace", "choose", _STEP, "Summary", 3),
)  # fmt: skip


def outcome_sentence(outcome: ReplayOutcome) -> str:
    """How far the replay came."""
    done = outcome.replayed + outcome.known
    text = f"{counted(done, 'trace')} replayed"
    if outcome.known:
        text += f", {outcome.known:,} of them by an earlier run"
    if outcome.stopped:
        text += (
            f"; stopped at {done + len(outcome.not_replayed):,} of {outcome.asked:,}, p goes on from there"
        )
    if outcome.not_replayed:
        text += (
            f"; {len(outcome.not_replayed):,} could not be replayed: {one_line(outcome.not_replayed[0], 120)}"
        )
    return text + "."


class ReplaySummary(Screen[None]):
    """Stands on top of the list; ``compare`` shows one pair side by side."""

    KEYS = SUMMARY_KEYS
    NOTES = Notes(
        reading=(
            ("overlap@K", "share of the first K that a trace and its replay have in common"),
            ("RBO, tau", "likeness of the whole orders: 1 is the same order"),
            ("first", "whether another document stands first"),
            ("differs", "the first stage whose order is another one"),
        )
    )
    CSS_PATH = "replay_summary.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(SUMMARY_KEYS)]

    def __init__(self, outcome: ReplayOutcome, compare: Callable[[str, str], None]) -> None:
        super().__init__()
        self.outcome = outcome
        self.worst = outcome.group.worst
        self.place = 0
        self._compare = compare

    def compose(self) -> ComposeResult:
        """The parts, from the top."""
        yield ModeTitle("traces")
        yield Static(Content(""), id="outcome", markup=False)
        yield LaidOut(id="figures")
        yield FrameRule("╶─╴", id="rule")
        yield RowList(id="worst")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Draw everything; it stays as it is but for the choice."""
        outcome = self.outcome
        words = "the whole pipeline" if outcome.mode == "full" else "the reranker"
        self.query_one(ModeTitle).show(Content.styled(f"replay through {words}", "bold"))
        self.query_one("#outcome", Static).update(Content(f" {outcome_sentence(outcome)}"))
        figures = self.query_one("#figures", LaidOut)
        figures.show(lambda width: Content("\n").join(summary_lines(outcome.group, width)))
        figures.styles.height = len(summary_lines(outcome.group, 200)) + 1
        title = "The traces that changed most" if self.worst else "No order changed"
        self.query_one(FrameRule).show(Content.styled(f" {title} ", "bold"), Content(""), None)
        self.draw()

    def draw(self) -> None:
        """The rows, with the chosen one."""
        worst, place = self.worst, self.place

        def rows(width: int) -> tuple[Sequence[Content], Content | None]:
            made = [
                Content(" ▶" if at == place else "  ") + pair_row(pair, width - 3)
                for at, pair in enumerate(worst)
            ]
            return made, Content.styled(f"  {PAIR_HEADING}", "$muted") if made else None

        self.query_one(RowList).show(rows, place if worst else None)

    @property
    def chosen(self) -> PairDiff | None:
        """The pair under the cursor."""
        return self.worst[self.place] if self.worst else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Nothing to choose where nothing changed."""
        return bool(self.worst) or action not in ("step", "open_pair")

    @on(RowList.Clicked)
    def _clicked(self, message: RowList.Clicked) -> None:
        self.place = message.place
        self.draw()

    def action_step(self, by: int) -> None:
        """The next or previous pair."""
        self.place = min(max(self.place + by, 0), len(self.worst) - 1)
        self.draw()

    def action_open_pair(self) -> None:
        """This pair side by side."""
        if self.chosen is not None:
            self._compare(self.chosen.before_id, self.chosen.after_id)

    def action_close(self) -> None:
        """Back to the list."""
        self.dismiss()
