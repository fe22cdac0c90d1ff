"""The score's own part: judgments of query words, their soft minimum, and rescaling."""

from __future__ import annotations

import math

import pytest
import torch

from rankscope.stages.rerank.interaction import (
    FEATURES,
    WORD_FEATURES,
    Interaction,
    _longest_through,
    _run_lengths,
    joining_of,
)
from rankscope.stages.rerank.split_bert import Side

CLS, SEP, PAD, UNK = 1, 2, 0, 3
SIZE = 16


@pytest.fixture
def interaction() -> Interaction:
    torch.manual_seed(5)
    return Interaction(vocab_size=50, hidden_size=SIZE, head_size=8, specials=(CLS, SEP), unknown=UNK).eval()


def side(*rows: list[int]) -> Side:
    """Rows between special tokens, padded; the vector of a token depends on the token alone."""
    longest = max(map(len, rows)) + 2
    ids = torch.full((len(rows), longest), PAD)
    for number, row in enumerate(rows):
        ids[number, : len(row) + 2] = torch.tensor([CLS, *row, SEP])
    vectors = torch.randn(50, SIZE, generator=torch.Generator().manual_seed(1))
    return Side(ids, ids != PAD, vectors[ids][:, :, None].expand(-1, -1, 2, -1))


def score(interaction: Interaction, query: Side, passage: Side) -> torch.Tensor:
    with torch.inference_mode():
        return interaction(query, passage, query.states[:, :, -1])


def only_presence(interaction: Interaction) -> None:
    """Judge a word by its presence alone: gelu(10 * present), as good as 10 or 0."""
    with torch.no_grad():
        for parameter in interaction.parameters():
            parameter.zero_()  # a sharpness of exp(0) = 1 with the rest
        interaction.meet.weight[0, WORD_FEATURES.index("present")] = 10.0
        interaction.judge.weight[0, 0] = 1.0
        interaction.strictness.fill_(1.0)


def test_the_words_judgments_start_at_zero(interaction):
    """Only the linear part counts: of its inputs the cosine alone here, with a weight of 1."""
    with torch.no_grad():
        interaction.linear.weight.zero_()
        interaction.linear.weight[0, FEATURES.index("cosine")] = 1.0
        interaction.linear.bias.zero_()
    query, passage = side([10, 11], [12, 13]), side([10, 20, 21], [30, 31, 13])
    means = [
        (item.states[:, :, -1] * item.mask[..., None]).sum(1) / item.mask.sum(1)[:, None]
        for item in (query, passage)
    ]
    expected = torch.nn.functional.cosine_similarity(*means)
    assert score(interaction, query, passage).numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_a_mean_and_a_soft_minimum_join_the_words(interaction):
    only_presence(interaction)
    both, one = score(interaction, side([10, 11], [10, 11]), side([10, 11, 12], [10, 10, 12])).tolist()
    assert both == pytest.approx(10 + 10, abs=1e-4)
    # Of two words of equal rarity one is met (10) and one is not (0).
    assert one == pytest.approx((10 + 0) / 2 - math.log((math.exp(-10) + math.exp(0)) / 2), abs=1e-4)


def test_a_rare_word_that_is_missing_costs_more(interaction):
    only_presence(interaction)
    interaction.rarity[11] = 0.1
    rare_missing, common_missing = score(
        interaction, side([10, 11], [10, 11]), side([11, 12], [10, 12])
    ).tolist()
    assert rare_missing < common_missing


def any_weights(interaction: Interaction) -> None:
    """Every part has its say."""
    with torch.no_grad():
        for parameter in interaction.parameters():
            parameter.copy_(torch.rand_like(parameter) + 0.1)


def levels(item: Side, seed: int) -> Side:
    """The same tokens with other vectors at each level, as they are read in their places."""
    noise = torch.randn(*item.ids.shape, 2, SIZE, generator=torch.Generator().manual_seed(seed))
    return Side(item.ids, item.mask, item.states + noise)


