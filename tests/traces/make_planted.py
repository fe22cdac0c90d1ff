"""Make ``traces/planted.jsonl``: for every rule a trace that was good until one thing in it was changed.

    python -m tests.traces.make_planted traces/sample.jsonl traces/planted.jsonl

Each is a healthy trace of ``sample.jsonl`` on which the rule passes; what the rule looks at is then changed
as a mistake of that kind would change it. The texts and the judgments are those of the sample corpus.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.core.trace import Finding, Floor, Hit, ModelInfo, Trace
from rankscope.corpus.judgments_io import beir_query_files, read_qrels
from rankscope.engine.pipeline import finish
from rankscope.engine.sample import sample_corpus_folder
from rankscope.insight.findings import RULES, Rule, examine
from rankscope.insight.floors.passport import ATTRIBUTE, Passport
from rankscope.insight.judgments import Judgments
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.tracing.formats.export.registry import export_traces
from rankscope.tracing.formats.native import iter_file
from tests.traces.make_sample import OUTAGE

FEWEST = 12
"""Reranked documents of a trace that is changed."""
Relevant = frozenset[str]
Change = Callable[[Trace, Relevant], Trace | None]
"""None where a trace is no place for the mistake."""


def hits_of(trace: Trace, stage: str) -> list[Hit]:
    ranking = trace.ranking(stage)
    return [] if ranking is None else list(ranking.hits)


def with_hits(trace: Trace, stage: str, hits: Sequence[Hit]) -> Trace:
    """The trace with another list of one stage, ranks given anew."""
    ranking = trace.ranking(stage)
    assert ranking is not None
    anew = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1))
    return trace.with_ranking(replace(ranking, hits=anew))


def fused_again(trace: Trace, most: int = FEWEST) -> Trace:
    """The lists fused anew, as far down as the reranker's scores are known, and cut there."""
    scored = {hit.doc_id: hit for hit in hits_of(trace, "rerank")}
    lists = [ranking for ranking in trace.rankings if ranking.stage in ("bm25", "dense")]
    fused = ReciprocalRankFusion(60).fuse(lists, most)
    known = next((place for place, hit in enumerate(fused.hits) if hit.doc_id not in scored), most)
    trace = trace.with_ranking(ReciprocalRankFusion(60).fuse(lists, known))
    held = {hit.doc_id for hit in hits_of(trace, "fusion")}
    return finish(with_hits(trace, "rerank", [hit for hit in scored.values() if hit.doc_id in held]))


def same_order(trace: Trace, relevant: Relevant) -> Trace:
    """RS101: the client swallowed an error and handed its input back."""
    before = [replace(hit, details={}) for hit in hits_of(trace, "fusion")]
    return finish(with_hits(trace, "rerank", before))


def tied(trace: Trace, relevant: Relevant) -> Trace:
    """RS102: the first three scores were rounded to one number."""
    hits = hits_of(trace, "rerank")
    return with_hits(trace, "rerank", [replace(hit, score=hits[0].score) for hit in hits[:3]] + hits[3:])


def lost(trace: Trace, relevant: Relevant) -> Trace:
    """RS103: two documents did not come back."""
    hits = hits_of(trace, "rerank")
    return with_hits(trace, "rerank", hits[:6] + hits[8:])


def doubled(trace: Trace, relevant: Relevant) -> Trace:
    """RS104: a sigmoid was applied to probabilities."""
    hits = [replace(hit, score=sigmoid(hit.score or 0.0)) for hit in hits_of(trace, "rerank")]
    return finish(with_hits(trace, "rerank", hits))


def cut(trace: Trace, relevant: Relevant) -> Trace:
    """RS201: a third of the best passage was not read."""
    first, *rest = hits_of(trace, "rerank")
    seen = {**first.details, "tokens": 300.0, "tokens_cut": 100.0}
    return with_hits(trace, "rerank", [replace(first, details=seen), *rest])


def repeated(trace: Trace, relevant: Relevant) -> Trace:
    """RS202: three places are taken by revisions of one passage."""
    first, second, third = (hit.doc_id for hit in hits_of(trace, "rerank")[:3])
    text = trace.documents[first].text
    documents = dict(trace.documents)
    documents[second] = replace(documents[second], text=f"{text} Revised in March.")
    documents[third] = replace(documents[third], text=f"Second edition. {text}")
    return replace(trace, documents=documents)


