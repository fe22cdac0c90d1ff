"""How far a saved trace could be run again: what was scored, what could not be, and why.

A replay carries this under :data:`ATTRIBUTE` of its attributes, so that whoever reads the trace knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from rankscope.core.counting import counted
from rankscope.core.trace import Trace

__all__ = ["ATTRIBUTE", "Coverage", "Mode", "coverage_of"]

ATTRIBUTE = "replay"
"""Key of a replay's attributes that holds its coverage and the key of its job."""
Mode = Literal["rerank-only", "full"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of the candidates of a saved trace when it was run again."""

    mode: Mode
    job: str
    """Key of what the trace was run through; equal keys give equal results."""
    saved: int
    """Distinct candidates that the saved trace holds."""
    candidates: int
    """Candidates that were to be reranked this time."""
    scored: int
    """Those of them that have a score now."""
    without_text: tuple[str, ...] = ()
    """Candidates whose text neither the trace nor the corpus holds: not scored."""
    unknown: tuple[str, ...] = ()
    """Full replay: saved candidates that today's corpus does not hold, so that they cannot be found."""
    from_corpus: int = 0
    """Texts that the trace lacks and that were taken from today's corpus."""
    repeated: int = 0
    """Places of the saved list that hold an id for a second time; each document is scored once."""
    left_out: tuple[str, ...] = ()
    """Stages of the saved trace behind its reranker: they are not run again."""

    @property
    def complete(self) -> bool:
        """Whether nothing had to be left out."""
        return not (self.without_text or self.unknown or self.left_out)

    @property
    def line(self) -> str:
        """How far it went, in one line of plain words. Ids are not shown: they are hostile text."""
        parts = [f"{self.scored} of {counted(self.candidates, 'candidate')} scored"]
        if self.without_text:
            parts.append(f"{len(self.without_text)} without text")
        if self.unknown:
            parts.append(f"{len(self.unknown)} of {self.saved} saved ones not in today's corpus")
        if self.from_corpus:
            parts.append(f"{counted(self.from_corpus, 'text')} taken from today's corpus")
        if self.repeated:
            parts.append(f"{counted(self.repeated, 'repeated id')} scored once")
        if self.left_out:
            parts.append(f"{counted(len(self.left_out), 'later stage')} not run")
        return "; ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Plain values, as stored in the trace; what is empty is left out."""
        values = {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }
        return {key: value for key, value in values.items() if value not in ([], 0) or key == "scored"}


def coverage_of(trace: Trace) -> Coverage | None:
    """The coverage that a replay carries; None for a trace without one, or with something else there."""
    note = trace.attributes.get(ATTRIBUTE)
    if not isinstance(note, Mapping) or note.get("mode") not in get_args(Mode):
        return None
    return Coverage(
        mode=cast(Mode, note["mode"]),
        job=str(note.get("job", "")),
        saved=_count(note, "saved"),
        candidates=_count(note, "candidates"),
        scored=_count(note, "scored"),
        without_text=_names(note, "without_text"),
        unknown=_names(note, "unknown"),
        from_corpus=_count(note, "from_corpus"),
        repeated=_count(note, "repeated"),
        left_out=_names(note, "left_out"),
    )


def _count(note: Mapping[str, Any], key: str) -> int:
    value = note.get(key, 0)
    return value if isinstance(value, int) else 0


def _names(note: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = note.get(key, ())
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()
