"""The bi-encoder against the library it replaces the loop of."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.config import ModelSettings
from rankscope.errors import ModelError
from rankscope.stages.dense.bundled import bundled_folder
from rankscope.stages.dense.encoder import BiEncoder, length_batches
from rankscope.stages.dense.loading import quiet_loading

TEXTS = [
    "A tenant may end the lease with three months' notice.",
    "def add(a, b):\n    return a + b",
    "",
    "word " * 400,
    "[/b] \x1b[31mred\x1b[0m \x00 \u202e reversed",
    "Ärzte empfehlen 5 mg/kg.",
]


@pytest.fixture(scope="module")
def reference():
    from sentence_transformers import SentenceTransformer

    with quiet_loading():
        return SentenceTransformer(str(bundled_folder()), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def encoder():
    return BiEncoder(ModelSettings(device="cpu"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_vectors_equal_those_of_the_library(reference, precision):
    encoder = BiEncoder(ModelSettings(device="cpu", precision=precision))
    vectors = encoder.encode_documents(TEXTS)
    cosines = (vectors * reference.encode(TEXTS)).sum(axis=1)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert cosines.min() >= (0.999 if precision == "bf16" else 0.99999)


def test_a_query_is_one_vector_and_no_texts_are_no_rows(encoder):
    assert encoder.encode_query("notice period").shape == (384,)
    assert encoder.encode_documents([]).shape == (0, 384)


def test_a_lone_surrogate_is_no_reason_to_fail(encoder):
    assert np.isfinite(encoder.encode_query("broken \ud800 text")).all()


def test_cut_tokens_are_counted(encoder):
    # 400 words, [CLS] and [SEP], of which 256 are read.
    assert encoder.tokens_cut(["word " * 400, "short"]) == [400 + 2 - 256, 0]


def test_info_names_the_weights(encoder):
    assert encoder.info.revision.startswith("53aa5117")
    assert encoder.info.max_length == 256
    assert encoder.info.dtype in ("float32", "bfloat16")


def test_threads_share_one_encoder(encoder):
    alone = encoder.encode_query("notice period")
    found = [None] * 4

    def encode(place):
        found[place] = encoder.encode_query("notice period")

    threads = [threading.Thread(target=encode, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(vector, alone) for vector in found)


def test_a_folder_that_is_no_model_is_refused_in_one_line(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 16)
    with pytest.raises(ModelError) as caught:
        BiEncoder(ModelSettings(bi_encoder=str(tmp_path))).encode_query("x")
    assert "\n" not in str(caught.value)


@given(
    st.lists(st.integers(min_value=0, max_value=600), max_size=60), st.integers(min_value=1, max_value=900)
)
def test_batches_hold_every_row_once_within_the_budget(lengths, budget):
    batches = list(length_batches(lengths, budget))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[row] for row in batch) * len(batch) <= budget
