"""The keys of the verdict screen, and how to read it."""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from textual.binding import Binding

from rankscope.tui.keys import Key, Notes

__all__ = ["VERDICT_KEYS", "VERDICT_MORE", "VERDICT_NOTES"]

_SCROLL = "Scroll the evidence; pgup pgdn home end too."

VERDICT_KEYS: tuple[Key, ...] = (
    Key("up", "↑", "scroll_lines(-1)", "Scroll up", "scroll", _SCROLL, "Verdict", 1),
    Key("down", "↓", "scroll_lines(1)", "Scroll down", "scroll", _SCROLL, "Verdict", 1),
    Key("c", "c", "compare", "Compare two pipelines", "compare", "Compare this pipeline with another one on the same queries.", "Verdict", 2),
    Key("p", "p", "next_pipeline", "Next pipeline", "pipeline", "The verdict on the next pipeline that has judged traces.", "Verdict", 3),
    Key("r", "r", "measure_again", "Measure again", "measure", "Read traces and judgments again and measure anew.", "Verdict", 4),
)  # fmt: skip

VERDICT_MORE = (
    Binding("pageup", "scroll_pages(-1)", "A page up", show=False),
    Binding("pagedown", "scroll_pages(1)", "A page down", show=False),
    Binding("home", "scroll_edge(-1)", "To the start", show=False),
    Binding("end", "scroll_edge(1)", "To the end", show=False),
)
"""Keys that the help names in one line."""

VERDICT_NOTES = Notes(
    reading=(
        (".612 [.540, .683]", "a mean and its 95% interval"),
        ("lift  gain", "after less before, paired by query; bold where the interval excludes 0"),
        ("best", "what the best order of the same candidates would reach"),
        ("~ 120", "not timed at that depth, but reckoned from the deepest one"),
        ("◀", "the depth that is enough; the gate that is recommended"),
    ),
)
