"""A BERT whose lower layers read query and passage apart and whose upper layers read them together.

Known as split or precomputed early layers: PreTTR (MacAvaney et al., SIGIR 2020) and DeFormer (Cao et
al., ACL 2020). Because a passage's lower layers do not depend on the query, they can be kept; and
because both parts are read as a bi-encoder reads them, the network starts from one and adds what the
attention across the two parts sees. :mod:`rankscope.stages.rerank.interaction` turns the result into a
score.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rankscope.stages.rerank.interaction import Interaction

__all__ = ["Side", "SplitBert", "SplitBertConfig", "bert_state"]


@dataclass(frozen=True, slots=True)
class SplitBertConfig:
    """Sizes of the network; the defaults are those of MiniLM-L6-H384."""

    vocab_size: int = 30522
    hidden_size: int = 384
    layers: int = 6
    lower_layers: int = 4
    heads: int = 12
    intermediate_size: int = 1536
    positions: int = 512
    norm_epsilon: float = 1e-12
    head_size: int = 96
    reserve: float = 4.0
    pad_id: int = 0
    cls_id: int = 101
    sep_id: int = 102

    def as_mapping(self) -> dict[str, Any]:
        """Plain dictionary, as stored in ``config.json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Side:
    """Queries or passages between the lower and the upper layers.

    ``ids`` int64 and ``mask`` bool of shape ``(batch, length)``, ``hidden`` of shape
    ``(batch, length, hidden_size)``; ``mask`` is true where there is a token.
    """

    ids: Tensor
    mask: Tensor
    hidden: Tensor

    def expand(self, count: int) -> Side:
        """One side repeated ``count`` times without copying."""
        return Side(
            self.ids.expand(count, -1), self.mask.expand(count, -1), self.hidden.expand(count, -1, -1)
        )


