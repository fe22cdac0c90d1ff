from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.documents import Document
from rankscope.core.trace import PipelineInfo
from rankscope.insight.pooling import Progress, hidden_order, pool, progress
from tests.insight.scripted_traces import trace

IDS = [f"d{number:02}" for number in range(20)]


def test_a_pool_holds_the_first_places_of_every_list_of_every_pipeline() -> None:
    one = trace("q", {"bm25": ["a", "b", "x"], "fusion": ["b", "c", "y"], "rerank": ["d", "b", "z"]})
    other = replace(
        trace("q", {"bm25": ["e", "a"]}), trace_id="t2", pipeline=PipelineInfo(fingerprint="sha256:2")
    )
    found = pool("q", [one, other], depth=2)
    assert set(found.doc_ids) == {"a", "b", "c", "d", "e"}
    assert found.pipelines == 2
    assert {item.doc_id: item.trace_id for item in found.candidates}["a"] == "t2"
    assert pool("q", []).candidates == ()


def test_lists_that_did_not_run_bring_nothing() -> None:
    failed = trace("q", {"bm25": ["a"], "rerank": ["b"]}, statuses={"rerank": "failed:timeout"})
    assert pool("q", [failed]).doc_ids == ("a",)


def test_the_newest_text_of_a_document_is_judged() -> None:
    old = replace(trace("q", {"bm25": ["a", "b"]}), documents={"a": Document("a", "old")})
    new = replace(old, documents={"a": Document("a", "new")})
    texts = {item.doc_id: item.document and item.document.text for item in pool("q", [old, new]).candidates}
    assert texts == {"a": "new", "b": None}


@given(st.permutations(IDS), st.text())
def test_the_order_does_not_depend_on_ranks(ids: list[str], query: str) -> None:
    assert hidden_order(query, ids) == hidden_order(query, IDS)
    assert sorted(hidden_order(query, ids)) == IDS


@given(st.sets(st.sampled_from(IDS)), st.sampled_from(IDS))
def test_a_new_candidate_moves_no_other_one(ids: set[str], more: str) -> None:
    longer = hidden_order("q", ids | {more})
    assert tuple(doc_id for doc_id in longer if doc_id in ids) == hidden_order("q", ids)


def test_queries_are_shuffled_apart() -> None:
    orders = {hidden_order(f"q{number}", IDS) for number in range(50)}
    assert len(orders) == 50
    first = {order[0] for order in orders}
    assert len(first) > 10


def test_the_order_is_the_same_after_a_restart() -> None:
    code = (
        "from rankscope.insight.pooling import hidden_order\n"
        "print(*hidden_order('q', map('d{:02}'.format, range(20))))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert tuple(told.stdout.split()) == hidden_order("q", IDS)


def test_progress_counts_pooled_documents_alone() -> None:
    assert progress({"q": ["a", "b"], "p": ["a"]}, {"q": ["a", "elsewhere"], "other": ["a"]}) == Progress(
        1, 3
    )
    assert Progress(3, 3).finished
    assert not Progress(2, 3).finished
    assert not Progress(0, 0).finished
