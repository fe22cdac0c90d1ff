"""What a rescue found: single changes, smallest first, or what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Change", "Rescue"]


@dataclass(frozen=True, slots=True)
class Change:
    """One setting with another value, and what that does to the result."""

    setting: str
    """As in rankscope.toml, such as ``retrieval.candidates``."""
    now: float
    to: float
    step: float
    """The setting's grid: ``to`` less this step (towards ``now``) does not keep the document."""
    rank: int
    """The document's rank in the result."""
    displaced: tuple[str, ...]
    """Documents that were kept and no longer are."""
    entered: tuple[str, ...]
    """Other documents that come in with it."""

    @property
    def size(self) -> float:
        """How large the change is, as a part of the setting's present value."""
        return abs(self.to - self.now) / max(abs(self.now), 1e-9)


@dataclass(frozen=True, slots=True)
class Rescue:
    """The changes that bring a document in, smallest first; without any, what stands in its way."""

    doc_id: str
    kept: bool
    """Whether it is in the result as things stand."""
    changes: tuple[Change, ...] = ()
    obstacles: tuple[str, ...] = ()
    """Where no single change helps: what would have to change together, or what cannot."""
