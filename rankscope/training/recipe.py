"""What a training run does, as far as it can be chosen; written to the model card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from rankscope.errors import UsageError

__all__ = ["Recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of one run. Same recipe, data and base give the same weights on one machine."""

    loss: Literal["lambda", "listnet", "bce"] = "lambda"
    """LambdaLoss and ListNet compare a query's passages with one another, BCE judges each pair by itself."""
    epochs: float = 2.0
    max_steps: int | None = None
    """Ends the run early, after this many updates."""
    queries_per_step: int = 4
    negatives: int = 7
    """Most negatives of one query that are trained on: hardest first."""
    learning_rate: float = 2e-5
    held_out: float = 0.25
    """Share of the queries that only measure."""
    folds: int = 1
    """From 2 on, cross-validate: every query measures once, and the model is then trained on all."""
    near_misses: float = 0.5
    """Share of the queries, of those where it can be done, that get their answer with one constraint or its
    subject changed as a further negative."""
    first_stage: float = 0.2
    """With ListNet, the share of the target that follows the bi-encoder's cosines, so that what it knows is
    not unlearnt."""
    seed: int = 1
    save_every: int = 25
    """Updates between two checkpoints."""

    def __post_init__(self) -> None:
        """Raise UsageError for a value that cannot be trained with."""
        if not 0.05 <= self.held_out <= 0.5:
            raise UsageError(f"the held-out share is {self.held_out:g}, expected 0.05 to 0.5.")
        if not (0 <= self.near_misses <= 1 and 0 <= self.first_stage < 1):
            raise UsageError("the shares of near misses and of the first stage lie between 0 and 1.")
        if self.folds < 1:
            raise UsageError(f"{self.folds} folds, expected 2 or more, or 1 for a single held-out part.")
        if self.epochs <= 0 or self.learning_rate <= 0:
            raise UsageError("epochs and learning rate must be above 0.")
        if (
            min(
                self.queries_per_step,
                self.negatives,
                self.save_every,
                1 if self.max_steps is None else self.max_steps,
            )
            < 1
        ):
            raise UsageError("steps, queries a step, negatives and checkpoint interval start at 1.")

    def as_mapping(self) -> dict[str, Any]:
        """Plain dictionary."""
        return asdict(self)