@pytest.mark.parametrize("log_sharpness", [0.5, 4.9])
@pytest.mark.parametrize(("slope", "offset"), [(0.4, -1.5), (3.0, 0.25)])
def test_rescaling_changes_every_logit_alike(interaction, slope, offset, log_sharpness):
    any_weights(interaction)
    with torch.no_grad():
        interaction.log_sharpness.fill_(log_sharpness)
    query, passage = (
        levels(side([10, 11, 12], [12, 13], [14]), 2),
        levels(side([10, 20, 21], [30, 31, 13, 13], [15]), 3),
    )
    crossed = torch.randn(*query.ids.shape, SIZE, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        before = interaction(query, passage, crossed)
        interaction.rescale(slope, offset)
        after = interaction(query, passage, crossed)
    assert after.numpy() == pytest.approx((slope * before + offset).numpy(), rel=1e-4, abs=1e-4)


def test_each_level_has_its_say(interaction):
    """Other vectors in one place alone change the score: below, above, after the second run."""
    any_weights(interaction)
    query, passage = levels(side([10, 11, 12]), 2), levels(side([10, 20, 21]), 3)
    crossed = query.states[:, :, -1]
    with torch.inference_mode():
        as_it_was = interaction(query, passage, crossed).item()
        for level in (0, 1):
            states = query.states.clone()
            states[:, :, level] = states[:, :, level].flip(2)
            other = interaction(Side(query.ids, query.mask, states), passage, crossed).item()
            assert abs(other - as_it_was) > 1e-3
        assert abs(interaction(query, passage, crossed.flip(2)).item() - as_it_was) > 1e-3


def test_states_of_another_type_than_the_second_run_are_taken(interaction):
    """Autocast on a GPU leaves what a normalization gives in float32."""
    any_weights(interaction)
    query, passage = levels(side([10, 11]), 2), levels(side([10, 20]), 3)
    narrow = [Side(item.ids, item.mask, item.states.bfloat16()) for item in (query, passage)]
    with torch.inference_mode():
        exact = interaction(query, passage, query.states[:, :, -1]).item()
        rounded = interaction(*narrow, query.states[:, :, -1]).item()
    assert rounded == pytest.approx(exact, abs=0.1)


PIECES = {20: "a", 21: "##10", 22: "-", 23: "202", 24: "3", 25: ".", 26: "to"}


@pytest.mark.parametrize(
    ("query", "passage", "whole"),
    [
        ("a ##10 - 202", "to a ##10 - 202 to", [1, 1, 1, 1]),
        ("a ##10 - 202", "to a ##10 to 202", [0, 0, 0, 0]),
        ("a to", "a ##10 to", [0, 1]),
        ("3 . 202", "3 . 202 . 3", [0, 0, 0]),
        ("3 . 202", "3 . 202 . to", [1, 1, 1]),
        ("- a", "- a", [1, 1]),
        ("to -", "to -", [1, 1]),
        ("to", "a", [0]),
    ],
)
def test_words_and_identifiers_match_as_a_whole(interaction, query, passage, whole):
    """Hyphens join both sides, points join before digits, and neither joins the marks around a text."""
    names = [PIECES.get(number, "to") for number in range(50)]
    interaction.joining.copy_(joining_of(names))
    number = {piece: key for key, piece in PIECES.items()}
    asked, told = (side([number[piece] for piece in text.split()]) for text in (query, passage))
    equal = (asked.ids[:, :, None] == told.ids[:, None, :]).float()
    found = interaction._whole(asked, told, _run_lengths(equal))
    assert found[0, 1:-1].tolist() == whole


def test_runs_count_what_follows_and_what_came_before():
    asked, told = torch.tensor([10, 11, 12, 13]), torch.tensor([11, 12, 9, 10, 11])
    lengths = _run_lengths((asked[:, None] == told[None, :]).float()[None])
    assert lengths.amax(2)[0].tolist() == [2, 2, 1, 0]
    assert _longest_through(lengths.amax(2))[0].tolist() == [2, 2, 2, 0]


def test_two_unknown_pieces_are_not_the_same(interaction):
    with torch.no_grad():
        for parameter in interaction.parameters():
            parameter.zero_()
        interaction.linear.weight[0, FEATURES.index("coverage")] = 1.0
    assert score(interaction, side([UNK]), side([UNK])).item() == 0
    assert score(interaction, side([10]), side([10])).item() == pytest.approx(1.0)


def test_padding_and_empty_queries_change_nothing(interaction):
    with torch.no_grad():
        for parameter in interaction.parameters():
            parameter.copy_(torch.rand_like(parameter) + 0.1)
    alone = score(interaction, side([10, 11]), side([10, 20]))[0]
    padded = score(interaction, side([10, 11], [10, 11, 12, 13]), side([10, 20], [10, 20, 21, 22, 23]))[0]
    assert padded.item() == pytest.approx(alone.item(), abs=1e-5)
    assert math.isfinite(score(interaction, side([]), side([10]))[0].item())
    assert math.isfinite(score(interaction, side([]), side([]))[0].item())


@pytest.mark.parametrize(("log_sharpness", "least"), [(-1000.0, (10 + 0) / 2), (1000.0, 0.0)])
def test_the_minimum_lies_between_the_mean_and_the_least_wherever_training_leads(
    interaction, log_sharpness, least
):
    only_presence(interaction)
    with torch.no_grad():
        interaction.log_sharpness.fill_(log_sharpness)
    found = score(interaction, side([10, 11]), side([10, 12])).item()
    assert found == pytest.approx((10 + 0) / 2 + least, abs=0.1)


def test_near_words_are_told_from_distant_ones_and_early_words_from_late_ones(interaction):
    with torch.no_grad():
        for parameter in interaction.parameters():
            parameter.zero_()
        interaction.linear.weight[0, FEATURES.index("near")] = 1.0
    others = [20] * 40
    near, apart = score(
        interaction, side([10, 11], [10, 11]), side([*others, 10, 11], [10, *others, 11])
    ).tolist()
    assert near == pytest.approx(1.0)
    assert apart == pytest.approx(1 / 2)
    with torch.no_grad():
        interaction.linear.weight.zero_()
        interaction.meet.weight[0, WORD_FEATURES.index("early")] = 10.0
        interaction.judge.weight[0, 0] = 1.0
    first, last = score(interaction, side([10], [10]), side([10, *others], [*others, 10])).tolist()
    # The passage's first word stands behind [CLS], at place 1.
    assert first == pytest.approx(10 * 32 / (32 + 1), abs=1e-3)
    assert last == pytest.approx(10 * 32 / (32 + 41), abs=1e-3)
