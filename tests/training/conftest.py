"""A small world that can be learnt in seconds: a tiny random model, and pairs told apart by exact words."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

SUBJECTS = (
    "glacier",
    "walnut",
    "turbine",
    "lantern",
    "harbor",
    "violin",
    "meteor",
    "cactus",
    "saddle",
    "thunder",
    "ribbon",
    "falcon",
    "copper",
    "meadow",
    "anchor",
    "biscuit",
    "canyon",
    "dolphin",
    "ember",
    "feather",
    "garlic",
    "hammock",
    "igloo",
    "jasmine",
    "kettle",
    "lobster",
)


@pytest.fixture(scope="session")
def pairs() -> list[dict[str, str]]:
    """One question a subject; its answer names the subject, the other passages do not."""
    return [
        {
            "query": f"what is known about the {subject}",
            "positive": f"The {subject} was described in report {place} of the survey, with a drawing.",
            "source": "survey",
            "licence": "CC0-1.0",
        }
        for place, subject in enumerate(SUBJECTS, start=10)
    ]


@pytest.fixture(scope="session")
def shuffled(pairs: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same passages as answers to the wrong questions."""
    answers = [record["positive"] for record in pairs]
    random.Random(5).shuffle(answers)
    return [{**record, "positive": answer} for record, answer in zip(pairs, answers, strict=True)]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split cross-encoder of two layers of 32 with random weights, which scores every pair 0."""
    import torch
    from tokenizers import Tokenizer

    from rankscope.stages.dense.bundled import bundled_folder
    from rankscope.stages.rerank.split_bert import SplitBert, SplitBertConfig
    from rankscope.stages.rerank.split_cross_encoder import SplitCrossEncoder

    torch.manual_seed(3)
    config = SplitBertConfig(
        hidden_size=32, layers=2, lower_layers=1, heads=4, intermediate_size=64, positions=96, head_size=8
    )
    network = SplitBert(config)
    torch.nn.init.zeros_(network.interaction.linear.weight)
    torch.nn.init.zeros_(network.interaction.linear.bias)
    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    folder = tmp_path_factory.mktemp("tiny") / "model"
    SplitCrossEncoder(network, tokenizer, max_seq_length=96).save(str(folder))
    return folder
