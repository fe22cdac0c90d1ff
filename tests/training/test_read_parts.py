"""The memory of read texts gives what the network reads, and reads a text once."""

from __future__ import annotations

from pathlib import Path

import torch

from rankscope.stages.rerank.split_cross_encoder import SplitCrossEncoder, pad
from rankscope.training.base_model import freeze_reading, load_base
from rankscope.training.read_parts import ReadParts

TEXTS = ["the violin", "a report of the survey", "the violin", "copper"]


def test_each_text_is_read_once_and_exactly(tiny_model: Path) -> None:
    module = SplitCrossEncoder.load(str(tiny_model))
    network = module.network
    reading = ReadParts(network, torch.float32, limit=2**20)
    for _ in range(2):
        ids, mask = pad(module.pieces(TEXTS), network.config)
        side = reading(ids, mask)
        expected = network.read(ids, mask)
        assert torch.equal(side.ids, expected.ids)
        torch.testing.assert_close(side.states[mask], expected.states[mask], atol=1e-5, rtol=1e-4)
    assert reading.reads == len(set(TEXTS))


def test_memory_is_bounded(tiny_model: Path) -> None:
    module = SplitCrossEncoder.load(str(tiny_model))
    reading = ReadParts(module.network, torch.float32, limit=1)
    ids, mask = pad(module.pieces(TEXTS), module.network.config)
    first = reading(ids, mask)
    assert reading.size == 0
    assert torch.equal(reading(ids, mask).states, first.states)


def test_gradients_reach_the_look_across_only(tiny_model: Path) -> None:
    model = load_base(tiny_model)
    freeze_reading(model)
    module = model[0]
    network = module.network
    features = module.preprocess([("copper", "the violin"), ("copper", "copper")])
    module(features)["scores"].sum().backward()
    assert network.crossing[0].up.widen.weight.grad is not None
    assert network.word.weight.grad is None
    assert network.upper[0].up.weight.grad is None
