"""What a reranker may hide: each diagnosis where it is due, where it is not, and where it cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from rankscope.config import FindingsSettings
from rankscope.core.documents import Document, Query
from rankscope.core.trace import Hit, ModelInfo, PipelineInfo, Trace
from rankscope.insight.judgments import Judgments
from rankscope.insight.verdict.filters import diagnose_filters
from rankscope.insight.verdict.model import Diagnosis, said_once
from rankscope.insight.verdict.passages import diagnose_passages
from rankscope.insight.verdict.retrievers import diagnose_retrievers
from tests.insight.scripted_traces import trace

WHOLE = "The pump is drained before it is opened. Then the four bolts are loosened and the seal is lifted."
CUT = "is drained before it is opened. Then the four bolts are loosened and the seal of the"
ALL = [f"q{number}" for number in range(30)]
JUDGED = Judgments({key: {"rel": 1} for key in ALL})


def traces(orders: Mapping[str, Sequence[str]], **changes: object) -> list[Trace]:
    return [replace(trace(key, orders), **changes) for key in ALL]  # type: ignore[arg-type]


def by_code(found: Sequence[Diagnosis]) -> dict[str, Diagnosis]:
    return {item.code: item for item in found}


@pytest.mark.parametrize(("text", "state"), [(WHOLE, "fine"), (CUT, "found"), ("A title", "unknown")])
def test_broken_sentences(text: str, state: str) -> None:
    documents = {f"d{number}": Document(f"d{number}", text) for number in range(5)}
    made = traces({"fusion": list(documents)})
    broken, _ = diagnose_passages(made, documents, FindingsSettings())
    assert broken.state == state
    assert bool(broken.remedy) == (state == "found")
    if state == "found":
        assert "5 of 5 passages" in broken.measure
        assert broken.trace_ids == ("t-q0",)


def with_tokens(tokens: float, cut: float, limit: int) -> list[Trace]:
    info = PipelineInfo(models={"bi_encoder": ModelInfo("m", max_length=limit)})
    made = []
    for item in traces({"fusion": ["a", "b"], "rerank": ["a", "b"]}, pipeline=info):
        ranking = item.rankings[-1]
        hits = tuple(
            Hit(hit.doc_id, hit.rank, hit.score, {"tokens": tokens, "tokens_cut": cut})
            for hit in ranking.hits
        )
        made.append(item.with_ranking(replace(ranking, hits=hits)))
    return made


def test_windows_of_both_models_are_watched() -> None:
    settings = FindingsSettings()
    _, fine = diagnose_passages(with_tokens(254, 0, 256), {}, settings)
    assert fine.state == "fine"
    _, embedded = diagnose_passages(with_tokens(255, 0, 256), {}, settings)
    assert (embedded.state, "256 tokens end before 2 of 2" in embedded.measure) == ("found", True)
    _, reranked = diagnose_passages(with_tokens(600, 90, 1000), {}, settings)
    assert "cross-encoder does not read the end of 2 of 2" in reranked.measure
    _, unknown = diagnose_passages(traces({"fusion": ["a"], "rerank": ["a"]}), {}, settings)
    assert unknown.state == "unknown"


@pytest.mark.parametrize(
    ("bm25", "dense", "found"),
    [
        (["rel", "x"], ["x", "y", "z", "rel"], "dense-below-bm25"),
        (["x", "y", "z", "rel"], ["rel", "x"], "bm25-below-dense"),
        (["rel", "x"], ["rel", "y"], None),
    ],
)
def test_a_retriever_far_behind_the_other_is_named(
    bm25: list[str], dense: list[str], found: str | None
) -> None:
    made = diagnose_retrievers(traces({"bm25": bm25, "dense": dense, "fusion": ["rel", "x"]}), JUDGED)
    states = {code: item.state for code, item in by_code(made).items() if code != "fusion-no-gain"}
    assert states == {
        code: "found" if code == found else "fine" for code in ("dense-below-bm25", "bm25-below-dense")
    }


def test_fusion_that_gains_nothing_is_named_with_the_list_to_weigh_less() -> None:
    none = by_code(
        diagnose_retrievers(traces({"bm25": ["x", "rel"], "dense": ["rel"], "fusion": ["x", "rel"]}), JUDGED)
    )["fusion-no-gain"]
    assert none.state == "found"
    assert "bm25_weight" in none.remedy
    assert len(none.trace_ids) == 5
    gain = by_code(
        diagnose_retrievers(traces({"bm25": ["x", "rel"], "dense": ["y", "rel"], "fusion": ["rel"]}), JUDGED)
    )["fusion-no-gain"]
    assert gain.state == "fine"


def test_too_few_queries_say_nothing_about_retrievers() -> None:
    made = diagnose_retrievers(traces({"bm25": ["x"], "dense": ["rel"], "fusion": ["x"]})[:19], JUDGED)
    assert {item.state for item in made} == {"unknown"}


TENANTS = {
    **{f"a{number}": Document(f"a{number}", "leave", metadata={"tenant": "acme"}) for number in range(5)},
    **{f"g{number}": Document(f"g{number}", "leave", metadata={"tenant": "globex"}) for number in range(5)},
}


def asked(text: str, order: Sequence[str], filters: Mapping[str, str] | None = None) -> Trace:
    made = trace("q", {"fusion": order})
    return replace(made, query=Query(text, filters=filters or {}, query_id="q"))


@pytest.mark.parametrize(
    ("text", "filters", "order", "relevant", "state"),
    [
        ("leave", {"tenant": "acme"}, ["a1", "g1"], "a1", "found"),
        ("leave", {"tenant": "acme"}, ["a1", "a2"], "a1", "fine"),
        ("leave", {"limit": "5"}, ["a1", "g1"], "a1", "unknown"),  # no document has such a field
        ("how much leave at Acme?", {}, ["g1", "a1"], "a1", "found"),
        ("how much leave at Acme?", {}, ["a1", "g1"], "a1", "fine"),  # what follows its own harms nobody
        ("how much leave at Acme?", {}, ["g1", "a1"], "g1", "unknown"),  # the name is no filter here
        ("leave at Acme and Globex", {}, ["g1", "a1"], "a1", "unknown"),
        ("how much leave?", {}, ["g1", "a1"], "a1", "unknown"),
    ],
)
def test_results_of_several_tenants(
    text: str, filters: dict[str, str], order: list[str], relevant: str, state: str
) -> None:
    diagnosis = diagnose_filters([asked(text, order, filters)], Judgments({"q": {relevant: 1}}), TENANTS)
    assert diagnosis.state == state, diagnosis.measure
    if state == "found":
        assert "tenant" in diagnosis.measure
        assert diagnosis.trace_ids == ("t-q",)


def test_the_tenant_that_a_request_was_made_for_is_asked_for_too() -> None:
    trace = replace(asked("leave", ["a1", "g1"]), attributes={"tenant": "acme"})
    found = diagnose_filters([trace], Judgments({"q": {"a1": 1}}), TENANTS)
    assert (found.state, found.trace_ids) == ("found", ("t-q",))
    assert "1 got results that break the filter" in found.measure


def test_diagnoses_of_one_figure_share_a_line() -> None:
    fine = [Diagnosis(code, "fine", "same figure", "") for code in ("one", "other")]
    third = Diagnosis("third", "fine", "another figure", "")
    assert said_once([*fine, third]) == [("one, other", fine[0]), ("third", third)]
    found = replace(fine[1], state="found", remedy="mend it")
    assert said_once([found, fine[0]]) == [("other", found)]
