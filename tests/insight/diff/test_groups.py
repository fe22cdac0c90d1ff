"""Groups: who is paired with whom, and what is said of all pairs together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rankscope.core.documents import Query
from rankscope.core.trace import Trace
from rankscope.errors import UsageError
from rankscope.insight.coverage import ATTRIBUTE, Coverage
from rankscope.insight.diff import Pairing, diff_groups, key_of, pair_up
from rankscope.insight.judgments import Judgments
from rankscope.insight.significance import paired_bootstrap
from tests.insight.diff.make import OTHER, made

BASE = made("abcd", {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.1})


def trace(name: str, base: Trace = BASE, *, minutes: int = 0, text: str = "", **changes: object) -> Trace:
    query = Query(text or f"query of {name}")
    moved = base.created_at + timedelta(minutes=minutes)
    return replace(base, **{"trace_id": name, "created_at": moved, "query": query, **changes})  # type: ignore[arg-type]


def paired(before: list[Trace], after: list[Trace]) -> Pairing:
    return pair_up(map(key_of, before), map(key_of, after))


def test_a_replay_goes_with_its_parent_and_the_newest_wins() -> None:
    parents = [trace("p1"), trace("p2"), trace("p3")]
    replays = [
        trace("r1", parent_id="p1", minutes=1),
        trace("r1-later", parent_id="p1", minutes=2),
        trace("r2", parent_id="p2"),
        trace("stranger"),
    ]
    assert paired(parents, replays) == Pairing((("p1", "r1-later"), ("p2", "r2")), 1, 1, 1)
    assert paired(replays[2:3], parents).pairs == (("r2", "p2"),)


def test_two_replays_of_one_trace_go_together() -> None:
    assert paired([trace("r1", parent_id="p")], [trace("r2", parent_id="p")]).pairs == (("r1", "r2"),)


def test_what_is_left_goes_by_query_id_then_by_text_and_filters() -> None:
    before = [
        trace("a1", query=Query("one", {}, "q1")),
        trace("a2", query=Query("two")),
        trace("a3", query=Query("three", {"year": "2023"})),
    ]
    after = [
        trace("b1", query=Query("one, said otherwise", {}, "q1")),
        trace("b2", query=Query("two", {}, "q2")),
        trace("b3", query=Query("three", {"year": "2024"})),
    ]
    assert paired(before, after) == Pairing((("a1", "b1"), ("a2", "b2")), 1, 1, 0)


def test_a_trace_of_both_groups_is_no_pair_of_itself() -> None:
    assert paired([BASE], [BASE]).pairs == ()


def test_distributions_flips_and_the_worst() -> None:
    same = made("abcd", {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.1})
    refused = made("abcd", {"d": 0.2, "c": 0.1, "b": 0.05, "a": 0.0}, model=OTHER)
    pairs = [(trace(f"p{n}"), trace(f"r{n}", refused if n < 2 else same)) for n in range(10)]
    diff = diff_groups(pairs)
    assert len(diff.pairs) == 10
    assert [pair.after_id for pair in diff.worst] == ["r0", "r1"]
    assert [pair.before_id for pair in diff.flips] == ["p0", "p1"]
    assert diff.causes == {"model": 2}
    assert diff.divergence == {"rerank": 2, "none": 8}
    assert [(change.what, count) for change, count in diff.changes.items()] == [("cross_encoder", 2)]
    spread = diff.spread("overlap")
    assert spread.mean == pytest.approx(8 / 10)
    assert (spread.count, spread.lowest, spread.median) == (10, 0.0, 1.0)
    assert diff.top_k == 2
    old, new = diff.latency()["rerank"]
    assert (old.count, old.median, new.median) == (10, 80.0, 80.0)
    assert diff.latency()["total"][0].median == 80.0 + 1.0


def test_a_stage_without_a_time_leaves_the_total_out() -> None:
    timeless = replace(BASE, rankings=(BASE.rankings[0], replace(BASE.rankings[1], ms=None)))
    assert set(diff_groups([(trace("a"), trace("b", timeless))]).latency()) == {"fusion"}


def test_times_that_are_no_measurements_say_so() -> None:
    fused, reranked = BASE.rankings
    skipped = replace(BASE, rankings=(fused, replace(reranked, ms=0.0, status="skipped:gate", hits=())))
    assert "rerank" not in diff_groups([(trace("a", skipped), trace("b", skipped))]).latency()
    shared = replace(reranked, ms=None, details={"share_ms": 3.0})
    note = Coverage("rerank-only", "job", saved=4, candidates=4, scored=4).as_json()
    replayed = replace(BASE, rankings=(fused, shared), attributes={ATTRIBUTE: note})
    diff = diff_groups([(trace("a"), trace("b", replayed))])
    assert diff.together == ("rerank",)
    assert diff.recorded == {"fusion", "total"}
    assert set(diff.latency()) == {"fusion"}
    assert diff_groups([(trace("a"), trace("b"))]).recorded == frozenset()


def test_measures_get_the_paired_bootstraps_interval() -> None:
    worse = made("abcd", {"b": 0.9, "a": 0.8, "c": 0.7, "d": 0.1})
    pairs = [
        (trace(f"p{n}", text=f"q{n}"), trace(f"r{n}", worse if n % 2 else BASE, text=f"q{n}"))
        for n in range(8)
    ]
    judgments = Judgments({f"q{n}": {"a": 1} for n in range(7)})  # the eighth is not judged
    diff = diff_groups(pairs, judgments=judgments, measures=("MRR@10", "AP"))
    assert diff.judged == 7
    reciprocal = [1 / 2 if n % 2 else 1.0 for n in range(7)]
    by_name = {item.name: item for item in diff.measured}
    assert by_name["MRR@10"].before == 1.0
    assert by_name["MRR@10"].after == pytest.approx(sum(reciprocal) / 7)
    assert by_name["MRR@10"].difference == paired_bootstrap([1.0] * 7, reciprocal)
    assert by_name["AP"].after == pytest.approx(by_name["MRR@10"].after)  # one relevant document


def test_refusals_of_queries_without_an_answer_are_counted() -> None:
    refused = made("ab", {"a": 0.1, "b": 0.0})
    pairs = [(trace(f"p{n}", text="none"), trace(f"r{n}", refused, text="none")) for n in range(3)]
    diff = diff_groups(pairs, judgments=Judgments({"none": {"a": 0}}), measures=("MRR@10",))
    assert (diff.unanswerable, diff.refusals, diff.measured) == (3, (0, 3), ())


def test_an_unknown_measure_is_refused() -> None:
    judgments = Judgments({"q": {"a": 1}})
    with pytest.raises(UsageError, match="unknown measure 'foo'"):
        diff_groups([(trace("p", text="q"), trace("r", text="q"))], judgments=judgments, measures=("foo",))
