"""Where is ...?: a document by its id or by a fragment of its text, chosen from a list of matches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.tui import cells
from rankscope.tui.threads import Threads, reason
from rankscope.tui.widgets.safe_input import SafeInput
from rankscope.tui.widgets.status_line import stand_above_status

__all__ = ["FindDocument"]

REST_S = 0.2
"""How long typing must rest before the corpus is read."""


class Found(Message):
    """Matches of a text came in; ``problem`` says why there are none."""

    def __init__(self, text: str, documents: Sequence[Document], problem: str = "") -> None:
        super().__init__()
        self.text, self.documents, self.problem = text, documents, problem


class FindDocument(ModalScreen[Document | None]):
    """``search`` reads lists and corpus (it may take a while, and runs beside the screen); ``place`` says
    where a document stands. The result is the chosen document, None on escape."""

    CSS_PATH = "find_document.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "close", key_display="esc"),
        Binding("down", "move(1)", "next", show=False),
        Binding("up", "move(-1)", "previous", show=False),
    ]

    def __init__(
        self, search: Callable[[str], Sequence[Document]], place: Callable[[str], str], initial: str = ""
    ) -> None:
        super().__init__()
        self._search, self._place, self._initial = search, place, initial
        self._threads = Threads(self.post_message)
        self._matches: Sequence[Document] = ()
        self._listed = ""
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="find-box"):
            with Horizontal(id="find-line"):
                yield Static(Content.styled("where is ", "bold"), id="find-question", markup=False)
                yield SafeInput(self._initial, id="find-input")
            yield OptionList(id="find-matches", markup=False, compact=True)
            yield Static(_hint("An id, or words of the text. ↓ ↑ choose, enter shows."), id="find-hint")

    def on_mount(self) -> None:
        """What the screen says stays in sight."""
        stand_above_status(self.query_one("#find-box"))

    def on_unmount(self) -> None:
        """A search under way posts nothing more."""
        self._threads.stop()

    @on(Input.Changed)
    def _changed(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_S, self._start)

    def _start(self) -> None:
        text = self.query_one("#find-input", Input).value.strip()
        if text:
            self.query_one("#find-hint", Static).update(_hint("Searching ..."))
            self._threads.start(lambda: self._run(text), "rankscope-find")

    def _run(self, text: str) -> None:
        try:
            found = self._search(text)
        except Exception as error:  # noqa: BLE001  # a damaged index is said, and the screen stays usable
            self._threads.post(Found(text, (), reason(error)))
        else:
            self._threads.post(Found(text, found))

    @on(Found)
    def _found(self, message: Found) -> None:
        if message.text != self.query_one("#find-input", Input).value.strip():
            return  # typed on meanwhile
        self._matches, self._listed = message.documents, message.text
        options = self.query_one("#find-matches", OptionList)
        options.clear_options()
        width = max(self.size.width - 6, 20)
        options.add_options(self._row(document, min(width, 92)) for document in self._matches)
        options.highlighted = 0 if self._matches else None
        if message.problem:
            words = f"! {message.problem}"
        elif self._matches:
            words = f"{counted(len(self._matches), 'match', 'matches')}. ↓ ↑ choose, enter shows."
        else:
            words = "No document has this id or these words. Letter case matters outside ASCII."
        self.query_one("#find-hint", Static).update(_hint(words))

    def _row(self, document: Document, width: int) -> Content:
        place = self._place(document.doc_id)
        left = max(width - 26, 10)
        line = Content.assemble(
            (f"{cells.fit(document.doc_id, min(24, left))} ", "bold"),
            (cells.title_or_text(document, max(left - 25, 0)), "$muted"),
        )
        return line + Content(f" {cells.fit(place, 24)}")

    def action_move(self, by: int) -> None:
        """Another match."""
        options = self.query_one("#find-matches", OptionList)
        if self._matches and options.highlighted is not None:
            options.highlighted = (options.highlighted + by) % len(self._matches)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        options = self.query_one("#find-matches", OptionList)
        if self._listed == event.value.strip() and self._matches and options.highlighted is not None:
            self.dismiss(self._matches[options.highlighted])
        else:
            self._start()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._matches[event.option_index])


def _hint(words: str) -> Content:
    return cells.styled(words, "$muted")
