"""A verdict as lines of text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rankscope.cli.eval_tables import signed_interval, text_table
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.insight.significance import Interval
from rankscope.insight.verdict.model import DepthCurve, Evidence, GatePoint, Verdict, said_once

__all__ = ["SCHEMA", "verdict_json", "verdict_lines"]

SCHEMA = "rankscope.verdict/1"


def verdict_json(verdict: Verdict, name: str, source: str, basis: str) -> dict[str, Any]:
    """Plain JSON values: the sentence first, then everything behind it."""
    return {"schema": SCHEMA, "name": name, "source": source, "basis": basis, **asdict(verdict)}


def verdict_lines(verdict: Verdict, name: str, source: str, basis: str) -> list[str]:
    """The sentence, what it rests on, its reasons, then the figures in the order in which they decide."""
    evidence = verdict.evidence
    lines = [verdict.sentence, one_line(basis, 200), ""]
    lines += [f"  {one_line(reason, 400)}" for reason in verdict.reasons]
    lines += ["", f"{one_line(name, 40)}: {one_line(source, 300)}", *_counts(evidence)]
    sections = (
        ("Ahead of the reranker, by depth", _recall(evidence)),
        ("Before and after", _measures(evidence)),
        ("By stratum, nDCG@10", _strata(evidence)),
        ("Latency, ms", _latency(evidence)),
        (f"Depth{_enough(evidence.depth)}", _depth(evidence.depth)),
        ("Gate on the gap between rank 1 and rank 10", _gates(evidence.gates, verdict.gate)),
    )
    for title, rows in sections:
        if len(rows) > 1:
            lines += ["", title, *(f"  {line}" for line in text_table(rows))]
    if evidence.depth is not None and not all(point.measured for point in evidence.depth.points):
        lines += ["", "* not timed at this N: its share of the time of all candidates"]
    lines += ["", "What the reranker may be hiding", *_diagnoses(evidence)]
    lines += [f"note: {one_line(note, 300)}" for note in evidence.notes]
    return lines


def _counts(evidence: Evidence) -> list[str]:
    lines = [
        counted(evidence.queries, "judged query has", "judged queries have")
        + f" a relevant document, {counted(evidence.no_answer, 'has', 'have')} none"
    ]
    if evidence.refused_no_answer is not None:
        lines.append(f"refused, no answer in the corpus (right): {_share(evidence.refused_no_answer)}")
    if evidence.refused_answerable is not None:
        lines.append(f"refused, although there is an answer (wrong): {_share(evidence.refused_answerable)}")
    rule = evidence.rule
    if rule is not None:
        said = "met" if rule.met else "not met"
        lines.append(
            f"rule of thumb {said}: relevant in the top {rule.found_in} for {_share(rule.found)} (over 90%), "
            f"in the top {rule.top_in} for {_share(rule.top)} (under 60%)"
        )
    return lines


def _recall(evidence: Evidence) -> list[list[str]]:
    rows = [["N", "recall@N [95%]", "queries with a relevant document [95%]"]]
    return rows + [[str(point.n), _span(point.recall), _share(point.found)] for point in evidence.recall]


def _measures(evidence: Evidence) -> list[list[str]]:
    rows = [["measure", "before [95%]", "after [95%]", "lift [95%]", "p", "best order"]]
    for row in evidence.measures:
        rows.append(
            [
                row.name,
                _span(row.before),
                "" if row.after is None else _span(row.after),
                "" if row.lift is None else signed_interval(row.lift),
                "" if row.p_value is None else f"{row.p_value:.4f}",
                f"{row.best.value:.3f}",
            ]
        )
    for stage, share in evidence.judged.items():
        rows.append([f"judged, {one_line(stage, 12)}", _span(share), "", "", "", ""])
    return rows


def _strata(evidence: Evidence) -> list[list[str]]:
    rows = [["stratum", "queries", "before", "after", "lift [95%]", "found"]]
    for row in evidence.strata:
        rows.append(
            [
                one_line(row.name, 24) or "no stratum",
                f"{row.queries:,}",
                f"{row.before.value:.3f}",
                "" if row.after is None else f"{row.after.value:.3f}",
                "" if row.lift is None else signed_interval(row.lift),
                f"{row.found.value:.0%}",
            ]
        )
    return rows


def _latency(evidence: Evidence) -> list[list[str]]:
    rows = [["stage", "traces", "median", "p95", "budget"]]
    for item in evidence.latency:
        budget = "" if item.budget_ms is None else f"{item.budget_ms:,.0f}"
        rows.append(
            [
                one_line(item.stage, 16),
                f"{item.traces:,}",
                f"{item.median_ms:,.1f}",
                f"{item.p95_ms:,.1f}",
                budget,
            ]
        )
    return rows


def _enough(curve: DepthCurve | None) -> str:
    if curve is None or curve.enough is None:
        return ""
    return f": beyond N = {curve.enough} nothing is gained that can be shown"


def _depth(curve: DepthCurve | None) -> list[list[str]]:
    """A star marks a time that was not measured at its depth but taken in proportion."""
    priced = curve is not None and any(point.monthly_cost is not None for point in curve.points)
    rows = [
        ["N", "nDCG@10", "gain [95%]", "against the deepest [95%]", "ms", *(["a month"] if priced else [])]
    ]
    for point in curve.points if curve is not None else ():
        time = "" if point.ms is None else f"{point.ms:,.0f}{'' if point.measured else '*'}"
        rows.append(
            [
                str(point.n),
                f"{point.value.value:.3f}",
                signed_interval(point.gain),
                signed_interval(point.lost),
                time,
                *([f"{point.monthly_cost or 0.0:,.2f}"] if priced else []),
            ]
        )
    return rows


def _gates(points: Sequence[GatePoint], chosen: GatePoint | None) -> list[list[str]]:
    """Every fourth gate, and the chosen one."""
    rows = [["list", "gap from", "calls saved", "nDCG@10 [95%]", ""]]
    for place, point in enumerate(points):
        if place % 4 and point != chosen:
            continue
        mark = "the gate" if point == chosen else ""
        rows.append(
            [point.signal, f"{point.gap:.4g}", f"{point.saved:.0%}", signed_interval(point.change), mark]
        )
    return rows


def _diagnoses(evidence: Evidence) -> list[str]:
    lines = []
    for codes, item in said_once(evidence.diagnoses):
        lines.append(f"  {item.state:<8} {codes}: {one_line(item.measure, 400)}")
        if item.remedy:
            lines.append(f"           {item.remedy}")
    return lines


def _span(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _share(interval: Interval) -> str:
    return f"{interval.value:.0%} [{interval.low or 0.0:.0%}, {interval.high or 0.0:.0%}]"
