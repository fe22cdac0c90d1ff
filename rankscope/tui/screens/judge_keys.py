"""The keys of the judge screen, and how to read it."""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from textual.binding import Binding

from rankscope.tui.judge_state import GRADE_WORDS
from rankscope.tui.keys import Key, Notes

__all__ = ["JUDGE_KEYS", "JUDGE_MORE", "JUDGE_NOTES"]

_GRADE = "Grade the passage, from not relevant to perfect; the next candidate comes up."
_CHOOSE = "Another candidate, judged or not."
_QUERIES = "The query before or after this one."
_TAKE_BACK = "Send the model's service no more passages of this workspace before you agree again."
_STOP = "Stop the model that proposes grades."

JUDGE_KEYS: tuple[Key, ...] = (
    *(
        Key(str(grade), str(grade), f"grade({grade})", f"Grade {grade}: {words}", "grade", _GRADE, "Judging", 1)
        for grade, words in enumerate(GRADE_WORDS)
    ),
    Key("b", "b", "grade(1, True)", "Borderline", "borderline", "On the border of being relevant: grade 1, marked for the floor.", "Judging", 3),
    Key("u", "u", "undo", "Take back the last grade", "undo", "Take back your last grade; again takes back the one before.", "Judging", 2),
    Key("n", "n", "ask_note", "Write a note", "note", "Write a note on the candidate.", "Judging", 5),
    Key("space", "space", "skip", "Leave the candidate for later", "skip", "Leave the candidate; it comes up again at the end.", "Judging", 4),
    Key("a", "a", "accept", "Take the model's proposal", "take proposal", "Take the model's proposal as your grade.", "Judging", 6),
    Key("up", "↑", "step(-1)", "Candidate above", "choose", _CHOOSE, "Judging"),
    Key("down", "↓", "step(1)", "Candidate below", "choose", _CHOOSE, "Judging"),
    Key("enter", "enter", "next_unjudged", "Next query with work left", "next", "To the next query with candidates that you have not judged.", "Queries", 7),
    Key("less_than_sign", "<", "show_query(-1)", "Earlier query", "queries", _QUERIES, "Queries", 8),
    Key("greater_than_sign", ">", "show_query(1)", "Later query", "queries", _QUERIES, "Queries", 8),
    Key("d", "d", "next_conflict", "Next disagreement", "disagreements", "To the next document that another judge graded otherwise than you.", "Queries", 9),
    Key("k", "k", "agreement", "Agreement of judges", "agreement", "How well judges agree: Cohen's kappa with counts.", "Queries", 10),
    Key("p", "p", "propose", "Let the model propose", "propose", "Let the model in rankscope.toml propose grades for this query.", "Queries", 11),
    Key("P", "P", "take_consent_back", "Take back the consent to send", "take back", _TAKE_BACK, "Queries"),
    Key("escape", "esc", "stop_proposing", "Stop proposing", "stop", _STOP, "Queries", 1),
    Key("r", "r", "read_again", "Read again", "reread", "Read traces and judgments again.", "Queries"),
)  # fmt: skip

JUDGE_MORE = (
    Binding("pageup", "scroll_passage(-1)", "Scroll the passage up", show=False),
    Binding("pagedown", "scroll_passage(1)", "Scroll the passage down", show=False),
)
"""Keys that the help names in one line."""

JUDGE_NOTES = Notes(
    reading=(
        ("· 0 1 2 3", "not judged by you yet; your grade"),
        ("≠", "another judge gave another grade; shown once you gave yours, both are kept"),
        ("b  ✎  ?", "borderline; a note; a model's proposal that waits for you"),
        ("here, all", "your progress on this query and over all stored queries"),
    ),
    footnote="0 to 3 are grades here, so alt+1 to alt+5 choose another screen. "
    "pgup and pgdn scroll the passage. The order of the candidates is shuffled and tells nothing of their ranks.",
)
