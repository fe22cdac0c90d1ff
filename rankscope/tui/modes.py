"""The screens behind the number keys. A screen is registered by one line here; it is imported when it is shown."""

# ruff: noqa: E501  (one line a mode, as a table)

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MODES", "Mode", "mode_named"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One screen with a number key of its own."""

    name: str
    number: str
    """The key."""
    title: str
    screen: str
    """``module:class``, a :class:`~rankscope.tui.screens.mode_screen.ModeScreen`."""
    sentence: str
    """For the help and the palette."""


MODES: tuple[Mode, ...] = (
    Mode("probe", "1", "Probe", "rankscope.tui.screens.probe:ProbeScreen", "One query, its lists before and after reranking."),
    Mode("traces", "2", "Traces", "rankscope.tui.screens.traces:TracesScreen", "Stored traces: find, open, replay, compare."),
    Mode("floors", "3", "Floors", "rankscope.tui.screens.floors:FloorsScreen", "Choose the relevance floor by what it does."),
    Mode("judge", "4", "Judge", "rankscope.tui.screens.judge:JudgeScreen", "Grade the candidates of stored queries."),
    Mode("verdict", "5", "Verdict", "rankscope.tui.screens.verdict:VerdictScreen", "Does the reranker earn its latency?"),
)  # fmt: skip


def mode_named(name: str) -> Mode:
    """The mode of this name. Raises KeyError."""
    return {mode.name: mode for mode in MODES}[name]
