"""Targets: who gets how much of the distribution that ListNet learns."""

from __future__ import annotations

import math

import pytest

from rankscope.training.examples import Example, Passage
from rankscope.training.recipe import Recipe
from rankscope.training.rows import target_logits, training_rows

PASSAGES = (Passage("a", "", 1, 0.6), Passage("b", "", 0, 0.7), Passage("c", "", 0, None))


def test_the_target_mixes_grades_and_cosines() -> None:
    share = 0.25
    weights = [math.exp(13.0 * 0.05), math.exp(13.0 * (0.7 - 0.7)), 0.0]
    target = [math.exp(value) for value in target_logits(PASSAGES, share)]
    assert target[0] == pytest.approx((1 - share) + share * weights[0] / sum(weights))
    assert target[1] == pytest.approx(share * weights[1] / sum(weights))
    assert target[2] == pytest.approx(1e-4)


def test_without_cosines_the_grades_take_it_all() -> None:
    passages = [Passage("a", "", 2), Passage("b", "", 1), Passage("c", "", 0)]
    assert [math.exp(value) for value in target_logits(passages, 0.5)] == pytest.approx([2 / 3, 1 / 3, 1e-4])


def test_an_answer_with_one_condition_changed_is_a_negative() -> None:
    example = Example("q", "fees in 2019", (Passage("a", "In 2019 it was 3.", 1), Passage("b", "No fee.", 0)))
    rows = training_rows([example], Recipe(near_misses=1.0))
    made = [
        (text, label)
        for text, label in zip(rows["passages"][0], rows["labels"][0], strict=True)
        if text not in {"In 2019 it was 3.", "No fee."}
    ]
    assert len(made) == 1
    assert made[0][1] == 0.0
    assert "it was 3." in made[0][0]
    assert len(training_rows([example], Recipe(near_misses=0.0))["passages"][0]) == 2


def test_an_answer_about_another_subject_is_a_negative() -> None:
    answer, other = "Cedar needs shade and cedar needs water.", "Maple stands in sun, maple keeps dry."
    example = Example("q", "how to plant cedar", (Passage("a", answer, 1), Passage("b", other, 0)))
    made = {
        text
        for seed in range(20)
        for text in training_rows([example], Recipe(near_misses=1.0, seed=seed))["passages"][0]
        if text not in {answer, other}
    }
    assert any("maple needs shade" in text.lower() for text in made)
    assert all("needs" in text for text in made)
