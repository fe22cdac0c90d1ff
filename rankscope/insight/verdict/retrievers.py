"""What is wrong with the first stage: one retriever far behind the other, or fusion that gains nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rankscope.core.counting import counted
from rankscope.core.trace import Trace
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import measure_run
from rankscope.insight.significance import Interval, paired_bootstrap
from rankscope.insight.verdict.model import MEASURE, Diagnosis

__all__ = ["diagnose_retrievers"]

FAR = 0.10
"""Difference in nDCG@10 between the two retrievers that is no longer a matter of taste."""
_LEAST_GAIN = 0.005
_SHOWN = 5
_FEWEST = 20


def diagnose_retrievers(traces: Sequence[Trace], judgments: Judgments) -> tuple[Diagnosis, ...]:
    """Embedding mismatch or the reverse, and fusion; traces carry the ids of their queries."""
    known = {trace.query.query_id or "": trace for trace in traces}
    known = {key: trace for key, trace in known.items() if judgments.is_answerable(key)}
    return (*_far_apart(known, judgments), _fusion(known, judgments))


def _values(traces: Mapping[str, Trace], judgments: Judgments, stage: str) -> dict[str, float]:
    """nDCG@10 of a stage's list by query, for the traces in which it ran."""
    ran = {}
    for key, trace in traces.items():
        ranking = trace.ranking(stage)
        if ranking is not None and ranking.ran:
            ran[key] = ranking.doc_ids
    return measure_run(ran, judgments.only(ran), [MEASURE])[MEASURE]


def _far_apart(traces: Mapping[str, Trace], judgments: Judgments) -> tuple[Diagnosis, Diagnosis]:
    codes = ("dense-below-bm25", "bm25-below-dense")
    bm25, dense = (_values(traces, judgments, stage) for stage in ("bm25", "dense"))
    both = [key for key in bm25 if key in dense]
    if len(both) < _FEWEST:
        few = counted(len(both), "judged query has", "judged queries have")
        reason = f"{few} a BM25 and a dense list; {_FEWEST} are the least"
        return (Diagnosis(codes[0], "unknown", reason, ""), Diagnosis(codes[1], "unknown", reason, ""))
    difference = paired_bootstrap([bm25[key] for key in both], [dense[key] for key in both])
    measure = (
        f"dense minus BM25: {_signed(difference)} {MEASURE} over {len(both):,} queries "
        f"({_mean(dense, both):.3f} and {_mean(bm25, both):.3f})"
    )
    worst = sorted(both, key=lambda key: dense[key] - bm25[key])
    made = []
    for code, sign, keys, remedy in (
        (codes[0], -1, worst[:_SHOWN], _DENSE_REMEDY),
        (codes[1], 1, worst[: -_SHOWN - 1 : -1], _BM25_REMEDY),
    ):
        far = sign * difference.value >= FAR and _excludes_zero(difference)
        made.append(
            Diagnosis(
                code,
                "found" if far else "fine",
                measure,
                remedy if far else "",
                difference,
                tuple(traces[key].trace_id for key in keys) if far else (),
            )
        )
    return made[0], made[1]


_DENSE_REMEDY = (
    "The embeddings do not fit these texts: check that queries and documents are embedded by the same model "
    "with the prefixes it was trained with, that the language is one of its, and that passages fit its "
    "window; until then give the dense list less weight (retrieval.dense_weight)."
)
_BM25_REMEDY = (
    "Queries and documents share few words, or the tokenizer does not fit the language: check that; until "
    "then give BM25 less weight (retrieval.bm25_weight)."
)


def _fusion(traces: Mapping[str, Trace], judgments: Judgments) -> Diagnosis:
    """The fused list against the better of the two that it was made of."""
    code = "fusion-no-gain"
    lists = {stage: _values(traces, judgments, stage) for stage in ("bm25", "dense", "fusion")}
    common = [key for key in lists["fusion"] if key in lists["bm25"] and key in lists["dense"]]
    if len(common) < _FEWEST:
        few = counted(len(common), "judged query has", "judged queries have")
        reason = f"{few} both lists and the fused one; {_FEWEST} are the least"
        return Diagnosis(code, "unknown", reason, "")
    better = max(("bm25", "dense"), key=lambda stage: _mean(lists[stage], common))
    gain = paired_bootstrap([lists[better][key] for key in common], [lists["fusion"][key] for key in common])
    name = "BM25" if better == "bm25" else "dense"
    measure = f"fused minus {name} alone: {_signed(gain)} {MEASURE} over {len(common):,} queries"
    if gain.value >= _LEAST_GAIN:
        return Diagnosis(code, "fine", measure, "", gain)
    other = "bm25" if better == "dense" else "dense"
    remedy = f"Give the other list less weight (retrieval.{other}_weight), or leave it out and save its time."
    worst = sorted(common, key=lambda key: lists["fusion"][key] - lists[better][key])[:_SHOWN]
    return Diagnosis(code, "found", measure, remedy, gain, tuple(traces[key].trace_id for key in worst))


def _mean(values: Mapping[str, float], keys: Sequence[str]) -> float:
    return sum(values[key] for key in keys) / len(keys)


def _excludes_zero(interval: Interval) -> bool:
    return interval.low is not None and interval.high is not None and not interval.low <= 0 <= interval.high


def _signed(interval: Interval) -> str:
    return f"{interval.value:+.3f} [{interval.low or 0.0:+.3f}, {interval.high or 0.0:+.3f}]"
