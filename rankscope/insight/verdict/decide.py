"""Which verdict the figures give, and which figure it hangs on.

The order of the questions is that of the rule: too little known, the right documents not among the
candidates, nothing to gain by reordering, no gain that was measured, too slow, and last whether to rerank
always.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rankscope.config import BudgetSettings
from rankscope.core.counting import counted
from rankscope.insight.significance import Interval
from rankscope.insight.verdict.facts import USUAL_SPREAD, Facts
from rankscope.insight.verdict.gates import best_gate
from rankscope.insight.verdict.model import MEASURE, Criteria, GatePoint, VerdictKind

__all__ = ["Ruling", "decide"]

_HANDFUL = 5
_MUCH = 5
"""Room for reordering, in worthwhile gains, from which the rule of thumb alone should not decide."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict without its evidence."""

    kind: VerdictKind
    sentence: str
    reasons: tuple[str, ...] = ()
    more_queries: int | None = None
    gate: GatePoint | None = None
    depth: int | None = None


def decide(facts: Facts | None, criteria: Criteria, budget: BudgetSettings) -> Ruling:
    """The verdict. Every branch ends: with enough labels, one that is undecided becomes decided."""
    if facts is None or facts.queries < criteria.fewest:
        return _too_few(facts, criteria)
    # A gain that is shown speaks louder than a share that may lie on either side of its limit.
    shown = facts.lift is not None and (facts.lift.low or 0.0) > 0 and facts.lift.value >= criteria.worth
    if _below(facts.found, criteria.found_share, 0.0 if shown else criteria.slack):
        return _retrieval_first(facts, criteria)
    if (facts.headroom.high or 0.0) < criteria.worth:
        return _nothing_to_reorder(facts)
    if facts.lift is None:
        return _by_rule_of_thumb(facts, criteria)
    return _by_lift(facts, facts.lift, criteria, budget)


def _below(share: Interval, limit: float, slack: float) -> bool:
    """Whether the share is below the limit, as far as labels can tell."""
    return share.value < limit and (share.high or 0.0) < limit + slack


def _too_few(facts: Facts | None, criteria: Criteria) -> Ruling:
    known = 0 if facts is None else facts.queries
    more = criteria.fewest - known
    reasons = [
        counted(
            known, "judged query with a relevant document is", "judged queries with a relevant document are"
        )
        + f" known; {criteria.fewest} are the least"
    ]
    if facts is not None and facts.lift is not None:
        more = max(more, _needed_for_lift(facts, facts.lift, criteria) - known)
    return _label(known, known + more, reasons)


