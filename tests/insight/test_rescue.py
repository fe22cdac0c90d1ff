"""The rescue against brute force: what it finds works, one step less does not, and nothing is missed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Ranking
from rankscope.insight.rescue import Change, Probe, Setup, outcome_of, rescue
from tests.insight.findings.scripted_traces import ranking

FLOOR = Floor(0.4, ScoreScale.PROBABILITY)


def probe_of(lists: Mapping[str, Sequence[str]], scores: Mapping[str, float] | None = None) -> Probe:
    made: list[Ranking] = [ranking(stage, "unknown", list(ids)) for stage, ids in lists.items()]
    if scores is None:
        return Probe(tuple(made))
    return Probe(tuple(made), lambda ids: {doc_id: scores[doc_id] for doc_id in ids})


def applied(setup: Setup, setting: str, value: float) -> Setup:
    """The setup with one setting as the change names it."""
    name = setting.partition(".")[2]
    if name.endswith("_weight"):
        return replace(setup, weights={**setup.weights, name.removesuffix("_weight"): value})
    if setting == "floor.value":
        assert setup.floor is not None
        return replace(setup, floor=replace(setup.floor, value=value))
    return replace(setup, **{name: int(value)})


def one_step_less(change: Change) -> float:
    towards = 1 if change.now > change.to else -1
    return round(change.to + towards * change.step, 12)


def by_setting(probe: Probe, setup: Setup, doc_id: str) -> dict[str, Change]:
    return {change.setting: change for change in rescue(probe, setup, doc_id).changes}


LISTS = {"bm25": "abcdefgh", "dense": "badcfehg"}
SCORES = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6, "e": 0.55, "f": 0.5, "g": 0.95, "h": 0.2}
SETUP = Setup(depth=8, candidates=6, rrf_k=60, top_k=3, floor=FLOOR)


def test_a_kept_document_needs_no_rescue() -> None:
    found = rescue(probe_of(LISTS, SCORES), SETUP, "a")
    assert (found.kept, found.changes, found.obstacles) == (True, (), ())


def test_lost_at_k_by_one_place() -> None:
    found = by_setting(probe_of(LISTS, SCORES), SETUP, "d")
    change = found["floor.top_k"]
    assert (change.now, change.to, change.rank, change.displaced) == (3, 4, 4, ())


def test_lost_at_the_fusion_cut_and_whom_it_displaces() -> None:
    # Fused: a b c d e f g h in pairs of equal scores; g is the 7th of 6 candidates.
    change = by_setting(probe_of(LISTS, SCORES), SETUP, "g")["retrieval.candidates"]
    assert (change.now, change.to, change.rank) == (6, 7, 1)
    assert change.displaced == ("c",)


def test_lost_at_the_floor() -> None:
    scores = {**SCORES, "c": 0.523456}
    setup = replace(SETUP, floor=Floor(0.6, ScoreScale.PROBABILITY), top_k=4)
    change = by_setting(probe_of(LISTS, scores), setup, "e")["floor.value"]
    assert (change.to, change.displaced) == (0.55, ())
    lower = by_setting(probe_of(LISTS, scores), replace(setup, top_k=5), "c")["floor.value"]
    assert lower.to == 0.5234
    assert lower.entered == ("e",)


def test_a_deeper_list_finds_what_ended_too_early() -> None:
    setup = replace(SETUP, depth=3, candidates=4, top_k=2)
    scores = {**SCORES, "e": 0.99}
    assert by_setting(
        probe_of({"bm25": "abcdefgh", "dense": "badexyzw"}, {**scores, **dict.fromkeys("xyzw", 0.1)}),
        setup,
        "e",
    )["retrieval.depth"].to in (4, 5)


def test_no_single_change_and_what_stands_in_the_way() -> None:
    found = rescue(probe_of(LISTS, SCORES), SETUP, "h")
    assert found.changes == ()
    assert found.obstacles == (
        "it is at 8 after fusion, 6 go on",
        "it scores 0.2, below the floor 0.4",
        "6 candidates stand above it, K is 3",
    )
    absent = rescue(probe_of(LISTS, {**SCORES, "z": 0.9}), SETUP, "z")
    assert absent.obstacles == ("no list holds it at any depth",)


def test_k_as_large_as_n_would_switch_the_reranker_off_and_is_no_rescue() -> None:
    setup = replace(SETUP, candidates=4, top_k=3)
    scores = {**SCORES, "d": 0.1}
    assert "floor.top_k" not in by_setting(probe_of(LISTS, scores), setup, "d")


def test_fewer_candidates_can_leave_out_the_rivals() -> None:
    lists = {"bm25": "abcdef", "dense": "abcdef"}
    scores = {"a": 0.5, "b": 0.6, "c": 0.7, "d": 0.75, "e": 0.8, "f": 0.9}
    setup = Setup(depth=6, candidates=6, rrf_k=60, top_k=3, floor=None)
    change = by_setting(probe_of(lists, scores), setup, "b")["retrieval.candidates"]
    assert (change.to, change.rank) == (4, 3)


def test_without_a_reranker_the_fused_order_is_the_result() -> None:
    setup = Setup(depth=8, candidates=8, rrf_k=60, top_k=3, floor=None)
    lists = {"bm25": "abcdefgh", "dense": "hgfedcba"}
    assert outcome_of(probe_of(lists), setup).kept == ("a", "h", "b")
    found = by_setting(probe_of(lists), setup, "g")
    assert found["floor.top_k"].to == 4
    assert found["retrieval.dense_weight"].to == 1.01
    assert found["retrieval.bm25_weight"].to == 0.99


@st.composite
def situations(draw: st.DrawFn) -> tuple[Probe, Setup, str]:
    rng = random.Random(draw(st.integers(0, 10**6)))
    ids = [f"d{number:02}" for number in range(draw(st.integers(6, 24)))]
    lists = {stage: rng.sample(ids, rng.randint(3, len(ids))) for stage in ("bm25", "dense")}
    scores = {doc_id: round(rng.random(), 3) for doc_id in ids}
    setup = Setup(
        depth=rng.randint(2, 12),
        candidates=rng.randint(3, 12),
        rrf_k=rng.choice([0, 1, 10, 60, 200]),
        top_k=rng.randint(1, 5),
        floor=rng.choice([None, Floor(rng.choice([0.2, 0.5, 0.8]), ScoreScale.PROBABILITY)]),
        weights={"bm25": rng.choice([1.0, 0.5, 2.0])},
    )
    return probe_of(lists, scores if rng.random() < 0.8 else None), setup, rng.choice(ids)


def keeps(probe: Probe, setup: Setup, doc_id: str) -> bool:
    """Whether a setup keeps the document without switching the reranker off."""
    now, outcome = outcome_of(probe, Setup(**BASE)), outcome_of(probe, setup)
    return doc_id in outcome.kept and not (now.reranked and not outcome.reranked)


BASE: dict = {}


@settings(deadline=None, max_examples=120)
@given(situations())
def test_every_change_works_one_step_less_does_not_and_none_smaller_is_missed(
    situation: tuple[Probe, Setup, str],
) -> None:
    probe, setup, doc_id = situation
    BASE.clear()
    BASE.update(
        {name: getattr(setup, name) for name in ("depth", "candidates", "rrf_k", "top_k", "floor", "weights")}
    )
    found = rescue(probe, setup, doc_id)
    assert found.kept == (doc_id in outcome_of(probe, setup).kept)
    if found.kept:
        return
    changes = {change.setting: change for change in found.changes}
    for change in changes.values():
        assert keeps(probe, applied(setup, change.setting, change.to), doc_id)
        assert not keeps(probe, applied(setup, change.setting, one_step_less(change)), doc_id)
        kept = outcome_of(probe, applied(setup, change.setting, change.to)).kept
        assert kept[change.rank - 1] == doc_id
        assert set(change.displaced) == set(outcome_of(probe, setup).kept) - set(kept)
    for top_k in range(setup.top_k + 1, 30):  # K and N by brute force
        if keeps(probe, replace(setup, top_k=top_k), doc_id):
            assert changes["floor.top_k"].to == top_k
            break
    else:
        assert "floor.top_k" not in changes
    works = [n for n in range(1, 30) if keeps(probe, replace(setup, candidates=n), doc_id)]
    assert ("retrieval.candidates" in changes) == bool(works)
    assert bool(found.changes) != bool(found.obstacles)


@settings(deadline=None, max_examples=40)
@given(situations())
def test_a_document_that_is_no_candidate_is_not_helped_by_a_nearer_k_or_depth(
    situation: tuple[Probe, Setup, str],
) -> None:
    probe, setup, doc_id = situation
    BASE.clear()
    BASE.update(
        {name: getattr(setup, name) for name in ("depth", "candidates", "rrf_k", "top_k", "floor", "weights")}
    )
    now = outcome_of(probe, setup)
    if now.final.hit(doc_id) is not None:
        return
    changes = {change.setting: change for change in rescue(probe, setup, doc_id).changes}
    nearest = next(
        (
            k
            for k in sorted(range(120), key=lambda value: (abs(value - setup.rrf_k), value))
            if k != setup.rrf_k and keeps(probe, replace(setup, rrf_k=k), doc_id)
        ),
        None,
    )
    if nearest is not None:
        assert changes["retrieval.rrf_k"].to == nearest
    for depth in range(setup.depth + 1, 30):
        if keeps(probe, replace(setup, depth=depth), doc_id):
            assert changes["retrieval.depth"].to == pytest.approx(depth)
            break
    else:
        assert "retrieval.depth" not in changes
