"""The keys of the comparison screen, and how to read it."""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from textual.binding import Binding

from rankscope.tui.keys import Key, Notes

__all__ = ["AB_KEYS", "AB_MORE", "AB_NOTES"]

_CHOOSE = "Another query; pgup pgdn home end too."

AB_KEYS: tuple[Key, ...] = (
    Key("escape", "esc", "leave", "Back to the verdict", "back", "Back to where you came from.", "Comparison", 1),
    Key("up", "↑", "step(-1)", "Query above", "choose", _CHOOSE, "Comparison", 2),
    Key("down", "↓", "step(1)", "Query below", "choose", _CHOOSE, "Comparison", 2),
    Key("a", "a", "open_side('a')", "Open A's trace", "A's trace", "Open the trace of A for the chosen query.", "Comparison", 3),
    Key("b", "b", "open_side('b')", "Open B's trace", "B's trace", "Open the trace of B for the chosen query; enter too.", "Comparison", 4),
    Key("enter", "enter", "open_side('b')", "Open B's trace", "B's trace", "Open the trace of B for the chosen query; enter too.", "Comparison", palette=False),
    Key("v", "v", "turn", "Queries won, lost, all", "won, lost", "List the queries that B wins, those that it loses, or all.", "Comparison", 5),
    Key("x", "x", "swap", "Swap the two sides", "swap", "Swap A and B.", "Comparison", 6),
    Key("p", "p", "next_pipeline", "Another pipeline as B", "pipeline", "Compare A with the next pipeline.", "Comparison", 7),
)  # fmt: skip

AB_MORE = (
    Binding("pageup", "page(-1)", "A page up", show=False),
    Binding("pagedown", "page(1)", "A page down", show=False),
    Binding("home", "step(-1000000)", "First query", show=False),
    Binding("end", "step(1000000)", "Last query", show=False),
)
"""Keys that the help names in one line."""

AB_NOTES = Notes(
    reading=(
        (".612 [.540, .683]", "a mean and its 95% interval"),
        ("B less A", "paired by query; bold where the interval excludes 0"),
        ("▲ +.412  ▼ -.100", "queries that B wins and loses"),
        ("3 id  #7", "grade, document, its place in the other list; · is not judged"),
    ),
)
