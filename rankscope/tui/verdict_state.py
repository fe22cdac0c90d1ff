"""What the verdict screen knows at one moment: one frozen value; a change is a new one. Pure, no textual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.engine.deciding import Drawn
from rankscope.tui.sentences import INDEX_AWAITED, Sentence

__all__ = ["VerdictPhase", "VerdictState", "pipeline_name", "verdict_sentence"]


class VerdictPhase(StrEnum):
    """How far the screen is."""

    MEASURING = "measuring"
    AWAITING = "awaiting"
    """Until the index is built anew."""
    NOTHING = "nothing"
    """Nothing that could be measured is there."""
    READY = "ready"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class VerdictState:
    """The verdict on one pipeline, and which others there are."""

    phase: VerdictPhase = VerdictPhase.MEASURING
    problem: str = ""
    drawn: Drawn | None = None
    """The last verdict; it stays on the screen while a newer one is measured."""

    @property
    def pipelines(self) -> tuple[str, ...]:
        """Every pipeline with judged traces, in an order that stays the same."""
        if self.drawn is None:
            return ()
        return tuple(sorted({self.drawn.judged.pipeline, *self.drawn.judged.others}))

    @property
    def next_pipeline(self) -> str | None:
        """The one after the one on the screen; None where there is no other."""
        names = self.pipelines
        if self.drawn is None or len(names) < 2:
            return None
        return names[(names.index(self.drawn.judged.pipeline) + 1) % len(names)]

    def measuring(self) -> VerdictState:
        """Figures are being read and measured."""
        return replace(self, phase=VerdictPhase.MEASURING, problem="")

    def awaiting_index(self) -> VerdictState:
        """The index is of another version and is being built anew."""
        return replace(self, phase=VerdictPhase.AWAITING, problem="")

    def measured(self, drawn: Drawn) -> VerdictState:
        """A verdict was drawn."""
        return VerdictState(VerdictPhase.READY, "", drawn)

    def failed(self, problem: str, *, nothing: bool) -> VerdictState:
        """There is nothing to measure, or it cannot be read."""
        return VerdictState(VerdictPhase.NOTHING if nothing else VerdictPhase.REFUSED, problem)


def pipeline_name(name: str) -> str:
    """A fingerprint as a person reads it."""
    return one_line(name.removeprefix("sha256:")[:12] if name.startswith("sha256:") else name, 24)


def verdict_sentence(state: VerdictState) -> Sentence:
    """Where things stand, and what to do next."""
    if state.phase is VerdictPhase.REFUSED:
        return Sentence("bad", state.problem)
    if state.phase is VerdictPhase.AWAITING:
        return INDEX_AWAITED
    if state.phase is VerdictPhase.NOTHING:
        return Sentence("warn", state.problem[:1].upper() + state.problem[1:])
    if state.phase is VerdictPhase.MEASURING or state.drawn is None:
        again = "again; the last figures stay until then" if state.drawn is not None else "the judged traces"
        return Sentence("busy", f"Measuring {again}.")
    judged = state.drawn.judged
    text = f"From {counted(len(judged.traces), 'judged trace')}."
    if judged.others:
        others = counted(len(judged.others), "other pipeline")
        text += f" {others} with judged traces: c compares, p shows the next."
    return Sentence("good", f"{text} Judgments: {one_line(state.drawn.source, 120)}.")
