"""A bi-encoder whose query can also look at the passage: the network of the bundled cross-encoder.

All layers read query and passage apart, as the bi-encoder does. The upper ones then run once more over
the query's tokens, which now attend to the passage's as well: interaction apart from representation
(MORES, Gao et al., EMNLP 2020; PreTTR, MacAvaney et al., SIGIR 2020). Nothing that is read of a passage
depends on the query, so all of it can be kept, and what the bi-encoder knows is never lost.
:mod:`rankscope.stages.rerank.interaction` turns the result into a score.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rankscope.stages.rerank.interaction import Interaction

__all__ = ["Side", "SplitBert", "SplitBertConfig", "bert_state"]

_NEVER = -1e4  # as an attention logit as good as minus infinity, and it has a gradient


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
    adapter_rank: int = 64
    head_size: int = 32
    reserve: float = 4.0
    pad_id: int = 0
    unk_id: int = 100
    cls_id: int = 101
    sep_id: int = 102

    def as_mapping(self) -> dict[str, Any]:
        """Plain dictionary, as stored in ``config.json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Side:
    """Queries or passages, each read apart.

    ``ids`` int64 and ``mask`` bool of shape ``(batch, length)``; ``mask`` is true where there is a token.
    ``states`` of shape ``(batch, length, levels, hidden_size)``: what enters each upper layer, and last
    what leaves them all.
    """

    ids: Tensor
    mask: Tensor
    states: Tensor

    def expand(self, count: int) -> Side:
        """One side repeated ``count`` times without copying."""
        states = self.states.expand(count, -1, -1, -1)
        return Side(self.ids.expand(count, -1), self.mask.expand(count, -1), states)


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
        query, key, value = self.split_heads(self.qkv(hidden), 3)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        hidden = self.attention_norm(hidden + self.out(attended.transpose(1, 2).flatten(2)))
        normed: Tensor = self.output_norm(hidden + self.down(functional.gelu(self.up(hidden))))
        return normed

    def split_heads(self, joined: Tensor, parts: int) -> tuple[Tensor, ...]:
        """``(batch, length, parts * size)`` as ``parts`` tensors ``(batch, heads, length, head size)``."""
        batch, length, width = joined.shape
        split = joined.view(batch, length, parts, self.heads, width // parts // self.heads)
        return split.permute(2, 0, 3, 1, 4).unbind(0)


class LowRank(nn.Module):
    """A change of a linear layer, zero until it is trained (LoRA, Hu et al., ICLR 2022)."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(inputs, rank, bias=False)
        self.widen = nn.Linear(rank, outputs, bias=False)
        nn.init.zeros_(self.widen.weight)

    def forward(self, values: Tensor) -> Tensor:
        """What is added to the layer's output."""
        change: Tensor = self.widen(self.narrow(values))
        return change


class CrossingLayer(nn.Module):
    """An upper layer's second run, over query tokens that look at the passage too.

    It has that layer's weights and low-rank changes of its own. From the attention logit towards a
    passage token each head takes a learnt amount off, large at first: untrained, the query is read
    much as it was alone.
    """

    def __init__(self, config: SplitBertConfig) -> None:
        super().__init__()
        size, rank = config.hidden_size, config.adapter_rank
        self.ask = LowRank(size, size, rank)
        self.offer = LowRank(size, 2 * size, rank)
        self.out = LowRank(size, size, rank)
        self.up = LowRank(size, config.intermediate_size, rank)
        self.down = LowRank(config.intermediate_size, size, rank)
        self.reserve = nn.Parameter(torch.full((config.heads,), config.reserve))

    def forward(self, layer: Layer, hidden: Tensor, passage: Tensor, absent: Tensor | None) -> Tensor:
        """The query's tokens after ``layer``.

        ``passage`` is what enters the layer on the passage's side; ``absent`` bool of shape ``(batch, 1,
        1, query length + passage length)`` marks padding.
        """
        size = hidden.shape[2]
        query, key, value = layer.split_heads(layer.qkv(hidden), 3)
        (change,) = layer.split_heads(self.ask(hidden), 1)
        offered = functional.linear(passage, layer.qkv.weight[size:], layer.qkv.bias[size:])
        other_key, other_value = layer.split_heads(offered + self.offer(passage), 2)
        bias = functional.pad(
            -self.reserve[:, None, None].expand(-1, -1, passage.shape[1]), (hidden.shape[1], 0)
        )[None]
        if absent is not None:
            bias = bias.masked_fill(absent, _NEVER)
        attended = functional.scaled_dot_product_attention(
            query + change,
            torch.cat([key, other_key], dim=2),
            torch.cat([value, other_value], dim=2),
            attn_mask=bias.to(query.dtype),
        )
        attended = attended.transpose(1, 2).flatten(2)
        hidden = layer.attention_norm(hidden + layer.out(attended) + self.out(attended))
        grown = functional.gelu(layer.up(hidden) + self.up(hidden))
        normed: Tensor = layer.output_norm(hidden + layer.down(grown) + self.down(grown))
        return normed


class SplitBert(nn.Module):
    """The network: embeddings and layers for each part, the query's second run, interaction."""

    def __init__(self, config: SplitBertConfig) -> None:
        super().__init__()
        self.config = config
        size = config.hidden_size
        self.word = nn.Embedding(config.vocab_size, size)
        self.position = nn.Embedding(config.positions, size)
        self.embedding_norm = nn.LayerNorm(size, eps=config.norm_epsilon)
        self.lower = nn.ModuleList(Layer(config) for _ in range(config.lower_layers))
        upper = range(config.layers - config.lower_layers)
        self.upper = nn.ModuleList(Layer(config) for _ in upper)
        self.crossing = nn.ModuleList(CrossingLayer(config) for _ in upper)
        self.interaction = Interaction(
            config.vocab_size, size, config.head_size, (config.cls_id, config.sep_id), config.unk_id
        )

    def read(self, ids: Tensor, mask: Tensor) -> Side:
        """All layers over one part; positions start at 0 in each."""
        places = torch.arange(ids.shape[1], device=ids.device)
        hidden = self.embedding_norm(self.word(ids) + self.position(places))
        attend = None if bool(mask.all()) else mask[:, None, None, :]
        for layer in self.lower:
            hidden = layer(hidden, attend)
        states = [hidden]
        for layer in self.upper:
            states.append(layer(states[-1], attend))
        return Side(ids, mask, torch.stack(states, dim=2))

    def score(self, query: Side, passage: Side) -> Tensor:
        """Logits, float32 of shape ``(batch,)``: the query's second run, then the interaction."""
        present = torch.cat([query.mask, passage.mask], dim=1)
        absent = None if bool(present.all()) else ~present[:, None, None, :]
        crossed = query.states[:, :, 0]
        for level, (crossing, layer) in enumerate(zip(self.crossing, self.upper, strict=True)):
            crossed = crossing(layer, crossed, passage.states[:, :, level], absent)
        logits: Tensor = self.interaction(query, passage, crossed)
        return logits

    def forward(self, query_ids: Tensor, query_mask: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits of pairs given as padded token ids with ``[CLS]`` and ``[SEP]`` around each part."""
        return self.score(self.read(query_ids, query_mask), self.read(ids, mask))


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