def broken(trace: Trace, relevant: Relevant) -> Trace:
    """RS203: passages were cut by length, inside a sentence."""
    documents = dict(trace.documents)
    for hit in hits_of(trace, "rerank")[:2]:
        words = documents[hit.doc_id].text.split()
        documents[hit.doc_id] = replace(documents[hit.doc_id], text=" ".join(words[:-3]).rstrip(".,;:"))
    return replace(trace, documents=documents)


def never_found(trace: Trace, relevant: Relevant) -> Trace | None:
    """RS301: the index lacks the documents that answer."""
    for stage in ("bm25", "dense"):
        left = [hit for hit in hits_of(trace, stage) if hit.doc_id not in relevant]
        trace = with_hits(trace, stage, left)
    return fused_again(trace) if relevant else None


def one_finder(trace: Trace, relevant: Relevant) -> Trace | None:
    """RS302: BM25 does not find what answers; dense does."""
    if not relevant & {hit.doc_id for hit in hits_of(trace, "dense")}:
        return None
    others = [hit for hit in hits_of(trace, "bm25") if hit.doc_id not in relevant]
    return fused_again(with_hits(trace, "bm25", others))


def behind_the_cut(trace: Trace, relevant: Relevant) -> Trace | None:
    """RS303: N is so low that what answers stands behind it."""
    fused = hits_of(trace, "fusion")
    place = next((number for number, hit in enumerate(fused) if hit.doc_id in relevant), 0)
    if place < 1:
        return None
    return fused_again(trace, place)


def approximate(trace: Trace, relevant: Relevant) -> Trace:
    """RS304: the graph search missed the third nearest document."""
    exact = [
        replace(hit, details={**hit.details, "exact_rank": float(hit.rank)})
        for hit in hits_of(trace, "dense")
    ]
    return fused_again(with_hits(trace, "dense", exact[:2] + exact[3:]))


def top_unchanged(trace: Trace, relevant: Relevant) -> Trace:
    """RS401: the reranker confirms the first five and orders the rest."""
    scores = [hit.score for hit in hits_of(trace, "rerank")]
    ids = [hit.doc_id for hit in hits_of(trace, "fusion")]
    order = ids[:5] + ids[5:][::-1]
    return with_hits(
        trace, "rerank", [Hit(doc_id, 1, score) for doc_id, score in zip(order, scores, strict=True)]
    )


def slow(trace: Trace, relevant: Relevant) -> Trace:
    """RS402: the encoder was loaded for this query."""
    dense = trace.ranking("dense")
    assert dense is not None
    return trace.with_ranking(replace(dense, ms=4120.0))


def shallow(trace: Trace, relevant: Relevant) -> Trace:
    """RS403: five of the first six candidates make the top five."""
    scores = [hit.score for hit in hits_of(trace, "rerank")]
    ids = [hit.doc_id for hit in hits_of(trace, "fusion")]
    order = [ids[5], *ids[:4], *ids[:3:-1]]
    order = list(dict.fromkeys([*order, *ids]))
    return with_hits(
        trace, "rerank", [Hit(doc_id, 1, score) for doc_id, score in zip(order, scores, strict=True)]
    )


def too_high(trace: Trace, relevant: Relevant) -> Trace:
    """RS501: a floor that no score reaches."""
    return finish(replace(trace, floor=Floor(0.999, ScoreScale.PROBABILITY, "manual")))


def other_scale(trace: Trace, relevant: Relevant) -> Trace:
    """RS502: the floor was chosen on logits."""
    return replace(trace, floor=Floor(2.5, ScoreScale.LOGIT, "manual"))


def other_model(trace: Trace, relevant: Relevant) -> Trace:
    """RS503: the floor was fitted on another reranker."""
    model = trace.pipeline.models["cross_encoder"]
    then = ModelInfo("acme-reranker-v1", "0" * 64, model.dtype, model.max_length, model.activation)
    floor = Floor(0.05, ScoreScale.PROBABILITY, "fitted:youden")
    passport = Passport(floor.score_scale, "rerank", then, None, "", floor.source, trace.created_at)
    return replace(trace, floor=floor, attributes={**trace.attributes, ATTRIBUTE: passport.as_json()})


