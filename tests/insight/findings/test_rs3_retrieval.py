"""RS301 to RS304: relevant documents that retrieval or fusion lost."""

from __future__ import annotations

from dataclasses import replace

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import PipelineInfo
from rankscope.insight.standing import CorpusStanding, StageStanding
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from tests.insight.findings.scripted_traces import found, outcome, ranking, trace_of

BM25 = ranking("bm25", "bm25", "abcd", depth=4)
DENSE = ranking("dense", "cosine", {"e": 0.8, "a": 0.7, "f": 0.6}, depth=3)
FUSED = ReciprocalRankFusion().fuse([BM25, DENSE], 3)
TRACE = trace_of(BM25, DENSE, FUSED)


def test_rs301_a_relevant_document_that_no_list_holds() -> None:
    some = found("RS301", TRACE, relevant=frozenset("ax"))
    assert (some.severity, some.doc_ids) == ("warning", ("x",))
    assert some.message.startswith("1 of 2 relevant documents was never retrieved")
    assert "bm25: not in top 4, dense: not in top 3" in some.message
    assert found("RS301", TRACE, relevant=frozenset("x")).severity == "error"


def test_rs301_names_the_list_that_came_nearest_where_it_is_known() -> None:
    standing = CorpusStanding(
        "x",
        stages=(
            StageStanding("bm25", ScoreScale.BM25, 212, 0.7, 250),
            StageStanding("dense", ScoreScale.COSINE, 17, 0.5, 300),
        ),
    )
    message = found("RS301", TRACE, relevant=frozenset("x"), standings={"x": standing}).message
    assert "came nearest in dense, at 17 of 300 (list of 3)" in message


def test_rs301_must_not_fire() -> None:
    assert outcome("RS301", TRACE, relevant=frozenset("ad")) == "passed"
    assert outcome("RS301", TRACE) == "this query is not judged"
    assert outcome("RS301", TRACE, relevant=frozenset()) == "no document is judged relevant to this query"
    assert "first-stage" in str(outcome("RS301", trace_of(), relevant=frozenset("a")))


def test_rs302_only_one_list_found_it() -> None:
    finding = found("RS302", TRACE, relevant=frozenset("e"))
    assert finding.severity == "info"
    assert finding.message.startswith("only dense found a relevant document (e); bm25 alone")
    assert outcome("RS302", TRACE, relevant=frozenset("a")) == "passed"
    assert outcome("RS302", TRACE, relevant=frozenset("be")) == "passed"
    assert "RS301" in str(outcome("RS302", TRACE, relevant=frozenset("x")))
    assert "fewer than two" in str(outcome("RS302", trace_of(BM25), relevant=frozenset("a")))


def test_rs303_lost_at_the_cut_by_so_many_places() -> None:
    # Fused: a (2 lists), then e 1/61, b 1/62; cut; c and f tie at 1/63, d 1/64.
    assert FUSED.doc_ids == ("a", "e", "b")
    finding = found("RS303", TRACE, relevant=frozenset("ad"))
    assert (finding.severity, finding.doc_ids) == ("warning", ("d",))
    assert "d by 3 places" in finding.message
    assert found("RS303", TRACE, relevant=frozenset("cd")).severity == "error"
    one = found("RS303", TRACE, relevant=frozenset("ac")).message
    assert one == "1 relevant document was lost at the fusion cut of 3: c by 1 place"


def test_rs303_without_a_known_k_names_only_the_document() -> None:
    fused = ranking("fusion", "unknown", {"f": 9.0, "a": 8.0})
    message = found("RS303", trace_of(BM25, DENSE, fused), relevant=frozenset("ad")).message
    assert message == "1 relevant document was lost at the fusion cut of 2: d"


def test_rs303_must_not_fire() -> None:
    assert outcome("RS303", TRACE, relevant=frozenset("ax")) == "passed"
    assert outcome("RS303", TRACE) == "this query is not judged"
    assert "no fused list" in str(outcome("RS303", trace_of(BM25, DENSE), relevant=frozenset("a")))


def test_rs304_against_the_exact_list() -> None:
    exact = ranking("dense", "cosine", {"e": 0.8, "x": 0.75, "a": 0.7, "f": 0.6})
    finding = found("RS304", TRACE, exact=exact)
    assert finding.doc_ids == ("x",)
    assert "1 of the 3 nearest documents (recall 67%): x" in finding.message
    assert outcome("RS304", TRACE, exact=DENSE) == "passed"


def test_rs304_from_recorded_exact_ranks() -> None:
    def with_ranks(*ranks: float) -> object:
        hits = tuple(
            replace(hit, details={"exact_rank": rank}) for hit, rank in zip(DENSE.hits, ranks, strict=True)
        )
        return outcome("RS304", trace_of(replace(DENSE, hits=hits)))

    assert with_ranks(1, 2, 3) == "passed"
    assert "missed 2 of the 3" in with_ranks(1, 4, 6).message  # type: ignore[attr-defined]
    assert "exact ranks are not recorded" in str(outcome("RS304", TRACE))
    assert "1 of the 3" in found("RS304", trace_of(replace(DENSE, details={"exact_missed": 1.0}))).message
    assert "no dense list" in str(outcome("RS304", trace_of(BM25)))


def test_a_recorded_weight_of_zero_leaves_a_list_out_of_the_places() -> None:
    retrieval = {"rrf_k": 60, "bm25_weight": 1.0, "dense_weight": 0.0}
    fused = ReciprocalRankFusion(weights={"dense": 0.0}).fuse([BM25, DENSE], 2)
    trace = trace_of(BM25, DENSE, fused, pipeline=PipelineInfo(settings={"retrieval": retrieval}))
    assert "d by 2 places" in found("RS303", trace, relevant=frozenset("ad")).message
