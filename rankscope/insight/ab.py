"""Two pipelines on the same queries: paired differences, queries won and lost, and who was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rankscope.core.trace import Decision, PipelineInfo, Trace
from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import measure_run
from rankscope.insight.significance import (
    Interval,
    bootstrap_mean,
    bootstrap_means,
    paired_bootstrap,
    paired_permutation_test,
    paired_t_test,
)
from rankscope.insight.summary import refused_share
from rankscope.insight.verdict.rows import identified
from rankscope.insight.whole_documents import document_grades, whole_documents

__all__ = ["CONDENSED", "AbQuery", "AbRow", "Comparison", "Side", "changed_settings", "compare"]

CONDENSED = "nDCG@10, judged only"
ONE_SIDED = 0.10
"""Difference in the judged share of the top K from which the judgments favour one side."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two pipelines."""

    name: str
    pipeline: PipelineInfo
    stage: str
    """The stage whose order stood in the end."""
    judged: Interval
    """Share of the top K that is judged, over the answerable queries."""
    unjudged_new: int
    """Documents in this side's top K that are unjudged and not in the other's."""
    median_ms: float | None
    """Of a whole query."""
    refused_no_answer: Interval | None
    refused_answerable: Interval | None


@dataclass(frozen=True, slots=True)
class AbRow:
    """One measure on both sides."""

    name: str
    a: Interval
    b: Interval
    difference: Interval
    """b minus a, paired by query."""
    p_value: float
    """Paired permutation test."""
    t_p_value: float | None
    """Paired t-test; None below two queries."""


