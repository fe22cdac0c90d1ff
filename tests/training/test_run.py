"""Whole runs on a world of two dozen pairs: real index, real trainer, a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rankscope.config import Settings
from rankscope.engine.progress import IndexProgress
from rankscope.errors import InputError
from rankscope.training.checkpoints import last_checkpoint
from rankscope.training.model_card import Outcome
from rankscope.training.recipe import Recipe
from rankscope.training.run import TrainingRun
from rankscope.training.source import Source, source_from_pairs

RECIPE = Recipe(max_steps=8, queries_per_step=6, negatives=6, learning_rate=0.05, save_every=3, seed=4)

Records = list[dict[str, str]]


def silent(step: IndexProgress) -> None:
    """Progress that nobody watches."""


def index(records: Records, folder: Path) -> Source:
    """A pairs file and its passages, indexed."""
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return source_from_pairs(path, folder, Settings(), silent)


@pytest.fixture(scope="module")
def source(pairs: Records, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The pairs, indexed once for all runs."""
    source = index(pairs, tmp_path_factory.mktemp("source"))
    yield source
    source.workspace.close()


def make_run(
    source: Source,
    model: Path,
    work: Path,
    recipe: Recipe = RECIPE,
    say: Callable[[IndexProgress], None] = silent,
) -> TrainingRun:
    """A run from the tiny model, compared with it."""
    return TrainingRun(source, recipe, str(model), str(model), work, say)


@pytest.fixture(scope="module")
def finished(
    source: Source, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingRun, Outcome]:
    """A run that went through without a break."""
    run = make_run(source, tiny_model, tmp_path_factory.mktemp("whole"))
    return run, run.run()


def test_learnable_pairs_give_a_better_calibrated_model(finished: tuple[TrainingRun, Outcome]) -> None:
    _, outcome = finished
    assert outcome.steps == 8
    assert outcome.accepted
    change = outcome.comparison.changes[0]
    assert change.name == "nDCG@10"
    assert change.lift.value == pytest.approx(change.after.value - change.before.value)
    assert outcome.error < 0.25  # a model that says 0 of everything is off by the share of positives at least
    assert outcome.data == ("survey: 26 pairs; licence CC0-1.0",)


def test_what_is_read_of_each_part_stays(finished: tuple[TrainingRun, Outcome], tiny_model: Path) -> None:
    from safetensors.torch import load_file

    before = load_file(tiny_model / "model.safetensors")
    after = load_file(finished[0].model_folder / "model.safetensors")
    changed = {name for name in before if not before[name].equal(after[name])}
    assert {name.split(".")[0] for name in changed} == {"crossing", "interaction"}
    assert "interaction.rarity" not in changed


def test_pairs_can_be_judged_one_by_one(source: Source, tiny_model: Path, tmp_path: Path) -> None:
    recipe = Recipe(**{**RECIPE.as_mapping(), "loss": "bce"})
    outcome = make_run(source, tiny_model, tmp_path, recipe).run()
    assert outcome.comparison.changes[0].lift.value > 0


def test_shuffled_labels_are_not_accepted(shuffled: Records, tiny_model: Path, tmp_path: Path) -> None:
    wrong = index(shuffled, tmp_path)
    with closing(wrong.workspace):
        outcome = make_run(wrong, tiny_model, tmp_path).run()
    assert not outcome.accepted
    assert any("nDCG@10" in line for line in outcome.lines())


class Killed(BaseException):
    """Stands for a kill: no part of the run may catch it."""


def kill_after_step_5(step: IndexProgress) -> None:
    """Stop between two checkpoints."""
    if step.stage == "training" and step.done == 5:
        raise Killed


def test_a_killed_run_resumes_to_the_same_weights(
    source: Source, tiny_model: Path, tmp_path: Path, finished: tuple[TrainingRun, Outcome]
) -> None:
    with pytest.raises(Killed):
        make_run(source, tiny_model, tmp_path, say=kill_after_step_5).run()
    seen: list[IndexProgress] = []
    second = make_run(source, tiny_model, tmp_path, say=seen.append)
    found = last_checkpoint(second.folder)
    assert found is not None
    assert found.name == "checkpoint-3"
    second.run(resume=True)

    steps = [step for step in seen if step.stage == "training"]
    assert steps[0].total == 8 - 3
    assert not any(step.stage == "mining" for step in seen)
    assert (second.model_folder / "model.safetensors").read_bytes() == (
        finished[0].model_folder / "model.safetensors"
    ).read_bytes()


def test_too_few_queries_are_refused(pairs: Records, tiny_model: Path, tmp_path: Path) -> None:
    few = index(pairs[:6], tmp_path)
    with closing(few.workspace), pytest.raises(InputError, match="too few"):
        make_run(few, tiny_model, tmp_path).run()


def test_folds_measure_every_query_and_survive_a_kill(
    source: Source, tiny_model: Path, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, folds=2, max_steps=4)
    said: list[str] = []
    outcome = make_run(source, tiny_model, tmp_path, recipe, lambda step: said.append(step.stage)).run()
    assert outcome.folds == 2
    assert sum(row.count for row in outcome.table) > len(outcome.table)
    assert {"fold 1 of 2", "fold 2 of 2", "training"} <= set(said)

    class Killed(Exception):
        """Stands for the end of the process."""

    def kill(step: IndexProgress) -> None:
        if step.stage == "fold 2 of 2":
            raise Killed

    work = tmp_path / "killed"
    with pytest.raises(Killed):
        make_run(source, tiny_model, work, recipe, kill).run()
    said.clear()
    again = make_run(source, tiny_model, work, recipe, lambda step: said.append(step.stage)).run(resume=True)
    assert "fold 1 of 2" not in said
    assert again.comparison == outcome.comparison
