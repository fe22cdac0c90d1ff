"""Judged traces as one row a query: what each order is worth, which the verdict is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from rankscope.core.trace import Decision, Ranking, Trace
from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import RERANK, measure_run
from rankscope.insight.verdict.model import MEASURE
from rankscope.stages.rerank.gate import first_stage_gap

__all__ = [
    "DEPTHS",
    "QueryRow",
    "first_stage",
    "identified",
    "judged_rows",
    "measures_of",
    "prefix_ms",
]

DEPTHS = (10, 20, 50, 100, 200)
"""Depths of the curve of latency against gain."""
_RECALL_AT = (1, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class QueryRow:
    """One answerable query."""

    query_id: str
    trace_id: str
    stratum: str
    before: Mapping[str, float]
    """Measures of the order that the reranker was given."""
    after: Mapping[str, float] | None
    """Of the order that stood in the end; None where the trace has no reranker."""
    best: Mapping[str, float]
    """Of the best order of the same candidates."""
    pooled: float
    """1 where any first-stage list holds a relevant document, however deep, else 0."""
    depths: Mapping[int, float]
    """nDCG@10 if only the first N candidates were reranked, for each N that the trace reaches."""
    depth_ms: Mapping[int, tuple[float, bool]]
    """The reranker's milliseconds for N, and whether they were timed at N."""
    gap: float | None
    """Score at rank 1 minus score at rank 10 ahead of the reranker; None where there is no such score."""
    candidates: int
    """Documents that the reranker was given."""
    called: bool
    """Whether the reranker produced an order (and was not skipped)."""
    rerank_ms: float | None
    total_ms: float | None
    decision: Decision | None


def measures_of(top_k: int, longest: int) -> tuple[str, ...]:
    """The measures of a row; recall and success stop at the longest list."""
    cuts = sorted({cut for cut in _RECALL_AT if cut < longest} | {max(longest, 1)})
    places = dict.fromkeys(("nDCG@5", MEASURE, "MRR@10", f"P@{top_k}"))
    return (*places, *(f"recall@{cut}" for cut in cuts), *(f"success@{cut}" for cut in cuts))


def identified(traces: Iterable[Trace], judgments: Judgments) -> list[Trace]:
    """The traces of judged queries, each under the id that the judgments know its query by.

    That is the query's id, else its text: live traces carry no id. Raises UsageError when two traces
    answer one query, since which of them counts is not ours to say.
    """
    chosen: dict[str, Trace] = {}
    for trace in traces:
        names = (trace.query.query_id, trace.query.text)
        key = next((name for name in names if name and judgments.is_judged(name)), None)
        if key is None:
            continue
        if key in chosen:
            raise UsageError(f"two traces answer the query {key!r:.80}.", remedy="Give one trace a query.")
        chosen[key] = trace if trace.query.query_id == key else _named(trace, key)
    return list(chosen.values())


def _named(trace: Trace, query_id: str) -> Trace:
    return replace(trace, query=replace(trace.query, query_id=query_id))


def judged_rows(
    traces: Sequence[Trace],
    judgments: Judgments,
    *,
    strata: Mapping[str, str] | None = None,
    top_k: int = 10,
    depths: Sequence[int] = DEPTHS,
) -> list[QueryRow]:
    """One row for each answerable query; ``traces`` as :func:`identified` gives them.

    A trace in which nothing was retrieved counts as an empty list, not as absent.
    """
    known = {_key(trace): trace for trace in traces if judgments.is_answerable(_key(trace))}
    judged = judgments.only(known)
    fused = {key: _ids(first_stage(trace)) for key, trace in known.items()}
    longest = max((len(ids) for ids in fused.values()), default=1)
    measures = measures_of(top_k, longest)
    before = _by_query(measure_run(fused, judged, measures))
    after = _by_query(measure_run({key: _standing(trace) for key, trace in known.items()}, judged, measures))
    ideal = {key: _best_order(ids, judged.grades[key]) for key, ids in fused.items()}
    best = _by_query(measure_run(ideal, judged, measures))
    depths = _depths(depths, known.values())
    curves = {depth: _reranked_to(depth, known, judged) for depth in depths}
    rows = []
    for key, trace in known.items():
        reranked = trace.ranking(RERANK)
        rows.append(
            QueryRow(
                query_id=key,
                trace_id=trace.trace_id,
                stratum=(strata or {}).get(key, ""),
                before=before[key],
                after=None if reranked is None else after[key],
                best=best[key],
                pooled=float(_in_any_list(trace, judged.relevant(key))),
                depths={depth: curve[key] for depth, curve in curves.items()}
                if reranked is not None and _read_all(trace)
                else {},
                depth_ms={depth: time for depth in depths if (time := prefix_ms(trace, depth)) is not None},
                gap=first_stage_gap(first_stage(trace)),
                candidates=len(fused[key]),
                called=trace.after is not None and trace.after.status == "ok",
                rerank_ms=None
                if trace.after is None or trace.after.details.get("reused")
                else trace.after.ms,
                total_ms=trace.total_ms,
                decision=trace.decision,
            )
        )
    return rows


