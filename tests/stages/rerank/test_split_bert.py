"""The split network against the bi-encoder it starts from."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from rankscope.errors import ModelError
from rankscope.stages.dense.bundled import bundled_folder
from rankscope.stages.dense.loading import quiet_loading
from rankscope.stages.rerank.interaction import FEATURES
from rankscope.stages.rerank.split_bert import SplitBert, SplitBertConfig, bert_state
from rankscope.stages.rerank.split_cross_encoder import SplitCrossEncoder, is_split_model, pad

TEXTS = ["Cats sleep for most of the day.", "word " * 60]


@pytest.fixture(scope="module")
def network():
    config = SplitBertConfig(reserve=30.0)
    network = SplitBert(config)
    missing, unexpected = network.load_state_dict(
        bert_state(load_file(bundled_folder() / "model.safetensors"), config), strict=False
    )
    assert unexpected == []
    assert all(name.startswith(("crossing.", "interaction.")) for name in missing)
    return network.eval()


@pytest.fixture(scope="module")
def module(network):
    return SplitCrossEncoder(network, Tokenizer.from_file(str(bundled_folder() / "tokenizer.json")))


def pooled(side):
    mean = (side.states[:, :, -1] * side.mask[:, :, None]).sum(1) / side.mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=-1).numpy()


def test_both_parts_are_read_as_the_bi_encoder_reads_them(network, module):
    from sentence_transformers import SentenceTransformer

    with quiet_loading():
        reference = SentenceTransformer(str(bundled_folder()), device="cpu", local_files_only=True)
    with torch.inference_mode():
        side = network.read(*pad(module.pieces(TEXTS), network.config))
        vectors = pooled(side)
    assert (vectors * reference.encode(TEXTS)).sum(1) == pytest.approx(np.ones(2), abs=1e-5)


@pytest.mark.parametrize("feature", ["cosine", "crossed_cosine"])
def test_untrained_with_a_large_reserve_the_cosines_are_the_bi_encoders(network, module, feature):
    """No attention to the passage: the second run of the query ends where its first did."""
    interaction = network.interaction
    kept = {name: value.clone() for name, value in interaction.state_dict().items()}
    with torch.inference_mode():
        interaction.linear.weight.zero_()
        interaction.linear.weight[0, FEATURES.index(feature)] = 1.0
        interaction.linear.bias.zero_()
        query_ids, query_mask = pad(module.pieces(["how long do cats sleep"] * 2), network.config)
        ids, mask = pad(module.pieces(TEXTS), network.config)
        logits = network(query_ids, query_mask, ids, mask)
        first = pooled(network.read(query_ids, query_mask))
        second = pooled(network.read(ids, mask))
    interaction.load_state_dict(kept)
    assert logits.numpy() == pytest.approx((first * second).sum(1), abs=1e-5)


def test_the_query_sees_the_passage_where_nothing_is_reserved(network, module):
    query = network.read(*pad(module.pieces(["how long do cats sleep"]), network.config))
    passages = [network.read(*pad(module.pieces([text]), network.config)) for text in ("cats", "stocks")]
    crossing, layer = network.crossing[0], network.upper[0]
    kept = crossing.reserve.detach().clone()
    with torch.inference_mode():
        alone = layer(query.states[:, :, 0], None)
        far = [crossing(layer, query.states[:, :, 0], item.states[:, :, 0], None) for item in passages]
        crossing.reserve.zero_()
        near = [crossing(layer, query.states[:, :, 0], item.states[:, :, 0], None) for item in passages]
        crossing.reserve.copy_(kept)
    assert all(torch.allclose(item, alone, atol=1e-4) for item in far)
    assert not torch.allclose(near[0], near[1], atol=1e-2)


def test_padding_changes_no_score(network, module):
    query = module.pieces(["how long do cats sleep"])
    rows = module.pieces(TEXTS)
    with torch.inference_mode():
        together = network(*pad(query * 2, network.config), *pad(rows, network.config))
        alone = network(*pad(query, network.config), *pad(rows[:1], network.config))
    assert together[0].item() == pytest.approx(alone[0].item(), abs=1e-5)


@pytest.mark.parametrize(("query", "passage"), [("", ""), ("", "text"), ("query", ""), ("\x00", "\ud800")])
def test_empty_and_broken_text_gives_a_finite_score(module, query, passage):
    with torch.inference_mode():
        scores = module(module.preprocess([(query, passage)]))["scores"]
    assert scores.shape == (1, 1)
    assert torch.isfinite(scores).all()


def test_a_saved_model_is_the_same_model(module, tmp_path):
    module.save(str(tmp_path))
    loaded = SplitCrossEncoder.load(str(tmp_path))
    assert is_split_model(tmp_path)
    assert not is_split_model(bundled_folder())
    pairs = [("how long do cats sleep", text) for text in TEXTS]
    for name in ("rarity", "joining", "scale"):
        kept, found = (getattr(item.network.interaction, name) for item in (module, loaded))
        assert torch.equal(kept, found)
    assert loaded.network.interaction.joining.any()
    with torch.inference_mode():
        before, after = (item(item.preprocess(pairs))["scores"] for item in (module, loaded))
    assert after.numpy() == pytest.approx(before.numpy(), abs=2e-3)


def test_weights_of_another_version_are_told_from_broken_ones(module, tmp_path):
    module.save(str(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "architecture": "rankscope-split-bert/1"}))
    assert is_split_model(tmp_path)
    with pytest.raises(
        ModelError, match="holds rankscope-split-bert/1, expected rankscope-split-bert/2"
    ) as told:
        SplitCrossEncoder.load(str(tmp_path))
    assert "Train it again" in (told.value.remedy or "")
