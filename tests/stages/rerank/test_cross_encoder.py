"""The reranker with the bundled model and with stock ones."""

import math
import threading

import pytest
import torch

from rankscope.config import ModelSettings, RerankSettings
from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.errors import ModelError
from rankscope.stages.dense.bundled import bundled_folder
from rankscope.stages.rerank.bundled import resolve_cross_encoder
from rankscope.stages.rerank.cross_encoder import CrossEncoderReranker
from rankscope.stages.rerank.split_cross_encoder import load_cross_encoder

QUERY = "How long does a cat sleep?"
ANSWER = "A grown cat sleeps between twelve and sixteen hours a day."
FILLER = "The committee approved the minutes of its last meeting and moved on. "
DOCUMENTS = [
    Document("market", "The stock market fell sharply on Monday after weak figures."),
    Document("cat", ANSWER, title="Cats"),
    Document("empty", ""),
    Document("code", "def sleep(seconds):\n    time.sleep(seconds)"),
]
CPU = ModelSettings(device="cpu", precision="fp32")


def scored(reranker, query=QUERY, documents=DOCUMENTS, **options):
    return [pair for chunk in reranker.score(query, documents, **options) for pair in chunk]


@pytest.fixture(scope="module")
def bundled():
    return CrossEncoderReranker(RerankSettings(), CPU)


def test_the_answer_comes_first_and_scores_are_the_logits_sigmoid(bundled):
    pairs = scored(bundled)
    assert [pair.index for pair in pairs] == [0, 1, 2, 3]
    assert max(pairs, key=lambda pair: pair.score).index == 1
    for pair in pairs:
        assert pair.score == pytest.approx(sigmoid(pair.details["logit"]))
    assert bundled.score_scale is ScoreScale.PROBABILITY
    assert bundled.info.activation == "sigmoid"


def test_scores_are_those_of_cross_encoder_predict(bundled):
    model = load_cross_encoder(resolve_cross_encoder("rankscope-ce-small"))
    expected = model.predict([(QUERY, document.searchable) for document in DOCUMENTS])
    assert [pair.score for pair in scored(bundled)] == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_second_query_finds_the_passages_cached_with_equal_scores():
    reranker = CrossEncoderReranker(RerankSettings(), CPU)
    first = scored(reranker)
    second = scored(reranker)
    assert [pair.details["cached"] for pair in first] == [0, 0, 0, 0]
    assert [pair.details["cached"] for pair in second] == [1, 1, 1, 1]
    assert [pair.score for pair in second] == pytest.approx([pair.score for pair in first], abs=1e-5)


def test_without_a_cache_nothing_is_said_of_one():
    pairs = scored(CrossEncoderReranker(RerankSettings(cache_mb=0), CPU))
    assert all("cached" not in pair.details for pair in pairs)


def test_an_answer_past_the_input_is_found_with_windows_and_missed_without():
    long = Document("long", FILLER * 50 + ANSWER)
    other = Document("other", FILLER * 50)
    found = {}
    for windows in (True, False):
        reranker = CrossEncoderReranker(RerankSettings(windows=windows), CPU)
        found[windows] = scored(reranker, documents=[long, other])
    # The same window without the answer has less than an eighth of the odds.
    assert found[True][0].details["logit"] > found[True][1].details["logit"] + math.log(8)
    assert found[True][0].details["window"] == found[True][0].details["windows"] > 1
    assert found[True][0].details["tokens_cut"] == 0
    assert found[False][0].score == pytest.approx(found[False][1].score, abs=1e-3)
    assert found[False][0].details["windows"] == 1
    assert found[False][0].details["tokens_cut"] > 0


def test_the_cap_on_windows_counts_what_is_not_read():
    reranker = CrossEncoderReranker(RerankSettings(max_windows=2, max_length=64), CPU)
    (pair,) = scored(reranker, documents=[Document("long", "word " * 500)])
    size = 64 - 64 // 4 - 4
    stride = size - size // 4
    assert pair.details["windows"] == 2
    assert pair.details["tokens_cut"] == 500 - (stride + size)


def test_the_end_of_a_long_query_is_cut_visibly(bundled):
    (pair,) = scored(bundled, query="cat " * 300, documents=DOCUMENTS[:1])
    assert pair.details["query_tokens_cut"] == 300 - 512 // 4


def test_cancelling_stops_between_chunks_and_soon(bundled):
    documents = [Document(str(number), FILLER * 2) for number in range(300)]
    stop = threading.Event()
    chunks = []
    for chunk in bundled.score(QUERY, documents, cancelled=stop.is_set):
        chunks.append(chunk)
        stop.set()
    assert len(chunks) == 1  # not one more after it was asked to stop
    assert 0 < len(chunks[0]) <= 300 / 4


def test_chunks_come_in_the_order_given_and_cover_all(bundled):
    documents = [
        Document(str(number), f"Passage {number}. " + FILLER * (number % 3) * 2) for number in range(40)
    ]
    chunks = list(bundled.score(QUERY, documents))
    assert len(chunks) > 1
    assert [pair.index for chunk in chunks for pair in chunk] == list(range(40))


def make_stock(folder, labels=1, activation=None):
    """A tiny BERT classifier with random weights, saved as sentence-transformers saves one."""
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        num_labels=labels, max_position_embeddings=128,
    )  # fmt: skip
    raw = folder / "raw"
    BertForSequenceClassification(config).save_pretrained(raw)
    tokenizer = BertTokenizerFast.from_pretrained(bundled_folder())
    tokenizer.model_max_length = 128
    tokenizer.save_pretrained(raw)
    model = CrossEncoder(str(raw), device="cpu", local_files_only=True, activation_fn=activation)
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


