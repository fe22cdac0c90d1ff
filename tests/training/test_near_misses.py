"""Answers that miss by one constraint."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.training.near_misses import near_miss

RNG = random.Random


@pytest.mark.parametrize(
    ("query", "answer", "kept", "gone"),
    [
        ("Dose for children", "Children take 5 ml. CHILDREN under 2: none.", "take 5 ml", "hildren"),
        ("What came with version 3.11?", "3.11 brought groups; 3.1 did not.", "3.1 did not", "3.11"),
        ("Who won in 1987", "In 1987, and not in 19870, they won.", "19870", "1987,"),
    ],
)
def test_the_shared_constraint_is_changed_everywhere(query: str, answer: str, kept: str, gone: str) -> None:
    for seed in range(20):
        changed = near_miss(query, answer, RNG(seed))
        assert changed is not None
        assert kept in changed
        assert gone not in changed


def test_case_is_kept() -> None:
    changed = near_miss("before", "Before. BEFORE, before.", RNG(1))
    assert changed == "After. AFTER, after."


def test_nothing_shared_gives_none() -> None:
    assert near_miss("how to sleep", "In 1987 adults slept.", RNG(1)) is None
    assert near_miss("rules of 2020", "The 20201 rules", RNG(1)) is None


@given(st.text(), st.text(), st.integers())
def test_a_near_miss_is_never_the_answer_itself(query: str, answer: str, seed: int) -> None:
    assert near_miss(query, answer, RNG(seed)) != answer
