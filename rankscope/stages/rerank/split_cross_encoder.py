"""The split network as a sentence-transformers module, so that it is a ``CrossEncoder`` to the outside.

sentence-transformers imports module classes that are not its own only with ``trust_remote_code``; here
the module is built by us and handed over, so nothing in a model's folder is ever executed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from sentence_transformers.base.modules import InputModule
from tokenizers import Tokenizer
from torch import Tensor

from rankscope.errors import ModelError
from rankscope.stages.dense.loading import model_text
from rankscope.stages.rerank.interaction import joining_of
from rankscope.stages.rerank.split_bert import Side, SplitBert, SplitBertConfig

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

__all__ = ["ARCHITECTURE", "SplitCrossEncoder", "is_split_model", "load_cross_encoder", "pad"]

_FAMILY = "rankscope-split-bert/"
ARCHITECTURE = f"{_FAMILY}2"
_QUERY_SHARE = 4  # a query may take at most a quarter of the input


class SplitCrossEncoder(InputModule):  # type: ignore[misc]  # the base class is untyped here
    """Tokenizer and network of a split cross-encoder; ``forward`` adds ``scores``, the raw logits."""

    def __init__(self, network: SplitBert, tokenizer: Tokenizer, max_seq_length: int = 512) -> None:
        super().__init__()
        self.network = network
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        network.interaction.joining.copy_(joining_of(sorted(vocabulary, key=vocabulary.__getitem__)))
        self.max_seq_length = max_seq_length
        # What reads a part; training puts in one that reads each text once.
        self.read: Callable[[Tensor, Tensor], Side] = network.read

    @property
    def query_limit(self) -> int:
        """Most word pieces of a query that are read."""
        return self.max_seq_length // _QUERY_SHARE

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Word-piece ids of each text, nothing cut, no special tokens."""
        readable = [model_text(text) for text in texts]
        return [list(item.ids) for item in self.tokenizer.encode_batch(readable, add_special_tokens=False)]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Half-open character range of each word piece."""
        encoded = self.tokenizer.encode(model_text(text), add_special_tokens=False)
        return [(int(start), int(end)) for start, end in encoded.offsets]

    @property
    def passage_limit(self) -> int:
        """Most word pieces of a passage in one input, the same for every query, so that it can be kept.

        ``max_seq_length`` counts query and passage together, as for any cross-encoder.
        """
        return min(self.network.config.positions - 2, self.max_seq_length - self.query_limit - 4)

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Tensor | Any]:
        """Pairs of texts to padded ids and masks of both parts; the ends of long texts are cut."""
        queries = [
            ids[: self.query_limit] for ids in self.pieces([(prompt or "") + pair[0] for pair in inputs])
        ]
        passages = [ids[: self.passage_limit] for ids in self.pieces([pair[1] for pair in inputs])]
        config = self.network.config
        query_ids, query_mask = pad(queries, config)
        ids, mask = pad(passages, config)
        return {
            "query_input_ids": query_ids,
            "query_attention_mask": query_mask,
            "input_ids": ids,
            "attention_mask": mask,
        }

    def forward(self, features: dict[str, Tensor | Any], **_: Any) -> dict[str, Tensor | Any]:
        """Add ``scores``, logits of shape ``(batch, 1)``."""
        query = self.read(features["query_input_ids"], features["query_attention_mask"].bool())
        passage = self.read(features["input_ids"], features["attention_mask"].bool())
        logits = self.network.score(query, passage)
        return {**features, "scores": logits.unsqueeze(1)}

    @classmethod
    def load(cls, model_name_or_path: str, *_: Any, **__: Any) -> Self:
        """Read config, tokenizer and weights from a local folder. Raises ModelError when they do not fit."""
        from safetensors.torch import load_file

        folder = Path(model_name_or_path)
        try:
            stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            found = stored.pop("architecture")
            if found != ARCHITECTURE:
                raise ModelError(
                    f"{folder}: holds {found}, expected {ARCHITECTURE}.",
                    remedy="Train it again with this version, or use the version that it was trained with.",
                )
            max_seq_length = stored.pop("max_seq_length")
            network = SplitBert(SplitBertConfig(**stored))
            # Kept as float16, computed in float32; each value goes into a tensor that has its type.
            network.load_state_dict(load_file(folder / "model.safetensors"))
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ModelError(f"{folder}: cannot be loaded: {reason}") from error
        return cls(network.eval(), tokenizer, max_seq_length)

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write config, tokenizer and float16 weights; the interaction, which is small, in float32."""
        from safetensors.torch import save_file

        folder = Path(output_path)
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "architecture": ARCHITECTURE,
            **self.network.config.as_mapping(),
            "max_seq_length": self.max_seq_length,
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        self.tokenizer.save(str(folder / "tokenizer.json"))
        state = {
            name: (value if name.startswith("interaction.") else value.half()).contiguous()
            for name, value in self.network.state_dict().items()
        }
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def pad(rows: Sequence[Sequence[int]], config: SplitBertConfig) -> tuple[Tensor, Tensor]:
    """Ids with ``[CLS]`` and ``[SEP]`` put around each row, padded to the longest, and the mask."""
    longest = max(len(row) for row in rows) + 2
    ids = torch.full((len(rows), longest), config.pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, : len(row) + 2] = torch.tensor([config.cls_id, *row, config.sep_id])
        mask[number, : len(row) + 2] = True
    return ids, mask


def is_split_model(folder: Path) -> bool:
    """Whether the folder's ``config.json`` says that it holds this kind of model, of any version."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and str(config.get("architecture")).startswith(_FAMILY)


def load_cross_encoder(folder: Path, device: str = "cpu") -> CrossEncoder:
    """A ``CrossEncoder`` whose ``predict`` gives calibrated probabilities; runs no code of the folder."""
    from sentence_transformers import CrossEncoder

    return CrossEncoder(
        modules=[SplitCrossEncoder.load(str(folder))], device=device, activation_fn=torch.nn.Sigmoid()
    )
