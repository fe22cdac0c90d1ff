"""The plain sentence for where the Traces screen stands: what happened, and what to do about it."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.tracing.filter_language import describe_filter
from rankscope.tracing.links import TraceLinks
from rankscope.tui.sentences import Sentence
from rankscope.tui.traces_state import ListPhase, ReplayStanding, TracesState

__all__ = ["EMPTY_STORE", "deletion_question", "deletion_result", "nothing_passes", "traces_sentence"]

EMPTY_STORE = (
    "No traces yet.\n\n"
    "Press 1 and run a query: enter keeps it as a trace.\n"
    "Or bring in what ran elsewhere: rankscope traces import FILE reads logs of many kinds, "
    "and rankscope listen takes spans as they come. They appear here by themselves."
)


def nothing_passes(state: TracesState) -> str:
    """What stands in place of rows where the filter leaves none."""
    return f"No trace passes: {describe_filter(state.chosen)}.\n\nesc clears the filter."


def traces_sentence(state: TracesState) -> Sentence:
    """What to tell the user now; the most urgent thing wins."""
    if state.phase is ListPhase.REFUSED:
        return Sentence("bad", f"{state.problem} r reads the list again.")
    if state.misread:
        return Sentence("warn", state.misread)
    if state.replay is not None:
        return Sentence("busy", _replaying(state.replay))
    if state.deleting:
        return Sentence("busy", f"Deleting {counted(state.deleting, 'trace')}.")
    if state.phase is ListPhase.OPENING:
        return Sentence("busy", "Opening the trace store.")
    if state.empty_store:
        return Sentence("calm", "No traces yet.")
    if state.marked:
        count = counted(len(state.marked), "trace")
        return Sentence(
            "calm",
            f"{count} marked: p replays, {'d compares, ' if len(state.marked) == 2 else ''}del deletes.",
        )
    if not state.following:
        new = f"{counted(state.held, 'new trace')} not shown. " if state.held else ""
        return Sentence("calm", f"The list is held. {new}h follows again.")
    if state.total is None:
        return Sentence("busy", "Counting.")
    if state.text.strip():
        return Sentence("calm", f"Shown: {describe_filter(state.chosen)}.")
    return Sentence("calm", "Newest first; enter opens a trace as it was recorded.")


def _replaying(replay: ReplayStanding) -> str:
    if replay.stopping:
        return "Stopping the replay; what is done is kept."
    text = f"Replaying: {replay.done:,} of {counted(replay.total, 'trace')}"
    if replay.rate > 0:
        text += f", {counted(round(replay.rate), 'pair')} a second"
    if replay.eta_s is not None:
        text += f", {_time_left(replay.eta_s)} left"
    return f"{text}. esc stops it; a stopped replay goes on when it is started again."


def _time_left(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def deletion_result(deleted: int, asked: int) -> str:
    """What a deletion did. Fewer than asked were deleted elsewhere before, or could not be deleted."""
    if deleted == asked:
        return f"{counted(deleted, 'trace')} deleted."
    return f"{deleted:,} of {counted(asked, 'trace')} deleted. What is still listed was not."


def deletion_question(count: int, links: TraceLinks) -> str:
    """What a deletion would do, before it is done."""
    lines = [f"Delete {counted(count, 'trace')}? This cannot be undone."]
    if links.replays:
        stay = counted(links.replays, "replay stays, and names", "replays stay, and name")
        lines.append(f"{stay} an original that is gone.")
    if links.parents:
        originals = "The original stays" if links.parents == 1 else f"The {links.parents:,} originals stay"
        lines.append(f"{originals} of what is replayed here.")
    return "\n".join(lines)
