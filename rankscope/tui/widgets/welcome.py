"""What stands in place of the columns before the first query: what this is, and queries to try."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from rankscope.core.sanitize import one_line
from rankscope.tui.messages import ExampleChosen

__all__ = ["Welcome"]

_ABOUT = Content.assemble(
    ("Why does a document rank where it ranks?\n\n", "bold"),
    ("Type a query. BM25 and dense retrieval each rank the passages; ", "$muted"),
    ("reciprocal rank fusion merges the two lists: ", "$muted"),
    ("BEFORE", "bold $primary"),
    (". A cross-encoder reads query and passage together and orders them anew: ", "$muted"),
    ("AFTER", "bold $primary"),
    (
        ". The floor drops what does not answer. Every step shows its ranks, scores and milliseconds.",
        "$muted",
    ),
)


class Welcome(Vertical):
    """A short explanation and the corpus's example queries."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._examples: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(_ABOUT, id="about", markup=False)
        yield Static(Content(""), id="examples-title", markup=False)
        yield OptionList(id="examples", markup=False, compact=True)

    def show(self, examples: tuple[str, ...]) -> None:
        """Offer these queries."""
        if examples == self._examples:
            return
        self._examples = examples
        options = self.query_one("#examples", OptionList)
        options.clear_options()
        if not examples:
            return
        title = Content.assemble(("Or try one of these", "bold"), ("  ↓ and enter", "$muted"))
        self.query_one("#examples-title", Static).update(title)
        options.add_options(Content.assemble(("› ", "$muted"), one_line(example)) for example in examples)
        options.highlighted = 0

    @on(OptionList.OptionSelected, "#examples")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(ExampleChosen(self._examples[event.option_index]))
