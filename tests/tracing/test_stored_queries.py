from __future__ import annotations

from pathlib import Path

from rankscope.core.documents import Query
from rankscope.core.trace import PipelineInfo
from rankscope.tracing.store import TraceStore
from rankscope.tracing.stored_queries import StoredQueries, read_stored_queries
from tests.tracing.make import make_trace


def test_each_query_stands_once_with_the_newest_trace_of_each_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    assert read_stored_queries(path, depth=10) == StoredQueries((), 0)
    one, two = PipelineInfo("sha256:1"), PipelineInfo("sha256:2")
    hostile = 'q \x1b[31m "\udc00'
    with TraceStore(path) as store:
        for number, (query, pipeline) in enumerate(
            [
                (Query(hostile, query_id="q1"), one),
                (Query("other"), one),
                (Query(hostile), two),
                (Query(hostile, {"tenant": "acme"}), one),
            ]
        ):
            store.append(make_trace(number, query=query, pipeline=pipeline))
    found = read_stored_queries(path, depth=2).queries
    assert [item.text for item in found] == [hostile, "other"]
    first = found[0]
    assert first.trace_ids == ("trace-000002", "trace-000003")
    assert (first.query_id, first.filters) == (None, {"tenant": "acme"})
    rerank = [make_trace(number).rankings[1].doc_ids[:2] for number in (2, 3)]
    assert set(first.doc_ids) == {"doc-1", "doc-2", *rerank[0], *rerank[1]}
    assert read_stored_queries(path, depth=4).queries[1].query_id is None


def test_the_id_of_a_query_set_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    with TraceStore(path) as store:
        store.append(make_trace(0, query=Query("q", query_id="7")))
        store.append(make_trace(1, query=Query("q"), pipeline=PipelineInfo("sha256:2")))
    (found,) = read_stored_queries(path, depth=10).queries
    assert (found.query_id, len(found.trace_ids), len(found.doc_ids)) == ("7", 2, 4)


def test_of_very_many_the_queries_that_were_run_last_are_read(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    with TraceStore(path) as store:
        for number, text in enumerate(("a", "b", "c", "d", "a")):
            store.append(make_trace(number, query=Query(text)))
    found = read_stored_queries(path, depth=2, most=2)
    assert ([query.text for query in found.queries], found.total) == (["a", "d"], 4)
    assert found.queries[0].trace_ids == ("trace-000004",)
