"""From the read parts to one logit: cosines, exact and soft matches, and a judgment of each query word.

The linear part alone ranks like a bi-encoder with a lexical retriever beside it: it is what the
cross-encoder starts from. Beside it stand three parts that start at zero: a small network on the same
numbers, a judgment of how well each query word is met, and what reading the passage changed in the
query's first token. A mean and a soft minimum over the words join their judgments, so that a passage
that misses one condition need not be made good by others. Matching follows late interaction (ColBERT,
Khattab and Zaharia, SIGIR 2020) for the soft matches, Okapi's saturation for the exact ones, and the
term-wise networks of DRMM (Guo et al., CIKM 2016) and K-NRM (Xiong et al., SIGIR 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from rankscope.stages.rerank.split_bert import Side

__all__ = ["FEATURES", "WORD_FEATURES", "Interaction", "joining_of"]

FEATURES = (
    "cosine",
    "crossed_cosine",
    "coverage",
    "saturated",
    "runs",
    "whole",
    "near",
    "soft_lower",
    "soft_upper",
    "soft_crossed",
    "soft_near",
)
"""Names of what is known of a pair as a whole, in order."""

WORD_FEATURES = (
    "soft_lower",
    "soft_upper",
    "soft_crossed",
    "present",
    "count",
    "run",
    "whole",
    "early",
    "rarity",
)
"""Names of what is known of one query word in one passage, in order. A word here is a word piece."""

_SATURATION = 1.2
_LENGTH_SHARE = 0.5
_USUAL_LENGTH = 120.0
_MOST_COUNTED = 4.0
_USUAL_WORDS = 16.0
_NEAR = 24  # word pieces of a stretch that is looked at for several query words
_STEP = 8
_LONGEST = 8  # word pieces of a run that counts in full
_EARLY = 32.0
_SHARPEST = 5.0  # of the logarithm, both ways: as good as the mean, and as the least
_LEAST_RARITY = 0.02  # even a word that is everywhere has a say in the minimum
_DROPPED = 0.1


CONTINUES, HYPHEN, DOT, DIGITS = 1, 2, 4, 8
"""How a word piece joins its neighbours: it continues a word, it is a hyphen or the like, which joins both
sides, a point or the like, which joins them before digits, and whether it has digits."""


@dataclass(frozen=True, slots=True)
class _Matches:
    """What each query token meets in the passage, of shape ``(batch, query length)``.

    The two stretches have one more dimension: the best in each stretch of the passage.
    """

    words: Tensor
    rarity: Tensor
    count: Tensor
    early: Tensor
    run: Tensor
    whole: Tensor
    lower: Tensor
    upper: Tensor
    crossed: Tensor
    stretch: Tensor
    soft_stretch: Tensor


class Interaction(nn.Module):
    """Scores read pairs, in float32 but for the products of states, which stay in the layers' own type."""

    rarity: Tensor
    joining: Tensor
    scale: Tensor

    def __init__(
        self, vocab_size: int, hidden_size: int, head_size: int, specials: tuple[int, int], unknown: int
    ) -> None:
        super().__init__()
        self.specials = specials
        self.unknown = unknown
        # How much a word piece says: its inverse document frequency in the passages that the bundled
        # model was trained on. Part of the weights; training further leaves it as it is.
        self.register_buffer("rarity", torch.ones(vocab_size))
        # How a word piece joins its neighbours: a sum of the constants above, known from the vocabulary.
        self.register_buffer("joining", torch.zeros(vocab_size, dtype=torch.uint8), persistent=False)
        # What rescaling has multiplied the judgments by: the soft minimum is as soft in proportion.
        self.register_buffer("scale", torch.ones(1))
        self.linear = nn.Linear(len(FEATURES), 1)
        self.mix = nn.Linear(len(FEATURES) + 1, head_size)
        self.mixed = nn.Linear(head_size, 1, bias=False)
        self.meet = nn.Linear(len(WORD_FEATURES), head_size)
        self.hear = nn.Linear(hidden_size, head_size, bias=False)
        self.judge = nn.Linear(head_size, 1, bias=False)
        self.overall = nn.Linear(hidden_size, 1, bias=False)
        self.log_sharpness = nn.Parameter(torch.zeros(1))
        self.strictness = nn.Parameter(torch.ones(1))
        self.dropout = nn.Dropout(_DROPPED)
        for layer in (self.mixed, self.judge, self.overall):
            nn.init.zeros_(layer.weight)

    def forward(self, query: Side, passage: Side, crossed: Tensor) -> Tensor:
        """Logits of shape ``(batch,)``; ``crossed`` is the query's tokens after their second run."""
        with torch.autocast(query.ids.device.type, enabled=False):
            matches = self._matches(query, passage, crossed)
            features = self._features(matches, query, passage, crossed)
            words = matches.words.sum(1, keepdim=True) / _USUAL_WORDS
            mixed = self.mixed(functional.gelu(self.mix(torch.cat([features, words], dim=1))))
            change = self.dropout(crossed.float() - query.states[:, :, -1].float())
            logits: Tensor = (self.linear(features) + mixed + self.overall(change[:, 0])).squeeze(-1)
            return logits + self._judged(matches, change)

    def rescale(self, slope: float, offset: float) -> None:
        """Change the weights so that the logit becomes ``slope * logit + offset``; ``slope`` is positive."""
        with torch.no_grad():
            for layer in (self.linear, self.mixed, self.judge, self.overall):
                layer.weight.mul_(slope)
            self.linear.bias.mul_(slope).add_(offset)
            self.scale.mul_(slope)

    def _matches(self, query: Side, passage: Side, crossed: Tensor) -> _Matches:
        words, others = self._words(query), self._words(passage)
        # Two pieces that the vocabulary does not know are not the same for that.
        known = others & (passage.ids != self.unknown)
        equal = ((query.ids[:, :, None] == passage.ids[:, None, :]) & known[:, None, :]).float()
        places = torch.arange(passage.ids.shape[1], device=passage.ids.device)
        lengths = _run_lengths(equal)
        last = _unit(passage.states[:, :, -1])
        upper = _cosines(_unit(query.states[:, :, -1]), last, others)
        return _Matches(
            words=words,
            rarity=self.rarity[query.ids] * words,
            count=equal.sum(2),
            early=(equal * (_EARLY / (_EARLY + places))).amax(2),
            run=_longest_through(lengths.amax(2)) / _LONGEST,
            whole=self._whole(query, passage, lengths) * words,
            lower=_cosines(_unit(query.states[:, :, 0]), _unit(passage.states[:, :, 0]), others).amax(2),
            upper=upper.amax(2),
            crossed=_cosines(_unit(crossed), last, others).amax(2),
            stretch=_best_of_stretches(equal),
            soft_stretch=_best_of_stretches(upper),
        )

    def _features(self, matches: _Matches, query: Side, passage: Side, crossed: Tensor) -> Tensor:
        """What is known of the pair, float32 of shape ``(batch, len(FEATURES))``, all roughly in 0..1."""
        weight, count = matches.rarity, matches.count
        total = weight.sum(1).clamp(min=1e-6)
        length = self._words(passage).sum(1, keepdim=True)
        norm = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * length / _USUAL_LENGTH)
        saturated = (weight * count / (count + norm)).sum(1) / total
        pooled = _pool(passage.states[:, :, -1], passage.mask)
        columns = [
            (_pool(query.states[:, :, -1], query.mask) * pooled).sum(-1),
            (_pool(crossed, query.mask) * pooled).sum(-1),
            (weight * (count > 0)).sum(1) / total,
            saturated,
            (weight * matches.run).sum(1) / total,
            (weight * matches.whole).sum(1) / total,
            (weight[:, :, None] * matches.stretch).sum(1).amax(1) / total,
            (weight * matches.lower).sum(1) / total,
            (weight * matches.upper).sum(1) / total,
            (weight * matches.crossed).sum(1) / total,
            (weight[:, :, None] * matches.soft_stretch).sum(1).amax(1) / total,
        ]
        return torch.stack(columns, dim=1)

    def _judged(self, matches: _Matches, change: Tensor) -> Tensor:
        """Mean and soft minimum of the query words' judgments, weighted by rarity; shape ``(batch,)``."""
        columns = [
            matches.lower,
            matches.upper,
            matches.crossed,
            (matches.count > 0).float(),
            matches.count.clamp(max=_MOST_COUNTED) / _MOST_COUNTED,
            matches.run,
            matches.whole,
            matches.early,
            matches.rarity,
        ]
        known = self.meet(torch.stack(columns, dim=2)) + self.hear(change)
        judged = self.judge(functional.gelu(known)).squeeze(-1)
        weight = matches.rarity.clamp(min=_LEAST_RARITY) * matches.words
        weight = weight / weight.sum(1, keepdim=True).clamp(min=1e-6)
        # Far enough down for a share of exactly zero: tiny ones slow training down as subnormal numbers do.
        share = weight.clamp(min=1e-9).log().masked_fill(~matches.words, -1e4)
        # Kept as a logarithm, within bounds: at zero the soft minimum is undefined, below it a maximum.
        sharpness = self.log_sharpness.clamp(-_SHARPEST, _SHARPEST).exp() / self.scale
        soft_minimum = -torch.logsumexp(share - sharpness * judged, dim=1) / sharpness
        least = torch.where(matches.words.any(1), soft_minimum, 0.0)
        total: Tensor = (weight * judged).sum(1) + self.strictness * least
        return total

    def _whole(self, query: Side, passage: Side, lengths: Tensor) -> Tensor:
        """Whether the word or identifier that a query token is part of stands in the passage as one.

        Spaces are not known here: ``rm -rf`` is taken for one identifier, as ``pre-order`` is.
        """
        first, size = self._grouped(query)
        begins, others = self._grouped(passage)
        places = torch.arange(passage.ids.shape[1], device=passage.ids.device)
        alike = (size[:, :, None] == others[:, None, :]) & (begins == places)[:, None, :]
        complete = lengths >= size.clamp(max=_LONGEST)[:, :, None]
        return (alike & complete).any(2).float().gather(1, first)

    def _grouped(self, side: Side) -> tuple[Tensor, Tensor]:
        """Of each token's word or identifier the first place and the number of word pieces."""
        joining, words = self.joining[side.ids], self._words(side)
        digits, hyphen, dot = ((joining & kind).bool() for kind in (DIGITS, HYPHEN, DOT))
        glue = hyphen | (dot & functional.pad(digits[:, 1:], (0, 1)))
        joined = (joining & CONTINUES).bool() | glue | functional.pad(glue[:, :-1], (1, 0))
        joined = joined & words & functional.pad(words[:, :-1], (1, 0))
        places = torch.arange(side.ids.shape[1], device=side.ids.device)
        first = torch.where(joined, 0, places).cummax(1).values
        ends = functional.pad(~joined[:, 1:], (0, 1), value=True)
        last = torch.where(ends, places, places[-1]).flip(1).cummin(1).values.flip(1)
        return first, last - first + 1

    def _words(self, side: Side) -> Tensor:
        """Where there is a token that is not special."""
        cls_id, sep_id = self.specials
        return side.mask & (side.ids != cls_id) & (side.ids != sep_id)


