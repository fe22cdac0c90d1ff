"""The model that is trained: a split cross-encoder or any other that ``CrossEncoder`` loads from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder

from rankscope.errors import ModelError
from rankscope.stages.dense.loading import model_text, quiet_loading
from rankscope.stages.rerank.split_cross_encoder import (
    SplitCrossEncoder,
    is_split_model,
    load_cross_encoder,
)
from rankscope.training.calibration import PlattScale
from rankscope.training.examples import Example
from rankscope.training.read_parts import ReadParts

__all__ = [
    "count_cut",
    "fold_scale",
    "freeze_reading",
    "load_base",
    "raw_scores",
    "save_model",
    "training_dtype",
]

_READ_BYTES = 2 * 2**30
_TRAINED = ("network.crossing.", "network.interaction.")
_BATCH = 16


def load_base(folder: Path, device: str = "cpu") -> CrossEncoder:
    """The model; what can be trained of it is in float32.

    Raises ModelError where it cannot be loaded or gives more than one score.
    """
    if is_split_model(folder):
        model = load_cross_encoder(folder, device)
        # It goes on reading each part as it does, so a text needs to be read only once.
        model[0].read = ReadParts(model[0].network, training_dtype(model.device), _READ_BYTES)
        return model
    try:
        with quiet_loading():
            model = CrossEncoder(
                str(folder), device=device, local_files_only=True, model_kwargs={"dtype": torch.float32}
            )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{folder}: cannot be loaded as a cross-encoder: {reason}") from error
    if model.num_labels != 1:
        raise ModelError(f"{folder}: gives {model.num_labels} labels a pair, a reranker gives one score.")
    return model


def training_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, else float32; never timed, so never a draw."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if native else torch.float32


def freeze_reading(model: CrossEncoder) -> tuple[int, int]:
    """Keep what a split model reads each part with; other models are trained whole.

    Returns the numbers of trained and of all parameters. The layers stay those of the bi-encoder, so
    training is cheap and cannot unlearn how to read.
    """
    if isinstance(model[0], SplitCrossEncoder):
        for name, parameter in model[0].named_parameters():
            parameter.requires_grad_(name.startswith(_TRAINED))
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, trained in sizes if trained), sum(size for size, _ in sizes)


def raw_scores(model: CrossEncoder, examples: Sequence[Example]) -> list[NDArray[np.float64]]:
    """Logits of every example's passages, before any activation. What exceeds the input is cut."""
    pairs = [
        (model_text(example.query), model_text(passage.text))
        for example in examples
        for passage in example.passages
    ]
    flat = model.predict(pairs, batch_size=_BATCH, activation_fn=torch.nn.Identity(), show_progress_bar=False)
    ends = np.cumsum([len(example.passages) for example in examples])[:-1]
    return list(np.split(np.asarray(flat, dtype=np.float64), ends))


def count_cut(model: CrossEncoder, examples: Sequence[Example]) -> tuple[int, int]:
    """How many different passages are longer than the model's input, and how many there are."""
    texts = sorted({model_text(passage.text) for example in examples for passage in example.passages})
    if isinstance(model[0], SplitCrossEncoder):
        limit = model[0].passage_limit
        return sum(len(ids) > limit for ids in model[0].pieces(texts)), len(texts)
    limit = int(model.max_seq_length or 512)
    encoded = model.tokenizer(texts, truncation=False, verbose=False)["input_ids"]
    return sum(len(ids) > limit for ids in encoded), len(texts)


def fold_scale(model: CrossEncoder, scale: PlattScale) -> bool:
    """Put slope and offset into the last layer, so that the logit is a calibrated one.

    False, and nothing changed, where there is no such layer. Raises ModelError for a slope that would
    turn the order round.
    """
    if scale.slope <= 0:
        raise ModelError(f"the calibration's slope is {scale.slope:.3f}: higher scores are less relevant.")
    if isinstance(model[0], SplitCrossEncoder):
        model[0].network.interaction.rescale(scale.slope, scale.offset)
        return True
    heads = [
        module
        for module in model.modules()
        if type(module) is torch.nn.Linear and module.out_features == 1 and module.bias is not None
    ]
    if len(heads) != 1:
        return False
    with torch.no_grad():
        heads[0].weight.mul_(scale.slope)
        heads[0].bias.mul_(scale.slope).add_(scale.offset)
    return True


def save_model(model: CrossEncoder, folder: Path) -> None:
    """Write weights as safetensors with config and tokenizer."""
    if isinstance(model[0], SplitCrossEncoder):
        model[0].save(str(folder))
    else:
        with quiet_loading():
            model.save_pretrained(str(folder), create_model_card=False)
