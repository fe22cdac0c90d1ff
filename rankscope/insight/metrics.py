"""Ranking measures through ir-measures (trec_eval's definitions), per query and per stage.

Gains are linear in the grade, as in trec_eval. A ranking is judged by its order alone: ranks, not scores,
are handed on, so that trec_eval's own breaking of ties (which differs from RankScope's) never applies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rankscope.core.counting import counted
from rankscope.core.trace import Decision, Trace
from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ir_measures.measures import Measure

__all__ = [
    "JUDGED_FIRST",
    "Evaluation",
    "QueryOutcome",
    "evaluate",
    "is_share",
    "measure_names",
    "measure_run",
]

RERANK = "rerank"
JUDGED_FIRST = "judged_first"
"""Whether the first *judged* document of a list has the highest grade that the query gives.

What nobody judged is passed over (a condensed list: Sakai, Alternatives to Bpref, SIGIR 2007), so this asks
for the right member of a family of look-alikes whose others were judged: did it come first? It says nothing
of a query without a rival, a worse document that was judged, among the candidates of the reranker: the right
one cannot lose there, and :func:`evaluate` leaves the query out of this measure at every stage.
"""
_NAME = re.compile(r"(recall|success|P|nDCG|MRR|judged|best)@([1-9][0-9]{0,8})")


def measure_names(candidates: int = 50, top_k: int = 10) -> tuple[str, ...]:
    """The measures of a report: recall at N, precision and share judged at K, the usual nDCG and MRR.

    ``best@1`` is the share of queries whose first document has the query's highest grade,
    ``judged_first`` that of those whose first judged document has it.
    """
    return (
        f"recall@{candidates}",
        f"P@{top_k}",
        "nDCG@5",
        "nDCG@10",
        "MRR@10",
        f"judged@{top_k}",
        "best@1",
        JUDGED_FIRST,
    )


def is_share(measure: str) -> bool:
    """Whether a query has it or not, so that its mean is a share of the queries."""
    return measure == JUDGED_FIRST or measure.startswith(("best@", "success@"))


def measure_run(
    run: Mapping[str, Sequence[str]], judgments: Judgments, measures: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Value of each measure for each answerable query of ``judgments``: ``result[measure][query_id]``.

    ``run`` maps query ids to document ids, best first; an id that stands twice counts where it first
    stands. An answerable query that is absent from the run scores 0. Negative grades (some TREC tracks
    mark spam so) count as 0. Raises UsageError for an unknown measure.
    """
    import ir_measures

    answerable = [query_id for query_id in judgments.grades if judgments.is_answerable(query_id)]
    if not answerable:
        return {name: {} for name in measures}
    grades = {
        query_id: {doc_id: max(grade, 0) for doc_id, grade in judgments.grades[query_id].items()}
        for query_id in answerable
    }
    best = {query_id: dict.fromkeys(judgments.best(query_id), 1) for query_id in answerable}
    orders = {query_id: run.get(query_id, ()) for query_id in answerable}
    condensed = {
        query_id: [doc_id for doc_id in order if doc_id in grades[query_id]]
        for query_id, order in orders.items()
    }
    values: dict[str, dict[str, float]] = {name: {} for name in measures}
    for kind, qrels, lists in (("", grades, orders), ("best", best, orders), ("judged", best, condensed)):
        names = [name for name in measures if _kind(name) == kind]
        wanted = {_parse(name, judgments.relevant_from): name for name in names}
        if not wanted:
            continue
        scores = {query_id: _falling_scores(order) for query_id, order in lists.items() if order}
        for metric in ir_measures.iter_calc(list(wanted), qrels, scores):
            values[wanted[metric.measure]][metric.query_id] = float(metric.value)
    return values


def _kind(name: str) -> str:
    """Which judgments and lists a measure is asked of: all, the best documents alone, judged ones alone."""
    if name == JUDGED_FIRST:
        return "judged"
    return "best" if name.startswith("best@") else ""


