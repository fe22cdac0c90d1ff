"""A comparison of two pipelines as lines of text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rankscope.cli.eval_tables import signed_interval, text_table
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.insight.ab import AbQuery, Comparison, Side
from rankscope.insight.significance import Interval

__all__ = ["SCHEMA", "comparison_json", "comparison_lines"]

SCHEMA = "rankscope.ab/1"
_WIDTH = 120
_SHORTEST = 8
"""Characters of a trace id that are shown at least; more where two ids begin alike."""


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
        f"{b} against {a}: {compared.measure} {signed_interval(row.difference)} over "
        f"{counted(row.difference.n, 'query', 'queries')}, p {row.p_value:.4f}: "
        f"{compared.won:,} won, {compared.lost:,} lost, {compared.tied:,} tied",
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
        lines.append(
            f"not compared: {counted(compared.only_a, 'query', 'queries')} of A alone, "
            f"{compared.only_b:,} of B alone"
        )
    moved = [query for query in compared.queries if query.difference][:listed]
    if moved:
        lines += [
            "",
            f"largest differences in {compared.measure}",
            *text_table(_queries(moved, _unique_length(compared.queries)), words=(0, 4, 5, 6)),
        ]
    return lines


def _unique_length(queries: Sequence[AbQuery]) -> int:
    """Characters that tell the trace ids of the comparison apart; --json has the whole ids."""
    ids = {trace_id for query in queries for trace_id in (query.trace_a, query.trace_b)}
    longest = max(map(len, ids), default=_SHORTEST)
    lengths = range(_SHORTEST, longest)
    return next((size for size in lengths if len({name[:size] for name in ids}) == len(ids)), longest)


def _queries(queries: Sequence[AbQuery], id_length: int) -> list[list[str]]:
    stratum_width = min(20, max((len(query.stratum) for query in queries), default=0))
    # Three figures of 5, 5 and 6 cells, and two spaces between columns; the header needs 7 for the stratum.
    text_width = min(44, max(12, _WIDTH - 16 - 6 * 2 - max(7, stratum_width) - 2 * id_length))
    rows = [["query", "A", "B", "B - A", "stratum", "trace A", "trace B"]]
    for query in queries:
        rows.append(
            [
                one_line(query.text or query.query_id, text_width),
                f"{query.a:.3f}",
                f"{query.b:.3f}",
                f"{query.difference:+.3f}",
                one_line(query.stratum, 20),
                one_line(query.trace_a[:id_length], 36),
                one_line(query.trace_b[:id_length], 36),
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
