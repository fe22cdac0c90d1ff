"""The card of a trained model: where it comes from, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rankscope import __version__
from rankscope.insight.reliability import ReliabilityBin, reliability_lines
from rankscope.training.calibration import PlattScale
from rankscope.training.comparison import Comparison
from rankscope.training.recipe import Recipe

__all__ = ["Outcome", "model_card"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave."""

    base: str
    """Name and revision of the model that was trained."""
    present: str
    """Name and revision of the model that it is compared with."""
    data: tuple[str, ...]
    counts: tuple[str, ...]
    """What was trained and measured on, and what was left out, one line each."""
    steps: int
    folds: int
    """Folds of a cross-validation, 0 for a single held-out part."""
    comparison: Comparison
    scale: PlattScale
    calibrated: bool
    """Whether the scale is part of the model; its slope must be above 0."""
    error: float
    """Expected calibration error, each half of the held-out queries by the other half's scale."""
    table: tuple[ReliabilityBin, ...]

    @property
    def accepted(self) -> bool:
        """Whether the model may replace the present one."""
        return self.calibrated and self.comparison.better

    def lines(self) -> list[str]:
        """The figures as text."""
        return [
            *self.counts,
            "",
            *self.comparison.lines(),
            "",
            f"Expected calibration error {self.error:.3f} (scales cross-fitted on the held-out pairs)"
            + ("" if self.calibrated else "; NOT calibrated, scores are raw"),
            *reliability_lines(self.table),
        ]


def model_card(name: str, outcome: Outcome, recipe: Recipe) -> str:
    """The card in Markdown."""
    settings = "\n".join(f"| {key} | {value} |" for key, value in recipe.as_mapping().items())
    figures = "\n".join(_listed(outcome.lines()))
    verdict = (
        "Better than the model it was compared with: the interval of the lift lies above 0."
        if outcome.accepted
        else "NOT shown to be better than the model it was compared with; it was written on demand (--force)."
    )
    scale = (
        f"sigmoid of the logit; slope {outcome.scale.slope:.4f} and offset {outcome.scale.offset:+.4f} "
        "are folded into the last layer"
        if outcome.calibrated
        else "not calibrated"
    )
    return f"""# {name}

A cross-encoder fine-tuned with `rankscope train` (RankScope {__version__}).

- **Base**: {outcome.base}; its licence applies.
- **Compared with**: {outcome.present}
- **Calibration** (Platt): {scale}. The probabilities hold where relevant passages are as frequent among
  the candidates as here; a floor fitted on another model means nothing on this one.
- **Verdict**: {verdict}

## Data

{chr(10).join(f"- {line}" for line in outcome.data)}

## Recipe

| setting | value |
|---|---|
{settings}
| updates made | {outcome.steps} |

## Measured

{figures}

{_HOW_MEASURED[outcome.folds > 0]} Checksums: `SHA256SUMS`.
"""


_HOW_MEASURED = {
    False: "The held-out queries share no document with the training ones.",
    True: (
        "Every query was scored by a model trained on the folds that share no document with it; the weights "
        "here were then trained on all queries with the same recipe, and are expected to do at least as well."
    ),
}


def _listed(lines: Sequence[str]) -> list[str]:
    """As a block of fixed width."""
    return [f"    {line}".rstrip() for line in lines]
