"""Two traces side by side: what moved, where they part, why one answers and the other does not."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from rankscope.core.sanitize import one_line, visible
from rankscope.insight.diff import TraceDiff
from rankscope.tui import cells, keys
from rankscope.tui.diff_views import columns_of_diff, diff_head, document_line, side_title, stage_lines
from rankscope.tui.keys import Key, Notes
from rankscope.tui.messages import DocumentChosen
from rankscope.tui.widgets.frame import Connector, FrameRule
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.laid_out import LaidOut
from rankscope.tui.widgets.mode_title import ModeTitle
from rankscope.tui.widgets.ranking_table import RankingTable
from rankscope.tui.widgets.text_view import TextView

__all__ = ["DIFF_KEYS", "DiffScreen"]

_COLUMNS = "To the earlier trace, to the later one."

DIFF_KEYS: tuple[Key, ...] = (
    Key("escape", "esc", "close", "Close the comparison", "back", "Back to the list.", "Comparison", 1),
    Key("o", "o", "open_side", "Open this trace", "open trace", "Open the trace whose column has the focus.", "Comparison", 2),  # noqa: E501
    Key("left", "←", "focus_side('before')", "Earlier trace", "columns", _COLUMNS, "Comparison", 3),
    Key("right", "→", "focus_side('after')", "Later trace", "columns", _COLUMNS, "Comparison", 3),
)  # fmt: skip
DIFF_NOTES = Notes(
    reading=(
        ("▲ 2  ▼ 3", "places gained or lost from the earlier trace to the later one"),
        ("new", "not in the order of the earlier trace"),
        ("overlap@K", "share of the first K that both have"),
        ("RBO, tau", "likeness of the whole orders: 1 is the same order"),
    ),
    more={"Comparison": (("↑ ↓", "Choose a document; it is marked in both columns."),)},
)


class DiffScreen(Screen[None]):
    """Stands on top of the screen that asked for it; escape goes back there."""

    KEYS = DIFF_KEYS
    NOTES = DIFF_NOTES
    CSS_PATH = "trace_diff.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(DIFF_KEYS)]
    AUTO_FOCUS = "#after"

    def __init__(self, diff: TraceDiff, *, mode: str = "traces") -> None:
        super().__init__()
        self.diff = diff
        self._mode = mode
        self.chosen = ""

    def compose(self) -> ComposeResult:
        """The parts, from the top."""
        yield ModeTitle(self._mode)
        yield Static(Content(""), id="diff-head", markup=False)
        yield FrameRule("╭┬╮", id="top-rule")
        with Horizontal(id="columns"):
            yield RankingTable("before", id="before")
            yield Connector(id="link")
            yield RankingTable("after", id="after")
        yield FrameRule("├┴┤", id="document-rule")
        yield TextView(id="document")
        yield FrameRule("╰─╯", id="bottom-rule")
        yield LaidOut(id="stages")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Draw everything; it stays as it is but for the choice."""
        diff = self.diff
        query = Content.styled(one_line(diff.after.query.text, 200), "bold")
        self.query_one(ModeTitle).show(Content.styled("compares ", "$muted") + query)
        left, right = columns_of_diff(diff)
        documents = {**diff.before.documents, **diff.after.documents}
        self.query_one("#before", RankingTable).show(left, documents, "This trace has no order.")
        self.query_one("#after", RankingTable).show(right, documents, "This trace has no order.")
        final = diff.after.final or diff.before.final
        self.query_one(LaidOut).show(lambda width: stage_lines(diff, width))
        self.choose(final.hits[0].doc_id if final is not None and final.hits else "")

    def on_resize(self, event: events.Resize) -> None:
        """The head folds to the width; the document takes a quarter of the rest."""
        self.query_one("#diff-head", Static).update(diff_head(self.diff, max(event.size.width - 1, 20)))
        self.query_one("#document").styles.height = max(2, min((event.size.height - 9) // 4, 12))
        self.call_after_refresh(self._settle)

    def on_descendant_focus(self) -> None:
        """The title of the focused column is marked."""
        self.relink()

    @on(DocumentChosen)
    def _document_chosen(self, message: DocumentChosen) -> None:
        self.choose(message.doc_id)

    def choose(self, doc_id: str) -> None:
        """Mark a document in both columns and show its text."""
        self.chosen = doc_id
        for side in ("before", "after"):
            self.query_one(f"#{side}", RankingTable).choose(doc_id, "not in this order")
        self._settle()
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        """What depends on where the columns and the document stand."""
        self.relink()
        diff, doc_id = self.diff, self.chosen
        document = diff.after.documents.get(doc_id) or diff.before.documents.get(doc_id)
        text = Content.styled("No text was recorded.", "$muted")
        if document is not None:
            text = Content(visible(f"{document.title}\n{document.text}".strip(), keep_newlines=True))
        self.query_one(TextView).show_lines(document_line(diff, doc_id), text, from_top=True)

    def relink(self) -> None:
        """The line between the two places of the chosen document, and the titles in the rules."""
        link = self.query_one(Connector)
        before, after = self.query_one("#before", RankingTable), self.query_one("#after", RankingTable)
        link.left_y, link.right_y = before.chosen_y, after.chosen_y
        at = link.region.x + 1 if link.region.x > 0 else self.size.width // 2
        half = max(self.size.width // 2, 1)
        left = side_title("EARLIER", self.diff.before, focused=before.has_focus, width=half)
        right = side_title("LATER", self.diff.after, focused=after.has_focus, width=half)
        self.query_one("#top-rule", FrameRule).show(left, right, at)
        name = Content.styled(f" {cells.shorten(self.chosen, 40)} ", "bold")
        self.query_one("#document-rule", FrameRule).show(name, Content(""), at)
        self.query_one("#bottom-rule", FrameRule).show(Content(""), Content(""), None)

    def action_close(self) -> None:
        """Back to where it was asked for."""
        self.dismiss()

    def action_focus_side(self, side: str) -> None:
        """To a column."""
        self.query_one(f"#{side}").focus()

    def action_open_side(self) -> None:
        """Show the trace of the focused column in the probe's layout; escape comes back."""
        from rankscope.tui.app import RankScopeApp

        earlier = self.query_one("#before").has_focus
        if isinstance(self.app, RankScopeApp):
            self.app.open_trace(self.diff.before if earlier else self.diff.after)
