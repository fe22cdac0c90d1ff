"""The keys of the probe screen, and how to read it."""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from rankscope.tui.keys import Key, Notes

__all__ = ["PROBE_KEYS", "PROBE_NOTES"]

_FLOOR = "Lower or raise the floor; nothing is scored again."
_FINE = "Lower or raise the floor by a fine step."
_RUNS = "Show the run before or after this one in this session."
_COLUMNS = "To the fused column, to the reranked one."
_LOCK = "Scroll the two columns together, or apart."
_VIEW = "Text of the chosen document; biography and rescue; query terms; words that move the score."
_WHERE = "Where is ...? A document by id or by words of its text, in a list or in none."
_BESIDE = "Mark a document; the next one is set beside it: why one over the other."
_JUDGE = "Judge the chosen document: relevant, borderline, not relevant."
_MOVES = "From the fused to the reranked order, all of it, as a slope chart."
_FINDINGS = "What the rules found about this ranking, in full."
_STOP = "Stop the run or the explanation; leave the query bar; close a stored trace."

PROBE_KEYS: tuple[Key, ...] = (
    Key("slash", "/", "focus_query", "Write a query", "query", "Write a query.", "Query", 1),
    Key("escape", "esc", "stop", "Stop the run", "stop", _STOP, "Query", 2),
    Key("escape", "esc", "stop_words", "Stop the explanation", "stop", _STOP, "Query", 2),
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
    Key("w", "w", "find_document", "Where is a document", "where", _WHERE, "Documents", 9),
    Key("a", "a", "mark_other", "Mark to compare", "beside", _BESIDE, "Documents", 10),
    Key("m", "m", "show_movement", "Movement of the whole order", "moves", _MOVES, "Documents", 10),
    Key("exclamation_mark", "!", "show_findings", "Findings in full", "findings", _FINDINGS, "Documents"),
    Key("y", "y", "judge('relevant')", "Judge relevant", "relevant", _JUDGE, "Documents"),
    Key("b", "b", "judge('borderline')", "Judge borderline", "borderline", _JUDGE, "Documents"),
    Key("x", "x", "judge('not relevant')", "Judge not relevant", "not", _JUDGE, "Documents"),
    Key("u", "u", "undo_judgment", "Take a judgment back", "undo", "Take back my last judgment.", "Documents"),
    Key("l", "l", "lock_columns", "Scroll columns together or apart", "lock", _LOCK, "Documents"),
    Key("left", "←", "focus_before", "Column before", "columns", _COLUMNS, "Documents"),
    Key("right", "→", "focus_after", "Column after", "columns", _COLUMNS, "Documents"),
)  # fmt: skip

PROBE_NOTES = Notes(
    reading=(
        ("▲ 2  ▼ 3  =", "places gained, lost or kept; grey where they do not count"),
        (">100  –", "not in the first 100 of that list; no match in it at all"),
        ("█████▌", "score, on the scale of its list; before: the share of each list"),
        ("── floor 0.40", "drops what is below it; when all is, the query is refused"),
        ("▶ ▷", "the chosen document, here and in the other column"),
        ("━┓ ┗━", "its way from its place before to its place after"),
        ("✂  ⟦ ⟧", "text that the cross-encoder did not see; the window whose score counts"),
        ("draft", "a run started by typing; only runs kept by enter are stored"),
    ),
    footnote="N, K, floor and reranker change for this session, rankscope.toml stays as it is.",
    more={
        "Query": (
            ("enter", "Run the query to the end, and keep the run as a trace."),
            ("↑ ↓", "Earlier and later queries; below the latest, the results."),
        ),
        "Documents": (
            ("↑ ↓", "Choose a document; pgup pgdn home end too."),
            ("tab", "Next part of the screen; shift+tab, the one before."),
        ),
    },
)
