"""From the two read parts to one logit: cosine, exact and soft word matches, and a small network.

The linear part alone ranks like a bi-encoder with a lexical retriever beside it: it is what the
cross-encoder starts from and cannot fall far below. The network on the pooled parts starts at zero and
learns the rest. Matching follows late interaction (ColBERT, Khattab and Zaharia, SIGIR 2020) for
the soft matches and Okapi's saturation for the exact ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from rankscope.stages.rerank.split_bert import Side

__all__ = ["FEATURES", "Interaction"]

FEATURES = (
    "cosine",
    "coverage",
    "saturated",
    "adjacent",
    "soft_lower",
    "soft_upper",
    "soft_worst",
    "passage_length",
)
"""Names of the linear part's inputs, in order."""

_SATURATION = 1.2
_LENGTH_SHARE = 0.5
_USUAL_LENGTH = 120.0


class Interaction(nn.Module):
    """Scores read pairs. All of it is computed in float32, whatever the layers below use."""

    rarity: Tensor

    def __init__(self, vocab_size: int, hidden_size: int, head_size: int, cls_id: int, sep_id: int) -> None:
        super().__init__()
        self.specials = (cls_id, sep_id)
        # How much a word piece says: its inverse document frequency in the training passages.
        self.register_buffer("rarity", torch.ones(vocab_size))
        self.linear = nn.Linear(len(FEATURES), 1)
        self.grow = nn.Linear(4 * hidden_size + len(FEATURES), head_size)
        self.judge = nn.Linear(head_size, 1)
        nn.init.zeros_(self.judge.weight)
        nn.init.zeros_(self.judge.bias)

    def forward(self, query: Side, passage: Side, joint_query: Side, joint_passage: Side) -> Tensor:
        """Logits of shape ``(batch,)`` from both parts below (first two) and above the upper layers."""
        with torch.autocast(query.ids.device.type, enabled=False):
            first = _pool(joint_query)
            second = _pool(joint_passage)
            features = self.features(query, passage, joint_query, joint_passage, (first * second).sum(-1))
            scale = first.shape[-1] ** 0.5
            both = torch.cat([first, second, (first - second).abs(), first * second * scale], dim=-1) * scale
            grown = functional.gelu(self.grow(torch.cat([both, features], dim=-1)))
            logits: Tensor = (self.linear(features) + self.judge(grown)).squeeze(-1)
            return logits

    def features(
        self, query: Side, passage: Side, joint_query: Side, joint_passage: Side, cosine: Tensor
    ) -> Tensor:
        """The linear part's inputs, float32 of shape ``(batch, len(FEATURES))``, all roughly in 0..1."""
        words, others = self._words(query), self._words(passage)
        weight = self.rarity[query.ids] * words
        total = weight.sum(1).clamp(min=1e-6)
        equal = (query.ids[:, :, None] == passage.ids[:, None, :]) & others[:, None, :]
        count = equal.sum(2).float()
        length = others.sum(1, keepdim=True).float()
        norm = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * length / _USUAL_LENGTH)
        saturated = (weight * count * (1 + _SATURATION) / (count + norm)).sum(1) / total / (1 + _SATURATION)
        pairs = (equal[:, :-1, :-1] & equal[:, 1:, 1:]).any(2)
        pair_weight = (weight[:, :-1] + weight[:, 1:]) * words[:, :-1] * words[:, 1:]
        adjacent = (pair_weight * pairs).sum(1) / pair_weight.sum(1).clamp(min=1e-6)
        lower = _best_match(query.hidden, passage.hidden, others)
        upper = _best_match(joint_query.hidden, joint_passage.hidden, others)
        worst = torch.where(words, upper, 1.0).amin(1)
        columns = [
            cosine,
            (weight * (count > 0)).sum(1) / total,
            saturated,
            adjacent,
            (weight * lower).sum(1) / total,
            (weight * upper).sum(1) / total,
            worst,
            (length.squeeze(1) / 512).clamp(max=1.0),
        ]
        return torch.stack(columns, dim=1)

    def _words(self, side: Side) -> Tensor:
        """Where there is a token that is not special."""
        cls_id, sep_id = self.specials
        return side.mask & (side.ids != cls_id) & (side.ids != sep_id)


def _pool(side: Side) -> Tensor:
    """Unit-length mean over the tokens, special ones included, as the bi-encoder pools."""
    weight = side.mask[:, :, None].float()
    mean = (side.hidden.float() * weight).sum(1) / weight.sum(1)
    return functional.normalize(mean, dim=-1)


def _best_match(query: Tensor, passage: Tensor, others: Tensor) -> Tensor:
    """Highest cosine of each query token with a passage token, shape ``(batch, query length)``."""
    cosines = functional.normalize(query, dim=-1) @ functional.normalize(passage, dim=-1).transpose(1, 2)
    best: Tensor = cosines.float().masked_fill(~others[:, None, :], -1.0).amax(2)
    return best
