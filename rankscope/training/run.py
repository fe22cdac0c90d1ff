"""One training run: mine, split, fit, calibrate, compare. What it leaves is a model folder to publish."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope import __version__
from rankscope.engine.progress import IndexProgress, ProgressClock
from rankscope.errors import InputError, UsageError, WorkspaceBusy
from rankscope.stages.dense.bundled import model_revision
from rankscope.stages.rerank.bundled import resolve_cross_encoder
from rankscope.training.calibration import calibration_error, cross_fitted, fit_platt, reliability
from rankscope.training.comparison import compare
from rankscope.training.examples import Example, load_examples, save_examples
from rankscope.training.mining import Mining
from rankscope.training.model_card import Outcome
from rankscope.training.recipe import Recipe
from rankscope.training.source import Source
from rankscope.training.split import Split, split_by_document

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
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
        from rankscope.training.base_model import (
            count_cut,
            fold_scale,
            freeze_lower_layers,
            load_base,
            raw_scores,
            save_model,
        )
        from rankscope.training.fit import Fit

        examples, counts = self._mined(resume)
        split = self._split(examples)
        before = self._scores(load_base(self.present_folder, self.device), split, "before")
        model = load_base(self.base_folder, self.device)
        cut, passages = count_cut(model, examples)
        trained, parameters = freeze_lower_layers(model)
        steps = Fit(model, split.train, self.recipe, self.folder, self.say).run(resume=resume)
        logits = [float(value) for row in raw_scores(model, split.held_out) for value in row]
        relevant = [item.grade > 0 for example in split.held_out for item in example.passages]
        scale = fit_platt(logits, relevant)
        calibrated = scale.slope > 0 and fold_scale(model, scale)
        shutil.rmtree(self.model_folder, ignore_errors=True)
        save_model(model, self.model_folder)
        # Measured as it was written, rounding and all.
        after = self._scores(load_base(self.model_folder, self.device), split, "after")
        said = cross_fitted(
            [float(value) for row in after for value in row],
            relevant,
            [place for place, row in enumerate(after) for _ in row],
        )
        return Outcome(
            base=f"{self.base} (weights {model_revision(self.base_folder)[:12]})",
            present=f"{self.present} (weights {model_revision(self.present_folder)[:12]})",
            data=self.source.described,
            counts=(
                *counts,
                *_split_lines(split),
                f"{trained:,} of {parameters:,} parameters trained",
                f"{cut:,} of {passages:,} passages exceed the model's input; their ends were not read",
            ),
            steps=steps,
            comparison=compare(split.held_out, before, after, self.recipe.seed),
            scale=scale,
            calibrated=calibrated,
            error=calibration_error(said, relevant),
            table=tuple(reliability(said, relevant)),
        )

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

    def _split(self, examples: list[Example]) -> Split:
        judged = {key: frozenset(known) for key, known in self.source.judgments.grades.items()}
        split = split_by_document(examples, judged, self.recipe.held_out, self.recipe.seed)
        if len(split.held_out) < _FEWEST_HELD_OUT or not split.train:
            raise InputError(
                f"{len(split.train)} queries to train on and {len(split.held_out)} held out are too few.",
                remedy=f"Give more judged queries; at least {_FEWEST_HELD_OUT} are held out.",
            )
        return split

    def _scores(self, model: CrossEncoder, split: Split, stage: str) -> list[NDArray[np.float64]]:
        from rankscope.training.base_model import raw_scores

        clock = ProgressClock(stage, len(split.held_out))
        rows: list[NDArray[np.float64]] = []
        for start in range(0, len(split.held_out), 8):
            rows += raw_scores(model, split.held_out[start : start + 8])
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


def _split_lines(split: Split) -> list[str]:
    passages = sum(len(example.passages) for example in split.held_out)
    return [
        f"{len(split.train):,} queries trained on, {len(split.held_out):,} held out with {passages:,} "
        "passages; no document on both sides",
        f"{split.dropped_negatives:,} negatives of the other side and {split.dropped_queries:,} queries left "
        "without any were taken out",
    ]


def _check_trainable() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("datasets", "accelerate") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"training needs {' and '.join(missing)}, which are not installed.",
            remedy="Run `pip install 'rankscope[train]'`.",
        )
