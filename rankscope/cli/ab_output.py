"""A comparison of two pipelines as lines of text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rankscope.cli.eval_tables import signed_interval, text_table
from rankscope.core.sanitize import one_line
from rankscope.insight.ab import AbQuery, Comparison, Side
from rankscope.insight.significance import Interval

__all__ = ["SCHEMA", "comparison_json", "comparison_lines"]

SCHEMA = "rankscope.ab/1"


def comparison_json(compared: Comparison) -> dict[str, Any]:
    """Plain JSON values: everything in the tables, and every query with both trace ids."""
    data = asdict(compared)
    for query, item in zip(data["queries"], compared.queries, strict=True):
        query["difference"] = item.difference
    return {"schema": SCHEMA, **data}


def comparison_lines(compared: Comparison, listed: int) -> list[str]:
    """The difference first, then the table, the queries that moved most, and what must be known."""
    row = next(item for item in compared.rows if item.name == compared.measure)
    a, b = one_line(compared.a.name, 40), one_line(compared.b.name, 40)
    lines = [
        f"{b} against {a}: {compared.measure} {signed_interval(row.difference)} over {row.difference.n:,} "
        f"queries, p {row.p_value:.4f}: {compared.won:,} won, {compared.lost:,} lost, {compared.tied:,} tied",
        "",
    ]
    rows = [["measure", "A [95%]", "B [95%]", "B - A [95%]", "p permutation", "p t-test"]]
    for item in compared.rows:
        rows.append(
            [
                item.name,
                _span(item.a),
                _span(item.b),
                signed_interval(item.difference),
                f"{item.p_value:.4f}",
                "" if item.t_p_value is None else f"{item.t_p_value:.4f}",
            ]
        )
    lines += [*text_table(rows), ""]
    lines += [*_side("A", compared.a), *_side("B", compared.b)]
    for name, (old, new) in compared.changed_settings.items():
        lines.append(f"changed: {one_line(name, 60)}: {one_line(str(old), 80)} -> {one_line(str(new), 80)}")
    lines += [one_line(said, 400) for said in compared.statements]
    if compared.only_a or compared.only_b:
        lines.append(f"not compared: {compared.only_a:,} queries of A alone, {compared.only_b:,} of B alone")
    moved = [query for query in compared.queries if query.difference][:listed]
    if moved:
        lines += [
            "",
            f"largest differences in {compared.measure}",
            *text_table(_queries(moved), words=(0, 5, 6)),
        ]
    return lines


def _queries(queries: Sequence[AbQuery]) -> list[list[str]]:
    rows = [["query", "A", "B", "B - A", "stratum", "trace A", "trace B"]]
    for query in queries:
        rows.append(
            [
                one_line(query.text or query.query_id, 44),
                f"{query.a:.3f}",
                f"{query.b:.3f}",
                f"{query.difference:+.3f}",
                one_line(query.stratum, 20),
                one_line(query.trace_a, 36),
                one_line(query.trace_b, 36),
            ]
        )
    return rows


def _side(letter: str, side: Side) -> list[str]:
    parts = [f"{one_line(side.name, 40)}: {side.stage} stands; top documents judged {side.judged.value:.0%}"]
    if side.median_ms is not None:
        parts.append(f"median {side.median_ms:,.0f} ms a query")
    for name, rate in (
        ("no-answer queries refused", side.refused_no_answer),
        ("answerable ones refused", side.refused_answerable),
    ):
        if rate is not None:
            parts.append(f"{name} {rate.value:.0%}")
    return [f"{letter}  {'; '.join(parts)}"]


def _span(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