@pytest.mark.parametrize(
    ("activation", "scale"),
    [
        (torch.nn.Sigmoid(), ScoreScale.PROBABILITY),
        (torch.nn.Identity(), ScoreScale.LOGIT),
        (torch.nn.Tanh(), ScoreScale.UNKNOWN),
    ],
)
def test_a_stock_model_keeps_its_activation_and_scale(tmp_path, activation, scale):
    from sentence_transformers import CrossEncoder

    folder = make_stock(tmp_path, activation=activation)
    reranker = CrossEncoderReranker(RerankSettings(model=str(folder)), CPU)
    pairs = scored(reranker)
    expected = CrossEncoder(str(folder), device="cpu", local_files_only=True).predict(
        [(QUERY, document.searchable) for document in DOCUMENTS]
    )
    assert [pair.score for pair in pairs] == pytest.approx(expected.tolist(), abs=1e-5)
    assert reranker.score_scale is scale
    assert reranker.info.activation == type(activation).__name__.lower()
    assert all("cached" not in pair.details for pair in pairs)


def test_a_stock_model_reads_long_passages_in_windows(tmp_path):
    folder = make_stock(tmp_path)
    reranker = CrossEncoderReranker(RerankSettings(model=str(folder), max_windows=2), CPU)
    (pair,) = scored(reranker, query="cat", documents=[Document("long", "word " * 500)])
    room = 128 - 3 - 1
    stride = room - room // 4
    assert pair.details["tokens"] == 500
    assert pair.details["windows"] == 2
    assert pair.details["tokens_cut"] == 500 - (stride + room)


def test_bf16_keeps_the_last_layer_of_a_stock_model_in_full_precision(tmp_path):
    folder = make_stock(tmp_path)
    reference = scored(CrossEncoderReranker(RerankSettings(model=str(folder)), CPU))
    rounded = scored(
        CrossEncoderReranker(RerankSettings(model=str(folder)), ModelSettings(device="cpu", precision="bf16"))
    )
    assert [pair.score for pair in rounded] == pytest.approx([pair.score for pair in reference], abs=0.01)
    as_bf16 = torch.tensor([pair.details["logit"] for pair in rounded]).bfloat16().float()
    assert not torch.equal(as_bf16, torch.tensor([pair.details["logit"] for pair in rounded]))


def test_what_cannot_rerank_is_refused_in_one_line(tmp_path):
    folder = make_stock(tmp_path, labels=3)
    with pytest.raises(ModelError, match="3 labels"):
        scored(CrossEncoderReranker(RerankSettings(model=str(folder)), CPU))
    absent = CrossEncoderReranker(RerankSettings(model=str(tmp_path / "absent")), CPU)
    assert absent.score_scale is ScoreScale.UNKNOWN
    with pytest.raises(ModelError) as caught:
        scored(absent)
    assert "\n" not in str(caught.value)


def test_a_changed_bundled_file_is_refused(tmp_path, monkeypatch):
    import shutil

    from rankscope.stages.rerank import bundled

    monkeypatch.setenv("RANKSCOPE_HOME", str(tmp_path / "home"))
    shutil.copytree(bundled._MODELS / "rankscope-ce-small", tmp_path / "rankscope-ce-small")
    with (tmp_path / "rankscope-ce-small" / "model.safetensors").open("ab") as stream:
        stream.write(b"\0")
    monkeypatch.setattr(bundled, "_MODELS", tmp_path)
    with pytest.raises(ModelError, match="SHA-256"):
        resolve_cross_encoder("rankscope-ce-small")


def check_reading(reranker, query, document):
    """What is read must agree with what scoring reports; returns both."""
    reading = reranker.reading(query, document)
    (pair,) = scored(reranker, query, [document])
    assert len(reading.tokens) == pair.details["tokens"]
    assert len(reading.windows) == pair.details["windows"]
    assert reading.tokens_cut == pair.details["tokens_cut"]
    assert reading.query_tokens_cut == pair.details.get("query_tokens_cut", 0)
    assert all(0 <= start <= end <= len(reading.text) for start, end in reading.tokens)
    return reading, pair


def test_what_is_read_is_what_is_scored(bundled):
    reading, _ = check_reading(bundled, QUERY, DOCUMENTS[1])
    assert reading.text == f"Cats\n{ANSWER}"
    assert reading.span_of(1) == (0, len(reading.text))
    assert [reading.text[start:end] for start, end in reading.tokens[:3]] == ["Cats", "A", "grown"]
    narrow = CrossEncoderReranker(RerankSettings(max_windows=2, max_length=64), CPU)
    reading, pair = check_reading(narrow, QUERY, Document("long", "wörd \ud800 " * 300 + ANSWER))
    start, end = reading.span_of(int(pair.details["window"]))
    assert 0 <= start < end < len(reading.text)
    check_reading(bundled, "why " * 200, Document("empty", ""))


def test_what_a_stock_model_reads(tmp_path):
    settings = RerankSettings(model=str(make_stock(tmp_path)), max_length=48, max_windows=2)
    reranker = CrossEncoderReranker(settings, CPU)
    reading, _ = check_reading(reranker, QUERY, Document("long", FILLER * 20))
    assert len(reading.windows) == 2
    check_reading(reranker, QUERY * 20, DOCUMENTS[1])


def test_half_precision_changes_no_logit_by_much():
    exact = scored(CrossEncoderReranker(RerankSettings(), CPU))
    rounded = scored(CrossEncoderReranker(RerankSettings(), ModelSettings(device="cpu", precision="bf16")))
    assert [pair.details["logit"] for pair in rounded] == pytest.approx(
        [pair.details["logit"] for pair in exact], abs=0.15
    )
