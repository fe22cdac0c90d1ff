"""The small parts: likely answers, the comparison's rule, the rows trained on, the folder handed over."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest

from rankscope.errors import UsageError
from rankscope.training.comparison import compare
from rankscope.training.examples import Example, Passage, load_examples, save_examples
from rankscope.training.mining import likely_answers
from rankscope.training.model_folder import check_target, publish
from rankscope.training.recipe import Recipe


def ranked(query_id: str, *grades: int) -> Example:
    """A query with one passage a grade."""
    return Example(
        query_id, "q", tuple(Passage(f"{query_id}-{n}", f"text {n}", g) for n, g in enumerate(grades))
    )


def unit(angle: float) -> list[float]:
    """A unit vector in the plane."""
    return [math.cos(angle), math.sin(angle)]


def test_copies_and_better_neighbours_are_likely_answers() -> None:
    query = np.array(unit(0.0))
    positives = np.array([unit(0.8)])
    # A copy of the positive; much nearer to the query than it; as near as it on the other side.
    candidates = np.array([unit(0.9), unit(0.2), unit(-0.8)])
    assert likely_answers(query, candidates, positives).tolist() == [True, True, False]


def test_the_lift_is_the_paired_difference_and_decides() -> None:
    examples = [ranked(f"q{n}", 1, 0, 0) for n in range(12)]
    worst = [np.array([0.0, 1.0, 2.0])] * 12
    best = [np.array([2.0, 1.0, 0.0])] * 12
    found = compare(examples, worst, best)
    assert found.better
    ndcg, mrr = found.changes
    assert ndcg.lift.value == pytest.approx(1 - 1 / math.log2(3 + 1))
    assert mrr.lift.value == pytest.approx(1 - 1 / 3)
    assert not compare(examples, best, worst).better
    assert not compare(examples, best, best).better


def test_gains_that_may_be_luck_do_not_decide() -> None:
    examples = [ranked(f"q{n}", 1, 0) for n in range(12)]
    up, down = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    found = compare(examples, [down] * 6 + [up] * 6, [up] * 7 + [down] * 5)
    assert found.changes[0].lift.value > 0
    assert not found.better


def test_half_of_the_negatives_are_the_hardest() -> None:
    from rankscope.training.rows import training_rows

    example = ranked("q", 2, *[0] * 20)
    rows = training_rows([example], Recipe(negatives=6, seed=3))
    chosen = rows["passages"][0]
    assert len(chosen) == 1 + 6
    assert {"text 0", "text 1", "text 2", "text 3"} <= set(chosen)
    assert [label for text, label in zip(chosen, rows["labels"][0], strict=True) if text == "text 0"] == [2.0]
    assert rows == training_rows([example], Recipe(negatives=6, seed=3))


def test_pairs_have_yes_or_no_labels() -> None:
    from rankscope.training.rows import training_rows

    rows = training_rows([ranked("q", 3, 0, 0)], Recipe(loss="bce"))
    labels = dict(zip(rows["passage"], rows["label"], strict=True))
    assert labels == {"text 0": 1.0, "text 1": 0.0, "text 2": 0.0}


def test_examples_come_back_as_they_were(tmp_path: Path) -> None:
    examples = [Example("q", "line\nbreak \ud800", (Passage("d", "\x00 text", 3),)), ranked("r", 1, 0)]
    save_examples(tmp_path / "e.jsonl", examples)
    assert load_examples(tmp_path / "e.jsonl") == examples


def test_a_model_folder_carries_its_checksums_and_replaces_its_like(tmp_path: Path) -> None:
    model, target = tmp_path / "model", tmp_path / "out" / "mine"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    publish(model, "first", target)
    (model / "model.safetensors").write_bytes(b"better")
    publish(model, "second", target)
    assert (target / "MODEL_CARD.md").read_text() == "second"
    digest = hashlib.sha256(b"better").hexdigest()
    assert (target / "SHA256SUMS").read_text() == f"{digest}  model.safetensors\n"
    assert [path.name for path in target.parent.iterdir()] == ["mine"]


def test_another_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is not a model folder"):
        check_target(tmp_path)


@pytest.mark.parametrize("bad", [{"held_out": 0.9}, {"epochs": 0}, {"negatives": 0}, {"max_steps": 0}])
def test_a_recipe_that_cannot_work_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Recipe(**bad)