def _pool(states: Tensor, mask: Tensor) -> Tensor:
    """Unit-length mean over the tokens, special ones included, as the bi-encoder pools."""
    weight = mask[:, :, None].float()
    mean = (states.float() * weight).sum(1) / weight.sum(1)
    return functional.normalize(mean, dim=-1)


def _unit(states: Tensor) -> Tensor:
    return functional.normalize(states, dim=-1)


def _cosines(query: Tensor, passage: Tensor, others: Tensor) -> Tensor:
    """Of each query token with each passage token, ``(batch, query length, passage length)``."""
    # Autocast may have left one of them in another type.
    cosines = query.to(passage.dtype) @ passage.transpose(1, 2)
    return cosines.float().masked_fill(~others[:, None, :], -1.0)


def _best_of_stretches(values: Tensor) -> Tensor:
    """The highest of each query token in each of the overlapping stretches of a passage."""
    length = max(values.shape[2], _NEAR)
    missing = length + -(length - _NEAR) % _STEP - values.shape[2]
    padded = functional.pad(values, (0, missing), value=-1.0)
    return functional.max_pool1d(padded, _NEAR, stride=_STEP)


def _run_lengths(equal: Tensor) -> Tensor:
    """Length of the run of equal tokens that starts at each pair of places, at most ``_LONGEST``."""
    run = equal
    lengths = equal
    for _ in range(_LONGEST - 1):
        run = equal * functional.pad(run[:, 1:, 1:], (0, 1, 0, 1))
        lengths = lengths + run
    return lengths


def _longest_through(runs: Tensor) -> Tensor:
    """Length of the longest of the runs that each query token is part of."""
    longest = runs
    for back in range(1, min(_LONGEST, runs.shape[1])):
        before = functional.pad(runs[:, :-back], (back, 0))
        longest = torch.maximum(longest, before * (before > back))
    return longest


def joining_of(pieces: Sequence[str]) -> Tensor:
    """What :attr:`Interaction.joining` holds for a vocabulary, in the order of its ids."""
    return torch.tensor(
        [
            CONTINUES * piece.startswith("##")
            + HYPHEN * (piece in {"-", "_"})
            + DOT * (piece in {".", ":", "/"})
            + DIGITS * any(letter.isdigit() for letter in piece)
            for piece in pieces
        ],
        dtype=torch.uint8,
    )