def _label(known: int, needed: int, reasons: Sequence[str]) -> Ruling:
    """Ask for the queries that are missing; a handful at least, since how many are needed is an estimate."""
    more = _rounded_up(max(needed - known, known // 10, _HANDFUL))
    return Ruling(
        "label",
        f"Not enough judgments: label about {more:,} more queries.",
        tuple(reasons),
        more_queries=more,
    )


def _rounded_up(count: int) -> int:
    """To two figures, upwards: more would pretend to know."""
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit


def _needed_for_lift(facts: Facts, lift: Interval, criteria: Criteria) -> int:
    """Queries at which the interval of a lift like this one leaves 0 or twice the worthwhile gain.

    Normal approximation of the mean: ``(1.96 s / half width)^2``.
    """
    half = max(abs(lift.value), 2 * criteria.worth - lift.value)
    spread = facts.lift_spread or USUAL_SPREAD
    return math.ceil((1.96 * spread / half) ** 2)


def _needed_for_share(share: Interval, limit: float, slack: float) -> int:
    """Queries at which the interval of such a share lies on one side of ``limit`` give or take ``slack``."""
    half = max(abs(share.value - limit), 0.0) + slack
    rate = min(max(share.value, 0.05), 0.95)
    return math.ceil(1.96**2 * rate * (1 - rate) / half**2)


def _nothing_to_reorder(facts: Facts) -> Ruling:
    reasons = [f"a relevant document is in the top {facts.top_in} for {_percent(facts.top)} of the queries"]
    if facts.rerank_ms is not None:
        reasons.append(f"the reranker takes {facts.rerank_ms:,.0f} ms a query")
    if facts.found.value < 1:
        reasons.append(_misses(facts))
    return Ruling(
        "leave",
        "Leave it: the best order of the same candidates would gain only "
        f"{_signed(facts.headroom)} {MEASURE}, so no reranker can pay.",
        tuple(reasons),
    )


def _retrieval_first(facts: Facts, criteria: Criteria) -> Ruling:
    missing = 1 - facts.found.value
    reasons = [
        f"a relevant document is among the first {facts.found_in} candidates for {_percent(facts.found)} "
        f"of the queries; above {criteria.found_share:.0%} is the rule",
        _misses(facts),
    ]
    if facts.lift is not None and (facts.lift.low or 0.0) > 0:
        reasons.append(f"keep the reranker meanwhile: it gains {_signed(facts.lift)} {MEASURE}")
    return Ruling(
        "fix_retrieval",
        f"Fix retrieval first: for {missing:.0%} of the queries no relevant document is among the first "
        f"{facts.found_in} candidates, and no reranker can bring it back.",
        tuple(reasons),
    )


def _misses(facts: Facts) -> str:
    """Where the documents are that the candidates lack."""
    missed = round((1 - facts.found.value) * facts.queries)
    elsewhere = missed - facts.below_cut
    misses = counted(missed, "query that misses", "queries that miss")
    listed = counted(facts.below_cut, "has", "have")
    return (
        f"of the {misses}, {listed} one further down some list (a larger N or other fusion weights bring it "
        f"in), {elsewhere:,} in no list at all"
    )


def _by_rule_of_thumb(facts: Facts, criteria: Criteria) -> Ruling:
    """Without a measured lift, the share at the top decides."""
    reasons = [
        _rule(facts),
        _headroom(facts),
        "these traces have no reranker: run them with one to measure what it gains",
    ]
    found, top = facts.found, facts.top
    limit, slack = criteria.top_share, criteria.slack
    if (found.low or 0.0) <= criteria.found_share - slack:
        needed = _needed_for_share(found, criteria.found_share, slack)
        return _label(facts.queries, needed, reasons)
    if top.value < limit and (top.high or 0.0) < limit + slack:
        return Ruling(
            "rerank",
            f"Rerank: the right document is among the first {facts.found_in} for {found.value:.0%} of the "
            f"queries, but in the top {facts.top_in} for {top.value:.0%} only.",
            tuple(reasons),
        )
    if top.value >= limit and (top.low or 0.0) > limit - slack:
        sentence = (
            f"Leave it, by the rule of thumb: the right document is in the top {facts.top_in} already for "
            f"{top.value:.0%} of the queries"
        )
        # One relevant document at the top may be one of many.
        much = facts.headroom.value >= _MUCH * criteria.worth
        sentence += "; yet much could be reordered, so measure a reranker before you settle." if much else "."
        return Ruling("leave", sentence, tuple(reasons))
    return _label(facts.queries, _needed_for_share(top, limit, slack), reasons)


def _by_lift(facts: Facts, lift: Interval, criteria: Criteria, budget: BudgetSettings) -> Ruling:
    low, high = lift.low or 0.0, lift.high or 0.0
    cost = "" if facts.rerank_ms is None else f" for {facts.rerank_ms:,.0f} ms a query"
    reasons = [
        _rule(facts),
        _headroom(facts),
    ]
    if high < 0:
        sentence = f"Leave it out: this reranker makes {MEASURE} worse, {_signed(lift)}{cost}."
        return Ruling(
            "leave", sentence, (*reasons, "another model, or one trained on your judgments, may pay")
        )
    if low > 0 and lift.value >= criteria.worth:
        return _rerank(facts, lift, criteria, budget, reasons)
    if low > 0 or high < 2 * criteria.worth:
        size = "too little" if low > 0 else "nothing that can be shown"
        sentence = f"Leave it: the reranker gains {size}, {_signed(lift)} {MEASURE}{cost}."
        return Ruling("leave", sentence, tuple(reasons))
    needed = _needed_for_lift(facts, lift, criteria)
    reasons.insert(0, f"the gain so far is {_signed(lift)} {MEASURE}: it may be nothing, it may be worth it")
    return _label(facts.queries, needed, reasons)


def _rerank(
    facts: Facts, lift: Interval, criteria: Criteria, budget: BudgetSettings, reasons: list[str]
) -> Ruling:
    """A gain worth having: whether the time is there for it, and whether every query needs it."""
    took = "" if facts.rerank_ms is None else f", for {facts.rerank_ms:,.0f} ms a query"
    gained = f"it gains {_signed(lift)} {MEASURE} over {facts.queries:,} queries{took}"
    enough = None if facts.curve is None else facts.curve.enough
    if facts.total_ms is not None and facts.total_ms > budget.total_ms:
        return _over_budget(facts, criteria, budget, [gained, *reasons])
    if facts.curve is not None and enough is not None and enough < facts.curve.points[-1].n:
        reasons.append(f"N = {enough} is enough: deeper candidates gain nothing that can be shown")
    gate = best_gate(facts.gates, criteria)
    if gate is not None:
        return Ruling(
            "gate",
            f"Gate at this gap: skip the reranker where rank 1 of the {gate.signal} list leads rank 10 by "
            f"{gate.gap:.4g} or more; that saves {gate.saved:.0%} of the calls for "
            f"{_signed(gate.change)} {MEASURE}.",
            (gained, *reasons, f"set it with `rankscope gate set {gate.gap:.4g} --signal {gate.signal}`"),
            gate=gate,
            depth=enough,
        )
    return Ruling("rerank", f"Rerank: {gained}.", tuple(reasons), depth=enough)


def _over_budget(facts: Facts, criteria: Criteria, budget: BudgetSettings, reasons: list[str]) -> Ruling:
    """The deepest reranking that fits, if it still gains enough."""
    assert facts.total_ms is not None
    spare = budget.total_ms - (facts.total_ms - (facts.rerank_ms or 0.0))
    over = f"a query takes {facts.total_ms:,.0f} ms of a budget of {budget.total_ms:,.0f}"
    fitting = [
        point
        for point in (facts.curve.points if facts.curve is not None else ())
        if point.ms is not None
        and point.ms <= spare
        and (point.gain.low or 0.0) > 0
        and point.gain.value >= criteria.worth
    ]
    if fitting:
        point = fitting[-1]
        return Ruling(
            "rerank",
            f"Rerank the first {point.n} candidates only: that gains {_signed(point.gain)} {MEASURE} for "
            f"{point.ms:,.0f} ms, and more does not fit the budget.",
            (over, *reasons),
            depth=point.n,
        )
    return Ruling(
        "leave",
        f"Leave it until it is faster: {over}, and no smaller N both fits and gains "
        f"{criteria.worth:g} {MEASURE}.",
        tuple(reasons),
    )


def _rule(facts: Facts) -> str:
    return (
        f"a relevant document is among the first {facts.found_in} for {_percent(facts.found)} of the "
        f"queries, in the top {facts.top_in} for {_percent(facts.top)}"
    )


def _headroom(facts: Facts) -> str:
    return f"the best order of the same candidates would gain {_signed(facts.headroom)} {MEASURE}"


def _percent(share: Interval) -> str:
    return f"{share.value:.0%} [{share.low or 0.0:.0%}, {share.high or 0.0:.0%}]"


def _signed(interval: Interval) -> str:
    """A difference with its interval; what rounds to zero has no minus."""
    value, low, high = (
        "?" if known is None else f"{round(known, 3) + 0.0:+.3f}"
        for known in (interval.value, interval.low, interval.high)
    )
    return f"{value} [{low}, {high}]"
