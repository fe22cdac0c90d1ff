"""Break a clean trace in each way: the rule for it must fire, and on the clean one none."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.core.trace import Floor, Hit, Trace
from rankscope.insight.findings import RULES, examine
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from tests.insight.findings.scripted_traces import MODEL, clean_trace, refused, relevant_to, with_hits

SEEDS = range(40)


@dataclass
class Broken:
    """A broken trace and what is known about it."""

    trace: Trace
    known: dict[str, Any] = field(default_factory=dict)


def hits(trace: Trace, stage: str) -> tuple[Hit, ...]:
    found = trace.ranking(stage)
    assert found is not None
    return found.hits


def rescored(trace: Trace, change: Callable[[float], float]) -> Trace:
    """The same reranked order with other scores."""
    new = [replace(hit, score=change(hit.score or 0.0)) for hit in hits(trace, "rerank")]
    return refused(with_hits(trace, "rerank", new), trace.floor)


def rs101(trace: Trace, rng: random.Random) -> Broken:
    details = {hit.doc_id: hit for hit in hits(trace, "rerank")}
    same = [replace(details[hit.doc_id], score=1 / hit.rank) for hit in hits(trace, "fusion")]
    return Broken(with_hits(trace, "rerank", same))


def rs102(trace: Trace, rng: random.Random) -> Broken:
    count = rng.randint(2, 5)
    reranked = hits(trace, "rerank")
    tied = [replace(hit, score=reranked[0].score) for hit in reranked[:count]]
    return Broken(with_hits(trace, "rerank", [*tied, *reranked[count:]]))


def rs103(trace: Trace, rng: random.Random) -> Broken:
    reranked = list(hits(trace, "rerank"))
    for _ in range(rng.randint(1, 10)):
        reranked.pop(rng.randrange(len(reranked)))
    return Broken(with_hits(trace, "rerank", reranked))


def rs104(trace: Trace, rng: random.Random) -> Broken:
    zero = [replace(hit, score=0.0) for hit in hits(trace, "bm25")]
    ways = [
        lambda: rescored(trace, sigmoid),
        lambda: rescored(trace, lambda score: 12 * score - 6),
        lambda: rescored(trace, lambda score: 100 * score),
        lambda: with_hits(trace, "bm25", zero),
        lambda: with_hits(
            trace, "dense", [replace(hit, score=1 - (hit.score or 0.0)) for hit in hits(trace, "dense")]
        ),
    ]
    return Broken(rng.choice(ways)())


def rs201(trace: Trace, rng: random.Random) -> Broken:
    reranked = list(hits(trace, "rerank"))
    for place in rng.sample(range(len(reranked)), rng.randint(1, 5)):
        reranked[place] = replace(
            reranked[place], details={"tokens": 1412.0, "tokens_cut": float(rng.randint(1, 900))}
        )
    return Broken(with_hits(trace, "rerank", reranked))


def rs202(trace: Trace, rng: random.Random) -> Broken:
    documents = dict(trace.documents)
    first, second = (hit.doc_id for hit in rng.sample(hits(trace, "rerank")[:10], 2))
    words = documents[first].text.split()
    words[rng.randrange(len(words))] = "another"  # a revision differs in a word
    documents[second] = replace(documents[second], text=" ".join(words))
    return Broken(replace(trace, documents=documents))


def rs203(trace: Trace, rng: random.Random) -> Broken:
    documents = dict(trace.documents)
    doc_id = rng.choice(hits(trace, "rerank")[:10]).doc_id
    words = documents[doc_id].text.split()
    inside = [place for place in range(12, len(words) - 1) if words[place - 1][-1] not in ".?!"]
    cut = rng.choice(inside)
    text = " ".join(words[:cut]) if rng.random() < 0.5 else " ".join(words[cut - 11 :])
    if text[0].isupper():  # began at a sentence's start after all
        text = text[text.index(" ") + 1 :]
    documents[doc_id] = Document(doc_id, text)
    return Broken(replace(trace, documents=documents))


def without(trace: Trace, stage: str, doc_id: str) -> Trace:
    return with_hits(trace, stage, [hit for hit in hits(trace, stage) if hit.doc_id != doc_id])


def rs301(trace: Trace, rng: random.Random) -> Broken:
    lost = rng.choice(sorted(relevant_to(trace)))
    known = {"relevant": relevant_to(trace)}
    for ranking in trace.rankings:
        trace = without(trace, ranking.stage, lost)
    return Broken(trace, known)


def rs302(trace: Trace, rng: random.Random) -> Broken:
    known = {"relevant": relevant_to(trace)}
    stage = rng.choice(["bm25", "dense"])
    for doc_id in relevant_to(trace):
        trace = without(trace, stage, doc_id)
    return Broken(trace, known)


def rs303(trace: Trace, rng: random.Random) -> Broken:
    held = {hit.doc_id for hit in hits(trace, "fusion")}
    outside = [hit.doc_id for hit in hits(trace, "dense") if hit.doc_id not in held]
    return Broken(trace, {"relevant": relevant_to(trace) | {rng.choice(outside)}})


def rs304(trace: Trace, rng: random.Random) -> Broken:
    dense = list(hits(trace, "dense"))
    for _ in range(rng.randint(1, 5)):
        dense.pop(rng.randrange(len(dense)))
    if rng.random() < 0.5:
        return Broken(with_hits(trace, "dense", dense))
    return Broken(with_hits(trace, "dense", dense), {"exact": trace.ranking("dense")})


def rs401(trace: Trace, rng: random.Random) -> Broken:
    fused = hits(trace, "fusion")
    rest = list(fused[10:])
    rng.shuffle(rest)
    scores = [hit.score for hit in hits(trace, "rerank")]
    order = [*fused[:10], *rest]
    return Broken(
        with_hits(
            trace,
            "rerank",
            [Hit(hit.doc_id, 1, score) for hit, score in zip(order, scores, strict=True)],
        )
    )


def rs402(trace: Trace, rng: random.Random) -> Broken:
    stage = rng.choice(["bm25", "dense", "fusion", "rerank"])
    return Broken(with_hits(trace, stage, hits(trace, stage), ms=rng.uniform(401, 5000)))


def rs403(trace: Trace, rng: random.Random) -> Broken:
    fused = list(hits(trace, "fusion"))
    shallow = rng.randint(10, 24)
    head = rng.sample(fused[:shallow], 10)
    rest = [hit for hit in fused if hit not in head]
    scores = [hit.score for hit in hits(trace, "rerank")]
    new = [Hit(hit.doc_id, 1, score) for hit, score in zip([*head, *rest], scores, strict=True)]
    return Broken(with_hits(trace, "rerank", new))


def rs501(trace: Trace, rng: random.Random) -> Broken:
    return Broken(refused(trace, Floor(rng.uniform(0.98, 1.0), ScoreScale.PROBABILITY)))


def rs502(trace: Trace, rng: random.Random) -> Broken:
    scale = rng.choice([ScoreScale.LOGIT, ScoreScale.BM25, ScoreScale.COSINE, ScoreScale.RRF])
    return Broken(replace(trace, floor=Floor(0.4, scale)))


def rs503(trace: Trace, rng: random.Random) -> Broken:
    name, value = rng.choice(
        [
            ("name", "other"),
            ("revision", "r0"),
            ("activation", "identity"),
            ("max_length", 256),
            ("dtype", "bf16"),
        ]
    )
    return Broken(trace, {"passport": replace(MODEL, **{name: value})})


def rs504(trace: Trace, rng: random.Random) -> Broken:
    dropped = next(hit.doc_id for hit in hits(trace, "rerank")[:10] if (hit.score or 0) < 0.4)
    return Broken(trace, {"relevant": relevant_to(trace) | {dropped}})


def rs601(trace: Trace, rng: random.Random) -> Broken:
    lists = [ranking for ranking in trace.rankings if ranking.stage in ("bm25", "dense")]
    fused = list(hits(trace, "fusion"))

    def fused_with(k: int) -> Trace:
        return with_hits(trace, "fusion", ReciprocalRankFusion(k).fuse(lists, 50).hits)

    def missing_list() -> Trace:
        left = tuple(ranking for ranking in trace.rankings if ranking.stage != "dense")
        return replace(trace, rankings=left)

    def swapped() -> Trace:
        place = rng.randrange(40)
        fused[place], fused[place + 9] = fused[place + 9], fused[place]
        return with_hits(trace, "fusion", fused)

    ways = [lambda: fused_with(rng.choice([1, 20, 59])), missing_list, swapped]
    return Broken(rng.choice(ways)())


def rs602(trace: Trace, rng: random.Random) -> Broken:
    strangers = rng.sample([hit.doc_id for hit in hits(trace, "fusion")], rng.randint(1, 20))
    documents = {
        doc_id: replace(document, metadata={"tenant": "other"}) if doc_id in strangers else document
        for doc_id, document in trace.documents.items()
    }
    return Broken(replace(trace, documents=documents))


MUTATIONS = {name.upper(): function for name, function in list(globals().items()) if name.startswith("rs")}
EVIDENCE = {"passport": MODEL}


def noted(trace: Trace, known: dict[str, Any]) -> set[str]:
    known = {**EVIDENCE, "relevant": relevant_to(trace), **known}
    return {finding.code for finding in examine(trace, **known).findings}


def test_every_rule_has_a_mutation() -> None:
    assert set(MUTATIONS) == {rule.code for rule in RULES}


@pytest.mark.parametrize("seed", range(100))
def test_on_a_clean_trace_every_rule_applies_and_passes(seed: int) -> None:
    trace = clean_trace(seed)
    report = examine(trace, **EVIDENCE, relevant=relevant_to(trace))
    assert report.findings == ()
    assert report.not_applicable == {}
    assert report.passed == tuple(rule.code for rule in RULES)


@pytest.mark.parametrize("code", sorted(MUTATIONS))
def test_the_right_rule_catches_what_was_broken(code: str) -> None:
    caught = 0
    for seed in SEEDS:
        broken = MUTATIONS[code](clean_trace(seed), random.Random(seed))
        caught += code in noted(broken.trace, broken.known)
    assert caught >= 0.95 * len(SEEDS)
