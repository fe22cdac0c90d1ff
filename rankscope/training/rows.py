"""What the trainer is fed: which passages of a query are compared, and the target of each."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from rankscope.stages.dense.loading import model_text
from rankscope.training.examples import Example, Passage
from rankscope.training.near_misses import near_miss
from rankscope.training.recipe import Recipe
from rankscope.training.subject_swaps import rare_words, subject_swap

__all__ = ["target_logits", "training_rows"]

_SHARPNESS = 13.0
"""Logits of the first stage's part of a target, for one unit of cosine."""
_LEAST = 1e-4


def training_rows(examples: Sequence[Example], recipe: Recipe) -> dict[str, list[Any]]:
    """Columns of the training set: lists of passages a query, or single pairs for BCE.

    Half of a query's negatives are its hardest, the others are drawn from the rest.
    """
    rng = random.Random(recipe.seed)  # noqa: S311  # not for secrets
    texts = {item.text for example in examples for item in example.passages}
    rare = rare_words(texts) if recipe.near_misses else {}
    lists = [_chosen(example, recipe, rare, rng) for example in examples]
    if recipe.loss == "bce":
        pairs = [
            (example.query, item) for example, chosen in zip(examples, lists, strict=True) for item in chosen
        ]
        return {
            "query": [model_text(query) for query, _ in pairs],
            "passage": [model_text(item.text) for _, item in pairs],
            "label": [float(item.grade > 0) for _, item in pairs],
        }
    return {
        "query": [model_text(example.query) for example in examples],
        "passages": [[model_text(item.text) for item in chosen] for chosen in lists],
        "labels": [_labels(chosen, recipe) for chosen in lists],
    }


def target_logits(passages: Sequence[Passage], share: float) -> list[float]:
    """Logarithms of the target distribution, which ListNet's softmax turns back into it.

    ``1 - share`` of it goes to the positives by grade; ``share`` follows the cosines, with the positives
    raised above all others. A passage without a cosine has no part in that.
    """
    known = [item.cosine for item in passages if item.cosine is not None]
    highest = max(known, default=0.0)
    weights = [
        math.exp(_SHARPNESS * (0.05 if item.grade > 0 else item.cosine - highest))
        if item.cosine is not None
        else 0.0
        for item in passages
    ]
    grades, total = sum(item.grade for item in passages), sum(weights)
    soft = share if total else 0.0
    return [
        math.log(max((1 - soft) * item.grade / grades + soft * weight / (total or 1.0), _LEAST))
        for item, weight in zip(passages, weights, strict=True)
    ]


def _labels(passages: Sequence[Passage], recipe: Recipe) -> list[float]:
    if recipe.loss == "listnet":
        return target_logits(passages, recipe.first_stage)
    return [float(item.grade) for item in passages]


def _chosen(example: Example, recipe: Recipe, rare: Mapping[str, int], rng: random.Random) -> list[Passage]:
    positives = [item for item in example.passages if item.grade > 0]
    negatives = [item for item in example.passages if item.grade <= 0]
    hard = (recipe.negatives + 1) // 2
    hardest, rest = negatives[:hard], negatives[hard:]
    chosen = [*positives, *hardest, *rng.sample(rest, min(len(rest), recipe.negatives - len(hardest)))]
    if rng.random() < recipe.near_misses:
        answer = rng.choice(positives)
        changed = _missing(example.query, answer.text, [item.text for item in hardest], rare, rng)
        if changed is not None:
            chosen.append(Passage(f"{answer.doc_id} (near miss)", changed, 0))
    # Ties must not favour the positives by their place.
    rng.shuffle(chosen)
    return chosen


def _missing(
    query: str, answer: str, neighbours: Sequence[str], rare: Mapping[str, int], rng: random.Random
) -> str | None:
    """The answer with one condition or its subject changed, whichever can be and by a draw where both can."""
    found = (near_miss(query, answer, rng), subject_swap(query, answer, neighbours, rare, rng))
    able = [changed for changed in found if changed is not None]
    return rng.choice(able) if able else None
