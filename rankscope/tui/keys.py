"""Every key of the program, once: bindings, footer, help and palette are all made from this table."""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

__all__ = ["KEYS", "Key", "bindings"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it does, as a name for the palette, a word for the footer, a sentence for the help."""

    key: str
    """Textual's name of the key."""
    shown: str
    """The key as people write it."""
    action: str
    """Action of the screen or, with the prefix ``app.``, of the app."""
    name: str
    word: str
    """Keys with one word stand together in the footer."""
    sentence: str
    """Keys with one sentence stand together in the help."""
    group: str
    footer: int = 0
    """Place in the footer where there is room, from 1; 0 keeps it out."""
    palette: bool = True


_FLOOR = "Lower or raise the floor; nothing is scored again."
_FINE = "Lower or raise the floor by a fine step."
_RUNS = "Show the run before or after this one in this session."
_COLUMNS = "To the fused column, to the reranked one."
_LOCK = "Scroll the two columns together, or apart."
_VIEW = "Text of the chosen document, or its scores by stage."
_HELP = "All keys, and how to read the screen. f1 from anywhere."
_STOP = "Stop the run; leave the query bar; close a stored trace."

KEYS: tuple[Key, ...] = (
    Key("slash", "/", "focus_query", "Write a query", "query", "Write a query.", "Query", 1),
    Key("escape", "esc", "stop", "Stop the run", "stop", _STOP, "Query", 2),
    Key("escape", "esc", "close_trace", "Close the stored trace", "close", _STOP, "Query", 2),
    Key("r", "r", "run_again", "Run again", "rerun", "Run the query again with the settings as they are.", "Query", 4),
    Key("f", "f", "ask_filters", "Filter by metadata", "filter", "Keep only passages with this metadata.", "Query", 8),
    Key("less_than_sign", "<", "show_run(-1)", "Earlier run", "runs", _RUNS, "Query", 11),
    Key("greater_than_sign", ">", "show_run(1)", "Later run", "runs", _RUNS, "Query", 11),
    Key("left_square_bracket", "[", "move_floor(-1)", "Lower the floor", "floor", _FLOOR, "Pipeline", 3),
    Key("right_square_bracket", "]", "move_floor(1)", "Raise the floor", "floor", _FLOOR, "Pipeline", 3),
    Key("left_curly_bracket", "{", "move_floor(-1, True)", "Lower the floor a little", "fine", _FINE, "Pipeline"),
    Key("right_curly_bracket", "}", "move_floor(1, True)", "Raise the floor a little", "fine", _FINE, "Pipeline"),
    Key("n", "n", "ask_candidates", "Set N", "set N", "Change N, the fused candidates that are reranked.", "Pipeline", 5),
    Key("k", "k", "ask_top_k", "Set K", "set K", "Change K, the most documents that are kept.", "Pipeline", 6),
    Key("g", "g", "toggle_rerank", "Reranker on or off", "reranker", "Turn the reranker off or on.", "Pipeline", 7),
    Key("v", "v", "next_view", "Next view of the document", "view", _VIEW, "Documents", 9),
    Key("l", "l", "lock_columns", "Scroll columns together or apart", "lock", _LOCK, "Documents"),
    Key("left", "←", "focus_before", "Column before", "columns", _COLUMNS, "Documents"),
    Key("right", "→", "focus_after", "Column after", "columns", _COLUMNS, "Documents"),
    Key("s", "s", "save_picture", "Save a picture", "picture", "Save this screen as an SVG picture.", "Screen", 10),
    Key("t", "t", "app.switch_theme", "Dark or light theme", "theme", "Dark or light.", "Screen", 12),
    Key("question_mark", "?", "app.help", "All keys", "help", _HELP, "Screen", 13),
    Key("f1", "f1", "app.help", "All keys", "help", _HELP, "Screen", 13, palette=False),
    Key("q", "q", "app.quit", "Quit", "quit", "Leave RankScope. ctrl+q leaves from anywhere.", "Screen", 14),
)  # fmt: skip


def bindings(*, app: bool) -> list[Binding]:
    """The bindings of the app, or of the probe screen."""
    return [
        Binding(
            key.key,
            key.action.removeprefix("app."),
            key.word,
            show=key.footer > 0,
            key_display=key.shown,
        )
        for key in KEYS
        if key.action.startswith("app.") == app
    ]