class Layer(nn.Module):
    """One post-norm transformer layer; query, key and value projections are one product."""

    def __init__(self, config: SplitBertConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads = config.heads
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.attention_norm = nn.LayerNorm(size, eps=config.norm_epsilon)
        self.up = nn.Linear(size, config.intermediate_size)
        self.down = nn.Linear(config.intermediate_size, size)
        self.output_norm = nn.LayerNorm(size, eps=config.norm_epsilon)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """``mask`` is bool of shape ``(batch, 1, 1, length)``, or None when there is no padding."""
        query, key, value = self.project(hidden)
        return self.finish(hidden, functional.scaled_dot_product_attention(query, key, value, attn_mask=mask))

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each of shape ``(batch, heads, length, head size)``."""
        batch, length, size = hidden.shape
        parts = self.qkv(hidden).view(batch, length, 3, self.heads, size // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        return query, key, value

    def finish(self, hidden: Tensor, attended: Tensor) -> Tensor:
        """What follows attention: output projection and feed-forward, each added and normalized."""
        hidden = self.attention_norm(hidden + self.out(attended.transpose(1, 2).flatten(2)))
        normed: Tensor = self.output_norm(hidden + self.down(functional.gelu(self.up(hidden))))
        return normed


class JointLayer(Layer):
    """A layer over both parts in which each head learns how far it looks across.

    From the attention logit of a token to one of the other part, a learnt amount is taken off: one for
    looking from the query at the passage, one for the way back. Large at first, so that the untrained
    network reads both parts as the bi-encoder does.
    """

    def __init__(self, config: SplitBertConfig) -> None:
        super().__init__(config)
        self.reserve = nn.Parameter(torch.full((2, config.heads), config.reserve))

    def attend(self, hidden: Tensor, mask: Tensor | None, query_length: int) -> Tensor:
        """``hidden`` holds the query's ``query_length`` tokens, then the passage's."""
        query, key, value = self.project(hidden)
        batch, heads, length, size = query.shape
        # Two more dimensions of query and key add the amounts to the product; the width stays a multiple
        # of 8 for the kernel's sake.
        width = size + 8
        asks = hidden.new_zeros(length, 8)
        asks[:query_length, 0] = 1
        asks[query_length:, 1] = 1
        offers = asks[:, [1, 0]] * (-self.reserve.T[:, None, :] * size**0.5).to(asks.dtype)
        offers = functional.pad(offers, (0, 6))
        query = torch.cat([query, asks.expand(batch, heads, -1, -1)], dim=-1)
        key = torch.cat([key, offers.to(key.dtype).expand(batch, -1, -1, -1)], dim=-1)
        value = functional.pad(value, (0, width - size))
        attended = functional.scaled_dot_product_attention(
            query.to(key.dtype), key, value, attn_mask=mask, scale=size**-0.5
        )
        return self.finish(hidden, attended[..., :size])


class SplitBert(nn.Module):
    """The network: embeddings, lower layers on each part, upper layers across, interaction."""

    def __init__(self, config: SplitBertConfig) -> None:
        super().__init__()
        self.config = config
        size = config.hidden_size
        self.word = nn.Embedding(config.vocab_size, size)
        self.position = nn.Embedding(config.positions, size)
        self.embedding_norm = nn.LayerNorm(size, eps=config.norm_epsilon)
        self.lower = nn.ModuleList(Layer(config) for _ in range(config.lower_layers))
        # What tells the two parts apart above the split; zero, so that it starts as the bi-encoder.
        self.part = nn.Parameter(torch.zeros(2, size))
        self.upper = nn.ModuleList(JointLayer(config) for _ in range(config.layers - config.lower_layers))
        self.interaction = Interaction(
            config.vocab_size, size, config.head_size, config.cls_id, config.sep_id
        )

    def read(self, ids: Tensor, mask: Tensor) -> Side:
        """Lower layers over one part; positions start at 0 in each."""
        places = torch.arange(ids.shape[1], device=ids.device)
        hidden = self.embedding_norm(self.word(ids) + self.position(places))
        attend = _attention_mask(mask)
        for layer in self.lower:
            hidden = layer(hidden, attend)
        return Side(ids, mask, hidden)

    def score(self, query: Side, passage: Side) -> Tensor:
        """Logits, float32 of shape ``(batch,)``: upper layers across both parts, then the interaction."""
        joined = torch.cat([query.hidden + self.part[0], passage.hidden + self.part[1]], dim=1)
        attend = _attention_mask(torch.cat([query.mask, passage.mask], dim=1))
        length = query.ids.shape[1]
        for layer in self.upper:
            assert isinstance(layer, JointLayer)
            joined = layer.attend(joined, attend, length)
        logits: Tensor = self.interaction(
            query,
            passage,
            Side(query.ids, query.mask, joined[:, :length]),
            Side(passage.ids, passage.mask, joined[:, length:]),
        )
        return logits

    def forward(self, query_ids: Tensor, query_mask: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits of pairs given as padded token ids with ``[CLS]`` and ``[SEP]`` around each part."""
        return self.score(self.read(query_ids, query_mask), self.read(ids, mask))


def _attention_mask(mask: Tensor) -> Tensor | None:
    return None if bool(mask.all()) else mask[:, None, None, :]


def bert_state(weights: dict[str, Tensor], config: SplitBertConfig) -> dict[str, Tensor]:
    """A BERT checkpoint's tensors under this network's names; the token type of segment 0 is folded in."""
    prefix = "bert." if any(name.startswith("bert.") for name in weights) else ""

    def take(name: str) -> Tensor:
        return weights[prefix + name].float()

    segment = take("embeddings.token_type_embeddings.weight")[0]
    state = {
        "word.weight": take("embeddings.word_embeddings.weight"),
        "position.weight": take("embeddings.position_embeddings.weight") + segment,
        "embedding_norm.weight": take("embeddings.LayerNorm.weight"),
        "embedding_norm.bias": take("embeddings.LayerNorm.bias"),
    }
    names = {
        "out": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "output_norm": "output.LayerNorm",
    }
    for number in range(config.layers):
        there = f"encoder.layer.{number}."
        below = number < config.lower_layers
        here = f"lower.{number}." if below else f"upper.{number - config.lower_layers}."
        for kind in ("weight", "bias"):
            parts = [take(f"{there}attention.self.{part}.{kind}") for part in ("query", "key", "value")]
            state[f"{here}qkv.{kind}"] = torch.cat(parts)
            for name, other in names.items():
                state[f"{here}{name}.{kind}"] = take(f"{there}{other}.{kind}")
    return state
