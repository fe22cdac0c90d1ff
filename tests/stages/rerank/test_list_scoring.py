"""Many queries' candidates at once: the same scores as one by one, each pair and passage worked on once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.config import ModelSettings, RerankSettings
from rankscope.core.documents import Document
from rankscope.core.protocols import ScoredPair
from rankscope.stages.rerank.cross_encoder import CrossEncoderReranker
from rankscope.stages.rerank.list_scoring import pair_batches
from tests.stages.rerank.test_cross_encoder import make_stock

QUERIES = ["ibuprofen dosage for children", "leave carry over", "water", "ibuprofen dosage for children"]
TEXTS = [
    "Ibuprofen is given by weight. A child of 20 kg takes 200 mg.",
    "Unused leave is carried over to March.",
    "Water boils at 100 degrees.",
    "",
    "long " * 700 + "ibuprofen for children",
]


@pytest.fixture(scope="module")
def reranker() -> CrossEncoderReranker:
    """The bundled model in float32, where the order of work changes a score by rounding only."""
    return CrossEncoderReranker(RerankSettings(cache_mb=0), ModelSettings(precision="fp32", device="cpu"))


def documents(places: list[int]) -> list[Document]:
    return [Document(f"d{place}", TEXTS[place]) for place in places]


def one_by_one(reranker: CrossEncoderReranker, query: str, candidates: list[Document]) -> list[ScoredPair]:
    pairs = [pair for chunk in reranker.score(query, candidates) for pair in chunk]
    return sorted(pairs, key=lambda pair: pair.index)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> CrossEncoderReranker:
    """A small model of the usual kind, whose windows depend on the query."""
    folder = make_stock(tmp_path_factory.mktemp("stock"))  # type: ignore[no-untyped-call]  # a test module
    return CrossEncoderReranker(
        RerankSettings(model=str(folder)), ModelSettings(precision="fp32", device="cpu")
    )


@pytest.mark.parametrize("kind", ["reranker", "stock"])
def test_scores_and_details_are_those_of_one_by_one(kind: str, request: pytest.FixtureRequest) -> None:
    reranker: CrossEncoderReranker = request.getfixturevalue(kind)
    lists = [
        (QUERIES[0], documents([0, 1, 2, 4])),
        (QUERIES[1], documents([1, 1, 3])),  # a passage twice in one list
        (QUERIES[2], []),
        (QUERIES[3], documents([4, 0])),  # a query asked again
    ]
    found: list[dict[int, ScoredPair]] = [{} for _ in lists]
    for chunk in reranker.score_lists(lists):
        for place, pair in chunk:
            assert pair.index not in found[place]
            found[place][pair.index] = pair
    for (query, candidates), mine in zip(lists, found, strict=True):
        theirs = one_by_one(reranker, query, candidates)
        assert sorted(mine) == [pair.index for pair in theirs]
        for pair in theirs:
            assert mine[pair.index].score == pytest.approx(pair.score, abs=1e-5)
            for name in ("tokens", "tokens_cut", "windows", "window"):
                assert mine[pair.index].details[name] == pair.details[name]


def test_equal_pairs_are_scored_once(reranker: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = reranker._loaded()
    rows: list[int] = []
    original = scorer.pair_logits

    def counted(queries: Sequence[object], windows: Sequence[object]) -> list[float]:
        rows.append(len(windows))
        return original(queries, windows)

    monkeypatch.setattr(scorer, "pair_logits", counted)
    lists = [(QUERIES[0], documents([0, 1])), (QUERIES[3], documents([1, 0]))]
    chunks = list(reranker.score_lists(lists))
    assert sum(rows) == 2
    assert sum(len(chunk) for chunk in chunks) == 4


def test_stops_between_two_batches(reranker: CrossEncoderReranker) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    lists = [(query, documents([0, 1, 2, 4])) for query in QUERIES]
    done = sum(len(chunk) for chunk in reranker.score_lists(lists, cancelled=cancelled))
    assert done < 16


LENGTHS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 500)), max_size=200)


@given(LENGTHS, st.integers(600, 5000))
def test_batches_hold_every_row_once_and_stay_in_the_budget(
    lengths: list[tuple[int, int]], budget: int
) -> None:
    batches = pair_batches(lengths, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        width = max(lengths[row][0] for row in batch) + max(lengths[row][1] for row in batch)
        assert width * len(batch) <= budget or len(batch) == 1


def test_rows_of_equal_lengths_fill_batches_without_padding() -> None:
    lengths = [(10, 90)] * 50 + [(30, 90)] * 50
    batches = pair_batches(lengths, 1000)
    assert [len(batch) for batch in batches] == [10] * 5 + [8] * 6 + [2]
    assert all(len({lengths[row] for row in batch}) == 1 for batch in batches)


def test_passages_come_in_falling_length() -> None:
    lengths = [(8, length) for length in range(20, 420)]
    longest = [max(lengths[row][1] for row in batch) for batch in pair_batches(lengths, 1000)]
    assert all(before >= after for before, after in pairwise(longest[::16]))