@dataclass(frozen=True, slots=True)
class AbQuery:
    """One query on both sides, by the comparison's measure."""

    query_id: str
    text: str
    stratum: str
    a: float
    b: float
    trace_a: str
    trace_b: str

    @property
    def difference(self) -> float:
        """b minus a."""
        return self.b - self.a


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pipeline b against pipeline a."""

    measure: str
    a: Side
    b: Side
    rows: tuple[AbRow, ...]
    queries: tuple[AbQuery, ...]
    """The answerable queries that both sides have: largest difference first."""
    won: int
    """Queries that b does better."""
    lost: int
    tied: int
    only_a: int
    """Judged queries that only one side has; they are not compared."""
    only_b: int
    changed_settings: Mapping[str, tuple[Any, Any]]
    """``section.key`` to the two values, where they differ."""
    statements: tuple[str, ...]
    """What a reader must be told: one-sided judgments, no difference shown, and the like."""


def compare(
    a: Sequence[Trace],
    b: Sequence[Trace],
    judgments: Judgments,
    *,
    names: tuple[str, str] = ("A", "B"),
    strata: Mapping[str, str] | None = None,
    measure: str = "nDCG@10",
    top_k: int = 10,
    by_document: bool = False,
    resamples: int = 9999,
    seed: int = 0,
) -> Comparison:
    """Pipeline ``b`` against ``a`` on the judged queries that both answered, paired by query.

    Judgments are looked up by the query's id, else by its text. With ``by_document`` passages count as
    their document (``guide.md#3`` as ``guide.md``, where it first stands, with its best grade): for
    pipelines that cut documents differently. Raises UsageError when a side has two traces of one query,
    when the two have no answerable query in common, or for an unknown measure.
    """
    if by_document:
        a, b, judgments = (
            [whole_documents(trace) for trace in a],
            [whole_documents(trace) for trace in b],
            document_grades(judgments),
        )
    sides = [_by_query(identified(traces, judgments)) for traces in (a, b)]
    common = [key for key in sides[0] if key in sides[1]]
    answerable = [key for key in common if judgments.is_answerable(key)]
    if not answerable:
        raise UsageError(
            "the two pipelines have no answerable query in common.",
            remedy="Run both on the same judged queries.",
        )
    orders = [{key: _order(side[key]) for key in answerable} for side in sides]
    rows, values = _rows(orders, judgments.only(answerable), _measures(measure, top_k), resamples, seed)
    queries = _queries(sides, answerable, values[measure], strata or {})
    made = [
        _side(
            name, [side[key] for key in common], orders[place], orders[1 - place], judgments, top_k, resamples
        )
        for place, (name, side) in enumerate(zip(names, sides, strict=True))
    ]
    headline = next(row for row in rows if row.name == measure)
    lean = paired_bootstrap(*values[f"judged@{top_k}"], resamples=resamples, seed=seed)
    return Comparison(
        measure=measure,
        a=made[0],
        b=made[1],
        rows=rows,
        queries=queries,
        won=sum(query.difference > 0 for query in queries),
        lost=sum(query.difference < 0 for query in queries),
        tied=sum(query.difference == 0 for query in queries),
        only_a=len(sides[0]) - len(common),
        only_b=len(sides[1]) - len(common),
        changed_settings=changed_settings(made[0].pipeline, made[1].pipeline),
        statements=(*_lean_statement(made, lean, top_k), *_statements(headline, rows, by_document)),
    )


def _measures(measure: str, top_k: int) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            (measure, "nDCG@10", "nDCG@5", "MRR@10", f"P@{top_k}", f"recall@{top_k}", f"judged@{top_k}")
        )
    )


def _rows(
    orders: Sequence[Mapping[str, Sequence[str]]],
    judgments: Judgments,
    measures: Sequence[str],
    resamples: int,
    seed: int,
) -> tuple[tuple[AbRow, ...], dict[str, tuple[list[float], list[float]]]]:
    """The table of measures, and each one's values by query on both sides.

    The last row is nDCG@10 of the judged documents alone, so that nobody is charged for what nobody has
    judged (condensed lists: Sakai, SIGIR 2007).
    """
    keys = list(orders[0])
    both = [measure_run(order, judgments, measures) for order in orders]
    values = {
        name: ([both[0][name][key] for key in keys], [both[1][name][key] for key in keys])
        for name in measures
    }
    judged = [
        {key: [doc_id for doc_id in order[key] if doc_id in judgments.grades[key]] for key in keys}
        for order in orders
    ]
    short = [measure_run(order, judgments, ["nDCG@10"])["nDCG@10"] for order in judged]
    values[CONDENSED] = ([short[0][key] for key in keys], [short[1][key] for key in keys])
    table: list[list[float]] = []
    for old, new in values.values():
        table += [old, new, [y - x for x, y in zip(old, new, strict=True)]]
    intervals = bootstrap_means(table, resamples=resamples, seed=seed)
    rows = []
    for place, (name, (old, new)) in enumerate(values.items()):
        before, after, difference = intervals[3 * place : 3 * place + 3]
        rows.append(
            AbRow(
                name,
                before,
                after,
                difference,
                p_value=paired_permutation_test(old, new, resamples=resamples, seed=seed),
                t_p_value=paired_t_test(old, new) if len(keys) > 1 else None,
            )
        )
    return tuple(rows), values


def _queries(
    sides: Sequence[Mapping[str, Trace]],
    keys: Sequence[str],
    values: tuple[Sequence[float], Sequence[float]],
    strata: Mapping[str, str],
) -> tuple[AbQuery, ...]:
    made = [
        AbQuery(
            query_id=key,
            text=sides[0][key].query.text or sides[1][key].query.text,
            stratum=strata.get(key, ""),
            a=old,
            b=new,
            trace_a=sides[0][key].trace_id,
            trace_b=sides[1][key].trace_id,
        )
        for key, old, new in zip(keys, *values, strict=True)
    ]
    return tuple(sorted(made, key=lambda query: (-abs(query.difference), query.query_id)))


def _side(
    name: str,
    traces: Sequence[Trace],
    order: Mapping[str, Sequence[str]],
    other: Mapping[str, Sequence[str]],
    judgments: Judgments,
    top_k: int,
    resamples: int,
) -> Side:
    shares, new = [], 0
    for key, doc_ids in order.items():
        top, theirs = doc_ids[:top_k], set(other[key][:top_k])
        unjudged = [doc_id for doc_id in top if doc_id not in judgments.grades[key]]
        shares.append(1 - len(unjudged) / len(top) if top else 1.0)
        new += sum(doc_id not in theirs for doc_id in unjudged)
    times = [trace.total_ms for trace in traces if trace.total_ms is not None]
    by_answer: dict[bool, list[Decision | None]] = {True: [], False: []}
    for trace in traces:
        by_answer[judgments.is_answerable(_key(trace))].append(trace.decision)
    finals = Counter(trace.final.stage for trace in traces if trace.final is not None)
    return Side(
        name=name,
        pipeline=traces[0].pipeline,
        stage=finals.most_common(1)[0][0] if finals else "",
        judged=bootstrap_mean(shares, resamples=resamples),
        unjudged_new=new,
        median_ms=median(times) if times else None,
        refused_no_answer=refused_share(by_answer[False]),
        refused_answerable=refused_share(by_answer[True]),
    )


def _lean_statement(sides: Sequence[Side], lean: Interval, top_k: int) -> tuple[str, ...]:
    """Whether the judgments know one side's results clearly better than the other's."""
    low, high = lean.low, lean.high
    shares = (
        f"{sides[0].judged.value:.0%} of {sides[0].name}'s top {top_k} and {sides[1].judged.value:.0%} of "
    )
    shares += f"{sides[1].name}'s are judged"
    if low is None or high is None or low <= 0 <= high or abs(lean.value) < ONE_SIDED:
        return (f"{shares}.",)
    known, unknown = (sides[1], sides[0]) if lean.value > 0 else (sides[0], sides[1])
    return (
        f"The judgments look pooled from {known.name} alone: {shares}. What nobody judged counts as not "
        f"relevant, so the comparison leans against {unknown.name}: judge the {unknown.unjudged_new:,} "
        f"documents that only {unknown.name} brings up before you decide.",
    )


def _statements(headline: AbRow, rows: Sequence[AbRow], by_document: bool) -> tuple[str, ...]:
    said = []
    low, high = headline.difference.low, headline.difference.high
    if low is None or high is None or low <= 0 <= high:
        said.append(f"No difference in {headline.name} is shown: its interval holds 0.")
    condensed = next(row for row in rows if row.name == CONDENSED)
    plain = next(row for row in rows if row.name == "nDCG@10")
    if plain.difference.value * condensed.difference.value < 0:
        said.append("On judged documents alone the sign of the difference in nDCG@10 is the other one.")
    if by_document:
        said.append("The two cut documents differently, so passages count as their documents.")
    return tuple(said)


def changed_settings(a: PipelineInfo, b: PipelineInfo) -> dict[str, tuple[Any, Any]]:
    """``section.key`` to the two values, of settings and models, where they differ."""
    flat = [{**_flat(info.settings), **_models(info)} for info in (a, b)]
    keys = dict.fromkeys((*flat[0], *flat[1]))
    return {key: (flat[0].get(key), flat[1].get(key)) for key in keys if flat[0].get(key) != flat[1].get(key)}


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    made = {}
    for section, values in settings.items():
        if isinstance(values, Mapping):
            made.update({f"{section}.{key}": value for key, value in values.items()})
        else:
            made[section] = values
    return made


def _models(info: PipelineInfo) -> dict[str, Any]:
    return {
        f"{role}.{name}": getattr(model, name)
        for role, model in info.models.items()
        for name in ("name", "revision", "dtype", "max_length", "activation")
    }


def _order(trace: Trace) -> tuple[str, ...]:
    return () if trace.final is None else trace.final.doc_ids


def _key(trace: Trace) -> str:
    return trace.query.query_id or ""


def _by_query(traces: Sequence[Trace]) -> dict[str, Trace]:
    return {_key(trace): trace for trace in traces}