def first_stage(trace: Trace) -> Ranking | None:
    """The list that was to be reranked: the last one ahead of every reranker, a cascade's smaller one too."""
    known = [ranking for ranking in trace.rankings if ranking.ran]
    ahead = list(takewhile(lambda ranking: not ranking.stage.startswith(RERANK), known))
    return ahead[-1] if ahead else trace.before


def _standing(trace: Trace) -> tuple[str, ...]:
    """The order in the end, and behind it the candidates that were not read, in the order that they had."""
    read = _ids(trace.final)
    known = set(read)
    return (*read, *(doc_id for doc_id in _ids(first_stage(trace)) if doc_id not in known))


def prefix_ms(trace: Trace, depth: int) -> tuple[float, bool] | None:
    """The reranker's time for its first ``depth`` candidates, and whether it was timed there.

    A run that measures depths records ``ms@N``. Elsewhere the time of all candidates is taken in
    proportion, which neglects what a call costs whatever its size.
    """
    ranking, given = trace.after, first_stage(trace)
    if ranking is None or given is None or ranking.details.get("reused"):
        return None
    timed = ranking.details.get(f"ms@{depth}")
    if isinstance(timed, int | float):
        return float(timed), True
    scored = len(ranking.hits)
    if ranking.ms is None or not scored or depth > len(given.hits):
        return None
    return ranking.ms * min(depth, scored) / scored, depth == scored


def _depths(wanted: Sequence[int], traces: Iterable[Trace]) -> list[int]:
    """Those of the depths that the reranked lists reach, and the length of the longest itself."""
    reranked = [trace for trace in traces if trace.after is not None and _read_all(trace)]
    longest = max((len(_ids(first_stage(trace))) for trace in reranked), default=0)
    return [*(depth for depth in wanted if depth < longest), longest] if longest else []


def _read_all(trace: Trace) -> bool:
    """Whether every candidate has the reranker's score, or none has because it was not called.

    A cascade's larger model reads some candidates only, and services give back the first few: what a
    smaller depth would have put there is not known.
    """
    return trace.after is None or set(trace.after.doc_ids) >= set(_ids(first_stage(trace)))


def _reranked_to(depth: int, traces: Mapping[str, Trace], judgments: Judgments) -> dict[str, float]:
    """nDCG@10 by query if only the first ``depth`` candidates were reranked.

    Every score of a deeper run is also that of a shallower one, so nothing has to be scored again.
    """
    orders = {}
    for key, trace in traces.items():
        given = _ids(first_stage(trace))
        head = set(given[:depth])
        orders[key] = [*(doc_id for doc_id in _standing(trace) if doc_id in head), *given[depth:]]
    return measure_run(orders, judgments, [MEASURE])[MEASURE]


def _best_order(doc_ids: Sequence[str], grades: Mapping[str, int]) -> list[str]:
    """Highest grade first; documents of one grade stay in their order."""
    return sorted(doc_ids, key=lambda doc_id: -max(grades.get(doc_id, 0), 0))


def _in_any_list(trace: Trace, relevant: frozenset[str]) -> bool:
    return any(hit.doc_id in relevant for ranking in trace.rankings for hit in ranking.hits)


def _ids(ranking: Ranking | None) -> tuple[str, ...]:
    return () if ranking is None else ranking.doc_ids


def _key(trace: Trace) -> str:
    return trace.query.query_id or ""


def _by_query(values: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """``values[measure][query]`` turned round."""
    turned: dict[str, dict[str, float]] = {}
    for measure, known in values.items():
        for query_id, value in known.items():
            turned.setdefault(query_id, {})[measure] = value
    return turned