def _falling_scores(doc_ids: Sequence[str]) -> dict[str, float]:
    """Scores that fall by one a rank: exact in the 32-bit floats of trec_eval, and without ties.

    Empty lists are left out by the caller: ir-measures then gives its 0 for the query.
    """
    return {doc_id: float(-place) for place, doc_id in enumerate(dict.fromkeys(doc_ids))}


def _parse(name: str, relevant_from: int) -> Measure:
    import ir_measures

    match = _NAME.fullmatch("best@1" if name == JUDGED_FIRST else name)
    if match is None:
        return _parse_as_written(name)
    kinds = {
        "recall": ir_measures.R(rel=relevant_from),
        # Whether there is a relevant document at all among the first N.
        "success": ir_measures.Success(rel=relevant_from),
        "P": ir_measures.P(rel=relevant_from),
        "nDCG": ir_measures.nDCG,
        "MRR": ir_measures.RR(rel=relevant_from),
        "judged": ir_measures.Judged,
        # Asked of judgments that name only the documents of the highest grade.
        "best": ir_measures.Success(rel=1),
    }
    measure: Measure = kinds[match[1]] @ int(match[2])
    return measure


def _parse_as_written(name: str) -> Measure:
    """A measure in ir-measures' own words, such as ``AP(rel=2)@100``: taken as it is written there."""
    import ir_measures

    try:
        measure: Measure = ir_measures.parse_measure(name)
        pipeline: Any = ir_measures.DefaultPipeline  # untyped
        cutoff = measure.params.get("cutoff", 1)
        # A cutoff of 0 ends the process inside trec_eval.
        supported = bool(pipeline.supports(measure)) and 1 <= cutoff < 10**9 and name == name.strip()
    except (ValueError, NameError, TypeError, KeyError, AssertionError, SyntaxError):
        supported = False
    if not supported:
        raise UsageError(
            f"unknown measure {name!r:.60}.",
            remedy="Known: recall@N, success@N, P@K, nDCG@K, MRR@K, judged@K, best@K, judged_first, "
            "ir-measures' own.",
        )
    return measure


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """One judged query: what each stage's order is worth, and whether the pipeline answered."""

    query_id: str
    stratum: str
    answerable: bool
    decision: Decision | None
    values: Mapping[str, Mapping[str, float]]
    """``values[stage][measure]``; empty for a no-answer query, where no order is right.

    A query without a rival has no ``judged_first``.
    """


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measured traces of one query set."""

    measures: tuple[str, ...]
    stages: tuple[str, ...]
    """In pipeline order. ``rerank`` is the order that stood in the end: the fused one where the
    reranker was skipped or failed."""
    queries: tuple[QueryOutcome, ...]
    stood_fused: int
    """Answerable queries whose reranker was skipped, so that the fused order stood."""
    unrivalled: int
    """Answerable queries without a rival among their candidates: ``judged_first`` says nothing of them."""
    problems: tuple[str, ...]
    """What must not happen: failed stages, and a reranked set that differs from the fused one."""

    def column(self, stage: str, measure: str, *, stratum: str | None = None) -> list[float]:
        """Values of a measure after a stage, one an answerable query that has it, in query order."""
        return [
            outcome.values[stage][measure]
            for outcome in self.queries
            if outcome.answerable
            and (stratum is None or outcome.stratum == stratum)
            and measure in outcome.values[stage]
        ]

    @property
    def strata(self) -> tuple[str, ...]:
        """Names of the strata, in order of first appearance."""
        return tuple(dict.fromkeys(outcome.stratum for outcome in self.queries))


def evaluate(
    traces: Iterable[Trace],
    judgments: Judgments,
    measures: Sequence[str],
    *,
    strata: Mapping[str, str] | None = None,
) -> Evaluation:
    """Measure every stage of the traces of judged queries; others are left out.

    Each stage is one run in the sense of TREC, so before and after each stage fall out of the same
    traces. Raises UsageError when two traces answer one query: which of them counts is not ours to say.
    """
    judged: dict[str, Trace] = {}
    for trace in traces:
        query_id = trace.query.query_id
        if query_id is None or not judgments.is_judged(query_id):
            continue
        if query_id in judged:
            raise UsageError(f"two traces answer the query {query_id!r}.", remedy="Give one trace a query.")
        judged[query_id] = trace
    stages = _stages(judged.values())
    known = judgments.only(judged)
    values = {
        stage: measure_run(
            {query_id: _order(trace, stage) for query_id, trace in judged.items()}, known, measures
        )
        for stage in stages
    }
    unrivalled = {
        query_id
        for query_id, trace in judged.items()
        if known.is_answerable(query_id) and not known.has_rivals(query_id, _candidates(trace))
    }
    outcomes = []
    for query_id, trace in judged.items():
        answerable = known.is_answerable(query_id)
        told = [name for name in measures if name != JUDGED_FIRST or query_id not in unrivalled]
        outcomes.append(
            QueryOutcome(
                query_id=query_id,
                stratum=(strata or {}).get(query_id, ""),
                answerable=answerable,
                decision=trace.decision,
                values={stage: {name: values[stage][name][query_id] for name in told} for stage in stages}
                if answerable
                else {},
            )
        )
    return Evaluation(
        measures=tuple(measures),
        stages=stages,
        queries=tuple(outcomes),
        stood_fused=_count_skipped(judged.values(), known) if RERANK in stages else 0,
        unrivalled=len(unrivalled),
        problems=tuple(problem for trace in judged.values() for problem in _problems(trace)),
    )


def _stages(traces: Iterable[Trace]) -> tuple[str, ...]:
    names = dict.fromkeys(ranking.stage for trace in traces for ranking in trace.rankings)
    return (*(name for name in names if name != RERANK), *(name for name in names if name == RERANK))


def _candidates(trace: Trace) -> tuple[str, ...]:
    """What the reranker was given, which is the same before and after it; else the order that stands."""
    given = trace.before or trace.after
    return given.doc_ids if given is not None else ()


def _order(trace: Trace, stage: str) -> tuple[str, ...]:
    """Document ids after a stage; for the reranker, the order that stands in the end.

    Behind the documents that a cascade read last stand the others in the order that they had.
    """
    ranking = trace.final if stage == RERANK else trace.ranking(stage)
    if ranking is None:
        return ()
    before = trace.before
    if stage != RERANK or before is None or not _read_part(trace):
        return ranking.doc_ids
    return (*ranking.doc_ids, *before.doc_ids[len(ranking.hits) :])


def _read_part(trace: Trace) -> bool:
    """Whether the reranker was given, and gave back, just the first of the candidates (a cascade)."""
    before, after = trace.before, trace.after
    if before is None or after is None or after.status != "ok" or after.depth is None:
        return False
    return after.depth < len(before.hits) and set(after.doc_ids) == set(before.doc_ids[: after.depth])


def _count_skipped(traces: Iterable[Trace], judgments: Judgments) -> int:
    return sum(
        trace.after is None and judgments.is_answerable(trace.query.query_id or "") for trace in traces
    )


def _problems(trace: Trace) -> list[str]:
    """Failed or unfinished stages, and documents lost or won between fusion and reranking."""
    name = f"query {trace.query.query_id!r}"
    found = [
        f"{name}: stage {ranking.stage} is {ranking.status}"
        for ranking in trace.rankings
        if ranking.status == "partial" or ranking.status.startswith("failed:")
    ]
    before, after = trace.before, trace.after
    if before is not None and after is not None and after.status == "ok" and not _read_part(trace):
        given, returned = set(before.doc_ids), set(after.doc_ids)
        if given != returned:
            found.append(
                f"{name}: reranking must not change recall, but of {counted(len(given), 'candidate')} "
                f"{counted(len(given - returned), 'is', 'are')} missing after it and "
                f"{counted(len(returned - given), 'is', 'are')} new"
            )
    return found
