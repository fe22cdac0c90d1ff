"""The verdict on systems that are built to deserve one, and on resamples of their queries."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from rankscope.config import BudgetSettings
from rankscope.core.trace import Trace
from rankscope.insight.verdict.decide import Ruling, decide
from rankscope.insight.verdict.facts import facts_of
from rankscope.insight.verdict.model import Criteria
from rankscope.insight.verdict.rows import QueryRow, judged_rows
from tests.insight.verdict.systems import (
    add_list,
    clear_when_gap_is_large,
    judgments_of,
    misordered,
    perfect_first_stage,
    recall_miss,
    small_gain,
    system_trace,
    useless_reranker,
    without_reranker,
)

System = Callable[[int, random.Random], list[Trace]]
CRITERIA = Criteria()


def rule_rows(rows: Sequence[QueryRow], budget: BudgetSettings | None = None) -> Ruling:
    facts = facts_of(rows, CRITERIA, resamples=200)
    return decide(facts, CRITERIA, budget or BudgetSettings())


def rule(traces: Sequence[Trace], budget: BudgetSettings | None = None) -> Ruling:
    return rule_rows(judged_rows(traces, judgments_of(traces)), budget)


@pytest.mark.parametrize(
    ("system", "count", "kind"),
    [
        (perfect_first_stage, 120, "leave"),
        (recall_miss, 120, "fix_retrieval"),
        (misordered, 120, "rerank"),
        (misordered, 12, "label"),
    ],
)
def test_four_systems_get_their_verdict_and_keep_it_under_resampling(
    system: System, count: int, kind: str
) -> None:
    traces = system(count, random.Random(7))
    rows = judged_rows(traces, judgments_of(traces))
    assert rule_rows(rows).kind == kind
    draw = random.Random(11)
    kinds = Counter(rule_rows(draw.choices(rows, k=count)).kind for _ in range(40))
    assert kinds == {kind: 40}


def test_fresh_samples_of_the_four_systems_agree() -> None:
    for system, kind in (
        (perfect_first_stage, "leave"),
        (recall_miss, "fix_retrieval"),
        (misordered, "rerank"),
    ):
        assert {rule(system(100, random.Random(seed))).kind for seed in range(4)} == {kind}


def test_too_few_judgments_say_how_many_more() -> None:
    ruling = rule(misordered(12, random.Random(1)))
    assert ruling.more_queries is not None
    assert ruling.more_queries >= CRITERIA.fewest - 12
    assert f"label about {ruling.more_queries} more" in ruling.sentence
    assert rule([]).more_queries == CRITERIA.fewest


def test_the_labels_asked_for_are_enough() -> None:
    """A gain that cannot be told from nothing is decided once about as many more queries are judged."""
    few = rule(small_gain(25, random.Random(2)))
    assert few.kind == "label"
    assert few.more_queries is not None
    kinds = [rule(small_gain(25 + few.more_queries, random.Random(seed))).kind for seed in range(5)]
    assert kinds.count("label") <= 1


def test_a_reranker_that_gains_nothing_is_left() -> None:
    ruling = rule(useless_reranker(500, random.Random(5)))
    assert ruling.kind == "leave"
    assert "nothing that can be shown" in ruling.sentence


def test_what_is_nowhere_counts_even_where_what_is_found_is_first() -> None:
    """No reordering can gain anything here, yet a third of the queries goes without an answer."""
    traces = [
        system_trace(n, None if n % 3 == 0 else 1, None if n % 3 == 0 else 1, gap=0.0) for n in range(90)
    ]
    assert rule(traces).kind == "fix_retrieval"


def test_a_reranker_that_harms_is_left_out() -> None:
    traces = [system_trace(number, 6, 8 if number % 5 else 6, gap=0.001) for number in range(60)]
    ruling = rule(traces)
    assert (ruling.kind, ruling.sentence.startswith("Leave it out")) == ("leave", True)


def test_a_gain_that_is_shown_but_small_is_not_worth_it() -> None:
    traces = [system_trace(number, 6, 5 if number % 3 == 0 else 6, gap=0.001) for number in range(120)]
    ruling = rule(traces)
    assert ruling.kind == "leave"
    assert "too little" in ruling.sentence


def test_a_gap_that_tells_is_a_gate() -> None:
    ruling = rule(clear_when_gap_is_large(150, random.Random(2)))
    assert ruling.kind == "gate"
    assert ruling.gate is not None
    assert ruling.gate.saved >= CRITERIA.gate_saves
    assert ruling.gate.change.value >= -CRITERIA.gate_costs
    assert ruling.gate.gap > 0.001


def test_without_a_reranker_the_rule_of_thumb_decides() -> None:
    lost = without_reranker(misordered(150, random.Random(4)))
    assert rule(lost).kind == "rerank"
    assert "run them with one" in " ".join(rule(lost).reasons)
    top = without_reranker([system_trace(number, 2 + number % 3, None, gap=0.0) for number in range(150)])
    assert rule(top).kind == "leave"
    assert "rule of thumb" in rule(top).sentence
    assert "measure a reranker before you settle" in rule(top).sentence
    first = without_reranker([system_trace(n, 1 if n % 9 else 2, None, gap=0.0) for n in range(150)])
    assert rule(first).sentence.endswith("% of the queries.")
    unclear = without_reranker([system_trace(n, 2 if n % 5 < 3 else 20, None, gap=0.0) for n in range(40)])
    assert rule(unclear).kind == "label"


def test_a_gain_that_is_too_slow_is_bought_with_fewer_candidates_or_not_at_all() -> None:
    traces = [system_trace(number, 8, 1, gap=0.0, rerank_ms=900.0) for number in range(60)]
    cut = rule(traces, BudgetSettings(total_ms=500.0))
    assert (cut.kind, cut.depth) == ("rerank", 20)  # 900 ms for 50 is 360 for 20
    assert cut.sentence.startswith("Rerank the first 20 candidates only")
    slow = rule(traces, BudgetSettings(total_ms=50.0))
    assert slow.kind == "leave"
    assert "until it is faster" in slow.sentence


def test_misses_further_down_a_list_are_told_from_misses_everywhere() -> None:
    traces = recall_miss(100, random.Random(9))
    deep = [
        trace if number % 2 else add_list(trace, "bm25", [f"x{rank}" for rank in range(60)] + ["rel"])
        for number, trace in enumerate(traces)
    ]
    text = " ".join(rule(deep).reasons)
    missing = [
        number for number, trace in enumerate(deep) if trace.before and "rel" not in trace.before.doc_ids
    ]
    below = sum(number % 2 == 0 for number in missing)
    assert f"of the {len(missing)} queries that miss, {below} have one further down" in text
