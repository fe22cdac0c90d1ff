"""One training run: mine, split, fit, calibrate, compare. What it leaves is a model folder to publish."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope import __version__
from rankscope.engine.progress import IndexProgress, ProgressClock
from rankscope.errors import InputError, UsageError, WorkspaceBusy
from rankscope.insight.reliability import calibration_error, reliability
from rankscope.stages.dense.bundled import model_revision
from rankscope.stages.rerank.bundled import resolve_cross_encoder
from rankscope.training.calibration import cross_fitted, fit_platt
from rankscope.training.comparison import compare
from rankscope.training.examples import Example, load_examples, save_examples
from rankscope.training.held_out import HeldOut, Rows, load_rows, save_rows
from rankscope.training.mining import Mining
from rankscope.training.model_card import Outcome
from rankscope.training.recipe import Recipe
from rankscope.training.source import Source
from rankscope.training.split import Split, folds_by_document, split_by_document

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

__all__ = ["TrainingRun"]

_MINED = 30
"""Negatives that are mined for one query; the recipe says how many of them are trained on."""
_FEWEST_HELD_OUT = 4


@dataclass
class TrainingRun:
    """A run of ``recipe`` on ``source`` from the model ``base``, compared with ``present``.

    ``folder`` is the run's own, named by everything that the outcome depends on, so a run that was killed
    finds its checkpoints again and another run never does.
    """

    source: Source
    recipe: Recipe
    base: str
    present: str
    work: Path
    say: Callable[[IndexProgress], None]
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Find both models. Raises ModelError when one is not on this machine."""
        download = self.source.workspace.settings.models.download
        self.base_folder = resolve_cross_encoder(self.base, download)
        self.present_folder = resolve_cross_encoder(self.present, download)
        self.folder = self.work / self._identity()

    @property
    def model_folder(self) -> Path:
        """Where the trained model lies until it is published."""
        return self.folder / "model"

    def run(self, *, resume: bool = False) -> Outcome:
        """Do it all. Raises InputError for too little data, WorkspaceBusy when the same run is going on."""
        import filelock

        _check_trainable()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = filelock.FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise WorkspaceBusy(
                f"{self.folder}: another process runs the same training.", remedy="Wait for it."
            ) from None
        try:
            return self._run(resume)
        finally:
            lock.release()

    def _run(self, resume: bool) -> Outcome:
        from rankscope.training.base_model import count_cut, fold_scale, load_base, raw_scores, save_model

        examples, counts = self._mined(resume)
        splits = self._splits(examples)
        crossed = len(splits) > 1
        measured = HeldOut(*self._in_turn(splits, resume)) if crossed else None
        model = load_base(self.base_folder, self.device)
        cut, passages = count_cut(model, examples)
        learnt = tuple(examples) if crossed else splits[0].train
        trained, parameters, steps = self._fit(model, learnt, self.folder, "training", resume)
        if measured is None:
            held_out = splits[0].held_out
            before = self._scores(load_base(self.present_folder, self.device), held_out, "before")
            measured = HeldOut(held_out, before, raw_scores(model, held_out))
        scale = fit_platt(measured.logits, measured.relevant)
        calibrated = scale.slope > 0 and fold_scale(model, scale)
        shutil.rmtree(self.model_folder, ignore_errors=True)
        save_model(model, self.model_folder)
        if not crossed:
            # Measured as it was written, rounding and all.
            written = self._scores(load_base(self.model_folder, self.device), measured.examples, "after")
            measured = HeldOut(measured.examples, measured.before, written)
        said = cross_fitted(measured.logits, measured.relevant, measured.groups)
        return Outcome(
            base=f"{self.base} (weights {model_revision(self.base_folder)[:12]})",
            present=f"{self.present} (weights {model_revision(self.present_folder)[:12]})",
            data=self.source.described,
            counts=(
                *counts,
                *_split_lines(splits),
                f"{trained:,} of {parameters:,} parameters trained",
                f"{cut:,} of {passages:,} passages exceed the model's input; their ends were not read",
            ),
            steps=steps,
            folds=len(splits) if crossed else 0,
            comparison=compare(measured.examples, measured.before, measured.after, self.recipe.seed),
            scale=scale,
            calibrated=calibrated,
            error=calibration_error(said, measured.relevant),
            table=tuple(reliability(said, measured.relevant)),
        )

    def _fit(
        self, model: CrossEncoder, examples: Sequence[Example], folder: Path, name: str, resume: bool
    ) -> tuple[int, int, int]:
        """Train in place: parameters trained, parameters, updates made."""
        from rankscope.training.base_model import freeze_reading
        from rankscope.training.fit import Fit

        trained, parameters = freeze_reading(model)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        steps = Fit(model, examples, self.recipe, folder, self.say, name).run(resume=resume)
        return trained, parameters, steps

    def _in_turn(self, splits: Sequence[Split], resume: bool) -> tuple[list[Example], Rows, Rows]:
        """Every fold's held-out queries with scores before, and by a model that was trained on the others.

        A fold that was finished before a kill is not trained again on resume.
        """
        from rankscope.training.base_model import load_base

        present = load_base(self.present_folder, self.device)
        examples: list[Example] = []
        before: Rows = []
        after: Rows = []
        for number, split in enumerate(splits, start=1):
            name = f"fold {number} of {len(splits)}"
            done = self.folder / f"fold-{number}" / "scores.json"
            rows = load_rows(done) if resume else None
            if rows is None:
                old = self._scores(present, split.held_out, "before")
                model = load_base(self.base_folder, self.device)
                self._fit(model, split.train, done.parent, name, resume)
                rows = (old, self._scores(model, split.held_out, "after"))
                save_rows(done, *rows)
            examples += split.held_out
            before += rows[0]
            after += rows[1]
        return examples, before, after

    def _mined(self, resume: bool) -> tuple[list[Example], list[str]]:
        """Examples and what to say of them; those of a killed run are taken over on resume."""
        path, counts_path = self.folder / "examples.jsonl", self.folder / "mining.json"
        if resume and path.is_file() and counts_path.is_file():
            return load_examples(path), json.loads(counts_path.read_text(encoding="utf-8"))
        mining = Mining(self.source, _MINED)
        for step in mining.iter_progress():
            self.say(step)
        lines = [
            f"{len(mining.examples):,} queries with relevant passages and negatives; left out: "
            f"{mining.unanswerable:,} without an answer, {mining.unfound:,} with an empty side",
            f"{mining.false_negatives:,} neighbours left out as probable answers",
        ]
        counts_path.write_text(json.dumps(lines), encoding="utf-8")
        save_examples(path, mining.examples)
        return mining.examples, lines

    def _splits(self, examples: list[Example]) -> tuple[Split, ...]:
        judged = {key: frozenset(known) for key, known in self.source.judgments.grades.items()}
        recipe = self.recipe
        if recipe.folds > 1:
            splits = folds_by_document(examples, judged, recipe.folds, recipe.seed)
        else:
            splits = (split_by_document(examples, judged, recipe.held_out, recipe.seed),)
        for split in splits:
            if len(split.held_out) < _FEWEST_HELD_OUT or not split.train:
                raise InputError(
                    f"{len(split.train)} queries to train on and {len(split.held_out)} held out are too few.",
                    remedy=f"Give more judged queries; at least {_FEWEST_HELD_OUT} are held out.",
                )
        return splits

    def _scores(self, model: CrossEncoder, examples: Sequence[Example], stage: str) -> Rows:
        from rankscope.training.base_model import raw_scores

        clock = ProgressClock(stage, len(examples))
        rows: Rows = []
        for start in range(0, len(examples), 8):
            rows += raw_scores(model, examples[start : start + 8])
            self.say(clock.at(len(rows)))
        return rows

    def _identity(self) -> str:
        digest = hashlib.sha256()
        for part in self._determinants():
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()[:16]

    def _determinants(self) -> Iterator[str]:
        """Everything that the weights depend on."""
        manifest = self.source.workspace.manifest
        yield __version__
        yield json.dumps(self.recipe.as_mapping(), sort_keys=True)
        yield model_revision(self.base_folder)
        yield "" if manifest is None else manifest.fingerprint
        for item in self.source.queries:
            yield json.dumps([item.query_id, item.query.text, dict(item.query.filters)])
            yield json.dumps(self.source.judgments.grades.get(item.query_id, {}), sort_keys=True)
            aside = self.source.set_aside.get(item.query_id)
            if aside:
                yield json.dumps(sorted(aside))


def _split_lines(splits: Sequence[Split]) -> list[str]:
    held_out = sum(len(split.held_out) for split in splits)
    passages = sum(len(example.passages) for split in splits for example in split.held_out)
    if len(splits) > 1:
        first = (
            f"{held_out:,} queries with {passages:,} passages, each held out in one of {len(splits)} folds; "
            "no document on both sides of a fold"
        )
    else:
        first = (
            f"{len(splits[0].train):,} queries trained on, {held_out:,} held out with {passages:,} passages; "
            "no document on both sides"
        )
    dropped = sum(split.dropped_negatives for split in splits)
    left_out = sum(split.dropped_queries for split in splits)
    return [
        first,
        f"{dropped:,} negatives of the other side and {left_out:,} queries left without any were taken out",
    ]


def _check_trainable() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("datasets", "accelerate") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"training needs {' and '.join(missing)}, which are not installed.",
            remedy="Run `pip install 'rankscope[train]'`.",
        )
