"""The keys of the floors screen, and how to read it."""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from rankscope.tui.keys import Key, Notes

__all__ = ["FLOORS_KEYS", "FLOORS_NOTES"]

_FLOOR = "Lower or raise the floor by a step of the axis."
_FINE = "Lower or raise the floor by a fine step."
_METHOD = "Put the floor where the next method, or the one before, suggests it."
_WHOLE = "What each method suggests, with interval, evidence and every warning; and the passport."
_ROW = "Choose a row of the list; ← → goes back to the plot."
_SIDE = "Scroll suggestions, passport and drift, or the text of the document."
_JUDGE = "Judge the chosen document of the list: relevant, borderline, not relevant."

FLOORS_KEYS: tuple[Key, ...] = (
    Key("left", "←", "step(-1)", "Lower the floor", "floor", _FLOOR, "Floor", 1),
    Key("right", "→", "step(1)", "Raise the floor", "floor", _FLOOR, "Floor", 1),
    Key("shift+left", "shift+←", "step(-1, True)", "Lower the floor a little", "fine", _FINE, "Floor"),
    Key("shift+right", "shift+→", "step(1, True)", "Raise the floor a little", "fine", _FINE, "Floor"),
    Key("left_square_bracket", "[", "step(-1)", "Lower the floor", "floor", _FLOOR, "Floor", palette=False),
    Key("right_square_bracket", "]", "step(1)", "Raise the floor", "floor", _FLOOR, "Floor", palette=False),
    Key("left_curly_bracket", "{", "step(-1, True)", "Lower the floor a little", "fine", _FINE, "Floor", palette=False),
    Key("right_curly_bracket", "}", "step(1, True)", "Raise the floor a little", "fine", _FINE, "Floor", palette=False),
    Key("m", "m", "suggestion(1)", "Next method's floor", "method", _METHOD, "Floor", 2),
    Key("M", "M", "suggestion(-1)", "Method before", "method", _METHOD, "Floor", palette=False),
    Key("exclamation_mark", "!", "show_suggestions", "Suggestions in full", "in full", _WHOLE, "Floor", 4),
    Key("enter", "enter", "store", "Store the floor", "store", "Store the floor with its passport, after a question.", "Floor", 3),
    Key("u", "u", "undo", "Undo", "undo", "Bring back the floor before; in the documents, take back my last judgment.", "Floor", 5),
    Key("up", "↑", "move_row(-1)", "Row above", "rows", _ROW, "List", 6),
    Key("down", "↓", "move_row(1)", "Row below", "rows", _ROW, "List", 6),
    Key("enter", "enter", "open_row", "Open the trace", "open", "Open the trace of the chosen row, read-only; esc comes back.", "List", 3),
    Key("e", "e", "other_list", "Queries or documents", "evidence", "Queries that change, or documents at the floor to judge.", "List", 4),
    Key("y", "y", "judge('relevant')", "Relevant", "relevant", _JUDGE, "List", 1),
    Key("b", "b", "judge('borderline')", "Borderline", "borderline", _JUDGE, "List", 1),
    Key("x", "x", "judge('not relevant')", "Not relevant", "not", _JUDGE, "List", 1),
    Key("pageup", "pgup", "scroll_side(-1)", "Scroll the side up", "side", _SIDE, "Look"),
    Key("pagedown", "pgdn", "scroll_side(1)", "Scroll the side down", "side", _SIDE, "Look"),
    Key("v", "v", "next_view", "Histogram or curves", "view", "Histogram, or precision, recall and answer rate against the floor.", "Look", 7),
    Key("h", "h", "next_kind", "What is counted", "counted", "All scores, the best of each query, the one at rank K, the fall to rank 10.", "Look", 8),
    Key("o", "o", "turn_axis", "Logit or probability axis", "axis", "Turn the axis between logits and probabilities.", "Look", 9),
    Key("c", "c", "next_source", "Other scores", "scores", "Scores of the next scale or model; they are never mixed.", "Look", 10),
    Key("f", "f", "ask_filters", "Choose traces", "filter", "Choose traces: origin, since, before, stratum, judged, pipeline.", "Look", 11),
    Key("k", "k", "ask_top_k", "Set K", "set K", "Reckon with another K than each trace's own.", "Look", 12),
    Key("r", "r", "read_again", "Read again", "read", "Read traces and judgments again.", "Look", 13),
)  # fmt: skip

FLOORS_NOTES = Notes(
    reading=(
        ("┃ ┊", "the floor on the screen, and the one in force; what is left of ┃ is dropped"),
        ("█ ▓ ▒ ░", "judged relevant, borderline, not relevant; unjudged"),
        (".612 [.540, .683]", "a rate and its 95% interval"),
        ("- refused", "a query that this floor refuses and the one in force answers; + the reverse"),
        ("▲ ▽", "a document at the floor, above it and below"),
        ("p r a", "precision, recall and answer rate, in the curves"),
        ("n 60", "queries behind a suggestion"),
    ),
    footnote="A floor is stored with the model, scale and evidence it was chosen on; undo keeps the log.",
)
