"""What a method suggests as a floor, with its evidence; and when it has to say that it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rankscope.core.scales import ScoreScale
from rankscope.insight.floors.observations import Observations
from rankscope.insight.significance import Interval

__all__ = ["FEWEST_QUERIES", "Suggestion", "refusal"]

FEWEST_QUERIES = 20
"""Below this many queries no method suggests anything."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A floor that a method suggests, or, where ``value`` is None, why it suggests none.

    ``low`` and ``high`` bound the value at 95 percent: bootstrap over queries, unless the method says
    otherwise. A wide interval is to be shown wide.
    """

    method: str
    value: float | None
    scale: ScoreScale
    low: float | None
    high: float | None
    observations: int
    """Scores behind it."""
    queries: int
    """Different queries behind it."""
    warning: str = ""
    """Why there is no value, or why to be careful with it; empty where nothing is to be said."""
    held_out: Mapping[str, Interval] = field(default_factory=dict)
    """What the method reaches on queries that it was not fitted on (five folds by query)."""
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    """What was asked for and what was found, such as the target or the share of the upper mode."""

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "method": self.method,
            "value": self.value,
            "score_scale": self.scale.value,
            "low": self.low,
            "high": self.high,
            "observations": self.observations,
            "queries": self.queries,
            "warning": self.warning,
            "held_out": {
                name: {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
                for name, found in self.held_out.items()
            },
            "parameters": dict(self.parameters),
        }


def refusal(
    method: str,
    observations: Observations,
    why: str,
    *,
    found: int,
    queries: int,
    parameters: Mapping[str, float | str] | None = None,
) -> Suggestion:
    """A suggestion without a value."""
    return Suggestion(
        method=method,
        value=None,
        scale=observations.score_scale,
        low=None,
        high=None,
        observations=found,
        queries=queries,
        warning=why,
        parameters=parameters or {},
    )
