"""The keys of the Traces screen, and how to read it."""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from rankscope.tui.keys import Key, Notes

__all__ = ["TRACES_KEYS", "TRACES_NOTES"]

_STOP = "Stop a replay; else clear the marks; else clear the filter."
_REPLAY = "Replay the marked traces, or this one: today's reranker over the saved candidates."
_FULL = "Replay through today's whole pipeline."
_DIFF = "Compare two marked traces, the marked one and this one, or a replay and its original."
_DELETE = "Delete the marked traces, or this one; asks first."

TRACES_KEYS: tuple[Key, ...] = (
    Key("slash", "/", "focus_filter", "Filter the traces", "filter", "Write a filter.", "List", 1),
    Key("escape", "esc", "stop_replay", "Stop the replay", "stop", _STOP, "List", 2),
    Key("escape", "esc", "clear_marks", "Clear the marks", "unmark", _STOP, "List", 2),
    Key("escape", "esc", "clear_filter", "Clear the filter", "clear", _STOP, "List", 2),
    Key("h", "h", "hold", "Follow new traces or hold the list", "hold", "Hold the list, or show new traces at the top as they come.", "List", 8),
    Key("r", "r", "read_again", "Read the list again", "reread", "Read the list again.", "List"),
    Key("space", "space", "mark", "Mark this trace", "mark", "Mark this trace, or unmark it.", "Traces", 3),
    Key("asterisk", "*", "mark_all", "Mark all that pass the filter", "mark all", "Mark all that pass the filter.", "Traces", 7),
    Key("p", "p", "replay", "Replay", "replay", _REPLAY, "Traces", 4),
    Key("P", "P", "replay_full", "Replay through the whole pipeline", "full replay", _FULL, "Traces"),
    Key("d", "d", "diff", "Compare two traces", "diff", _DIFF, "Traces", 5),
    Key("delete", "del", "delete", "Delete traces", "delete", _DELETE, "Traces", 6),
    Key("backspace", "⌫", "delete", "Delete traces", "delete", _DELETE, "Traces", palette=False),
    Key("i", "i", "show_summary", "Summary of the last replay", "summary", "Show the summary of the last replay again.", "Traces"),
)  # fmt: skip

TRACES_NOTES = Notes(
    reading=(
        ("▶ ●", "the cursor; a trace that you marked"),
        ("▲ 12  ▼ 3", "the furthest move that reranking made: places up or down"),
        ("refuse", "nothing reached the floor"),
        ("RS101 +2", "the gravest finding, and how many more"),
        ("ibuprofen", "words that the query holds; quotes keep several together"),
        ("origin:import", "live, replay, recorder, import or import:FORMAT"),
        ("rs101", "a finding; answer or refuse, the decision"),
        (">500ms <2s", "slower, faster"),
        ("since:2h", "also 3d, today, 2026-01-31; before: likewise"),
        ("parent:ID", "replays of a trace"),
    ),
    footnote="Traces that another process writes appear at the top by themselves.",
    more={
        "List": (
            ("↑ ↓", "Choose a trace; pgup pgdn home end too."),
            ("enter", "Open the trace, read-only and as recorded; esc there comes back."),
        ),
    },
)