def floor_drops(trace: Trace, relevant: Relevant) -> Trace | None:
    """RS504: the floor stands just above what answers."""
    best = next((hit for hit in hits_of(trace, "rerank")[:5] if hit.doc_id in relevant), None)
    if best is None or best.score is None or best.score > 0.9:
        return None
    return finish(replace(trace, floor=Floor(best.score + 0.01, ScoreScale.PROBABILITY, "manual")))


def other_k(trace: Trace, relevant: Relevant) -> Trace:
    """RS601: fused with k=10 where the settings say 60."""
    lists = [ranking for ranking in trace.rankings if ranking.stage in ("bm25", "dense")]
    return trace.with_ranking(ReciprocalRankFusion(10).fuse(lists, len(hits_of(trace, "fusion"))))


def filter_ignored(trace: Trace, relevant: Relevant) -> Trace | None:
    """RS602: a filter was recorded with the query, and the lists were made without it."""
    values = {doc_id: str(trace.documents[doc_id].metadata["field"]) for doc_id in trace.kept}
    if trace.query.filters or len(set(values.values())) < 2:
        return None
    wanted = values[trace.kept[0]]
    return replace(trace, query=replace(trace.query, filters={"field": wanted}))


CHANGES: dict[str, Change] = {
    "RS101": same_order,
    "RS102": tied,
    "RS103": lost,
    "RS104": doubled,
    "RS201": cut,
    "RS202": repeated,
    "RS203": broken,
    "RS301": never_found,
    "RS302": one_finder,
    "RS303": behind_the_cut,
    "RS304": approximate,
    "RS401": top_unchanged,
    "RS402": slow,
    "RS403": shallow,
    "RS501": too_high,
    "RS502": other_scale,
    "RS503": other_model,
    "RS504": floor_drops,
    "RS601": other_k,
    "RS602": filter_ignored,
}


def planted(healthy: Sequence[Trace], judgments: Judgments) -> Iterator[Trace]:
    """A trace for each rule; of those that serve, the one on which fewest other rules speak."""
    for number, rule in enumerate(RULES):
        made = list(_broken_by(rule, healthy, judgments))
        trace = min(made, key=_muddle)
        yield replace(
            trace,
            trace_id=f"planted-{rule.code.lower()}",
            created_at=trace.created_at.replace(hour=12, minute=0) + timedelta(minutes=number),
        )


def _muddle(trace: Trace) -> tuple[int, int, str]:
    """Fewest other rules first, then the longest list of candidates."""
    codes = {found.code for found in trace.findings}
    return len(codes), -len(hits_of(trace, "fusion")), trace.trace_id


def _broken_by(rule: Rule, healthy: Sequence[Trace], judgments: Judgments) -> Iterator[Trace]:
    for good in healthy:
        if len(hits_of(good, "rerank")) < FEWEST:
            continue
        query_id = good.query.query_id or ""
        relevant = judgments.relevant(query_id)
        if any(item.code == rule.code for item in findings(good, relevant)):
            continue
        trace = CHANGES[rule.code](good, relevant)
        found = () if trace is None else findings(trace, relevant)
        if trace is not None and any(item.code == rule.code for item in found):
            yield replace(trace, findings=found)


def findings(trace: Trace, relevant: Relevant) -> tuple[Finding, ...]:
    return examine(trace, relevant=relevant).findings


def main() -> None:
    files = beir_query_files(sample_corpus_folder())
    assert files is not None
    healthy = [trace for trace in iter_file(Path(sys.argv[1])) if is_healthy(trace)]
    made = list(planted(healthy, Judgments(read_qrels(files[1]))))
    print(f"{export_traces(made, Path(sys.argv[2]), 'jsonl')} traces")


def is_healthy(trace: Trace) -> bool:
    """Of release 2.3, outside the quarter of an hour in which its reranker was down."""
    down = OUTAGE <= trace.created_at < OUTAGE + timedelta(minutes=15)
    return trace.attributes.get("release") == "2.3" and not down


if __name__ == "__main__":
    main()
