"""The fit itself: sentence-transformers' trainer and losses, with checkpoints that resume exactly."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments, losses
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import TrainerCallback

from rankscope.engine.progress import IndexProgress, ProgressClock
from rankscope.stages.dense.loading import quiet_loading
from rankscope.training.base_model import training_dtype
from rankscope.training.checkpoints import COMPLETE, last_checkpoint
from rankscope.training.examples import Example
from rankscope.training.freed_memory import keep_freed_memory
from rankscope.training.recipe import Recipe
from rankscope.training.rows import training_rows

__all__ = ["Fit"]

_WEIGHTS = "trained.safetensors"
# Low-rank changes and the score's own few numbers are moved faster than whole layers would be.
_FASTER = {r"(narrow|widen)\.weight$|interaction\.": 10.0, r"reserve$": 50.0}


class Fit:
    """One fit of ``model`` on ``examples``; checkpoints go to ``folder``. Progress goes by ``name``."""

    def __init__(
        self,
        model: CrossEncoder,
        examples: Sequence[Example],
        recipe: Recipe,
        folder: Path,
        say: Callable[[IndexProgress], None],
        name: str = "training",
    ) -> None:
        self.folder = folder
        self.callback = _Report(say, name)
        arguments = _arguments(recipe, folder, str(model.device), _rates(model, recipe))
        dataset = Dataset.from_dict(training_rows(examples, recipe))
        with quiet_loading():
            self.trainer = _Trainer(
                model=model,
                args=arguments,
                train_dataset=dataset,
                loss=_loss(model, recipe),
                callbacks=[self.callback],
            )
        from transformers.trainer_callback import PrinterCallback, ProgressCallback

        for noisy in (PrinterCallback, ProgressCallback):
            self.trainer.remove_callback(noisy)

    def run(self, *, resume: bool) -> int:
        """Train to the end and return the updates made; with ``resume``, go on from the last checkpoint."""
        checkpoint = last_checkpoint(self.folder) if resume else None
        for path in self.folder.glob("checkpoint-*"):
            if checkpoint is None or not (path / COMPLETE).is_file():
                shutil.rmtree(path)
        keep_freed_memory()
        # The fused kernels' backward is several times slower than plain products on processors, and plain
        # products in the training's number format several times faster than in float32.
        allowed = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()  # type: ignore[no-untyped-call]  # torch's own
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
        try:
            with sdpa_kernel(SDPBackend.MATH), quiet_loading():
                self.trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        finally:
            torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(allowed)
        self.trainer.model.eval()
        return int(self.trainer.state.global_step)


def _arguments(
    recipe: Recipe, folder: Path, device: str, rates: dict[str, float]
) -> CrossEncoderTrainingArguments:
    lists = recipe.loss != "bce"
    return CrossEncoderTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps or -1,
        per_device_train_batch_size=recipe.queries_per_step * (1 if lists else recipe.negatives + 1),
        learning_rate=recipe.learning_rate,
        learning_rate_mapping=rates,
        weight_decay=0.01,
        warmup_steps=0.1,
        lr_scheduler_type="cosine",
        save_strategy="steps",
        save_steps=recipe.save_every,
        save_total_limit=2,
        logging_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=recipe.seed,
        data_seed=recipe.seed,
        use_cpu=device == "cpu",
        bf16=training_dtype(torch.device(device)) is torch.bfloat16,
        dataloader_pin_memory=False,
    )


def _rates(model: CrossEncoder, recipe: Recipe) -> dict[str, float]:
    """Learning rates by parameter name, those that match no trained parameter left out."""
    import re

    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    return {
        pattern: recipe.learning_rate * factor
        for pattern, factor in _FASTER.items()
        if any(re.search(pattern, name) for name in names)
    }


def _loss(model: CrossEncoder, recipe: Recipe) -> torch.nn.Module:
    if recipe.loss == "bce":
        loss: torch.nn.Module = losses.BinaryCrossEntropyLoss(model)
    elif recipe.loss == "listnet":
        loss = losses.ListNetLoss(model, mini_batch_size=-1)
    else:
        loss = losses.LambdaLoss(model, mini_batch_size=-1)
    return loss


class _Trainer(CrossEncoderTrainer):  # type: ignore[misc]  # the base class is untyped here
    """Keeps what training changes, in float32: a model's folder is rounded and would not resume exactly."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: the card is written by RankScope."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self._trained(), folder / _WEIGHTS)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        # Written last: a checkpoint without it was cut short by a kill.
        (Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}" / COMPLETE).touch()

    def _load_from_checkpoint(self, checkpoint_path: str, model: Any = None) -> None:  # noqa: ARG002
        weights = load_file(Path(checkpoint_path) / _WEIGHTS)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(weights[name])

    def _trained(self) -> dict[str, torch.Tensor]:
        return {
            name: parameter.detach().contiguous()
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }


class _Report(TrainerCallback):  # type: ignore[misc]  # the base class is untyped here
    """Hands the trainer's steps on as progress."""

    def __init__(self, say: Callable[[IndexProgress], None], name: str) -> None:
        self.say = say
        self.name = name
        self.clock: ProgressClock | None = None
        self.start = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start the clock; a resumed run starts at the checkpoint's step."""
        self.start = state.global_step
        self.clock = ProgressClock(self.name, state.max_steps - self.start)
        self.say(self.clock.at(0))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """One update was made."""
        if self.clock is not None:
            self.say(self.clock.at(state.global_step - self.start))
