"""Every hit ends in exactly one of: kept, below the floor, beyond K."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, Ranking
from rankscope.errors import ScaleError
from rankscope.stages.threshold.relevance_floor import apply_floor


def scored(scores: dict[str, float]) -> Ranking:
    return Ranking("rerank", ScoreScale.PROBABILITY, rank_by_score(scores.items()))


def at(value: float) -> Floor:
    return Floor(value, ScoreScale.PROBABILITY)


@given(
    st.dictionaries(st.text(min_size=1, max_size=4), st.floats(0, 1), max_size=30),
    st.floats(0, 1),
    st.integers(1, 12),
)
def test_every_hit_is_accounted_for(scores: dict[str, float], value: float, top_k: int) -> None:
    ranking = scored(scores)
    outcome = apply_floor(ranking, at(value), top_k)
    assert sorted(
        (*outcome.kept, *outcome.beyond_top_k, *outcome.below_floor), key=lambda hit: hit.rank
    ) == list(ranking.hits)
    assert all(hit.score is not None and hit.score >= value for hit in outcome.kept)
    assert len(outcome.kept) == min(top_k, sum(score >= value for score in scores.values()))
    assert outcome.decision == ("answer" if max(scores.values(), default=-1) >= value else "refuse")


def test_a_score_at_the_floor_is_kept() -> None:
    assert [hit.doc_id for hit in apply_floor(scored({"a": 0.4, "b": 0.39}), at(0.4), 10).kept] == ["a"]


def test_no_floor_keeps_the_best_k() -> None:
    outcome = apply_floor(scored({"a": 0.1, "b": 0.05, "c": 0.01}), None, 2)
    assert [hit.doc_id for hit in outcome.kept] == ["a", "b"]
    assert [hit.doc_id for hit in outcome.beyond_top_k] == ["c"]


def test_a_floor_of_another_scale_is_refused() -> None:
    with pytest.raises(ScaleError, match=r"logit scale.*rerank scores are on the probability scale"):
        apply_floor(scored({"a": 0.9}), Floor(0.4, ScoreScale.LOGIT), 10)


def test_a_hit_without_a_score_does_not_clear_a_floor() -> None:
    ranking = Ranking("rerank", ScoreScale.PROBABILITY, (Hit("a", 1, None),))
    assert apply_floor(ranking, at(0.0), 10).decision == "refuse"
    assert apply_floor(ranking, None, 10).decision == "answer"
