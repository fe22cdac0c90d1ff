"""Which traces are measured: of one pipeline, of each judged query the newest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rankscope.core.documents import Query
from rankscope.core.trace import PipelineInfo, Trace
from rankscope.engine.judged_traces import from_files, from_store
from rankscope.errors import InputError, UsageError
from rankscope.insight.judgments import Judgments
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.store import TraceStore
from tests.insight.scripted_traces import trace

JUDGED = Judgments({"q1": {"a": 1}, "q2": {"b": 1}, "how much leave": {"a": 1}})


def made(name: str, query: Query, pipeline: str, minute: int = 0) -> Trace:
    base = trace("q1", {"fusion": ["a", "b"], "rerank": ["b", "a"]})
    moment = base.created_at + timedelta(minutes=minute)
    return replace(
        base, trace_id=name, query=query, pipeline=PipelineInfo(fingerprint=pipeline), created_at=moment
    )


def stored(tmp_path: Path, *traces: Trace) -> Path:
    path = tmp_path / "traces.db"
    with TraceStore(path) as store:
        for item in traces:
            store.append(item)
    return path


ONE, TWO, LIVE = Query("one", query_id="q1"), Query("two", query_id="q2"), Query("how much leave")


def test_the_newest_trace_of_each_query_of_the_pipeline_that_has_most(tmp_path: Path) -> None:
    path = stored(
        tmp_path,
        made("old", ONE, "x"),
        made("new", ONE, "x", 5),
        made("live", LIVE, "x"),
        made("other", TWO, "y", 9),
        made("unjudged", Query("nobody knows"), "x"),
    )
    found = from_store(path, JUDGED)
    assert {item.trace_id for item in found.traces} == {"new", "live"}
    assert (found.pipeline, found.others, found.counts) == ("x", {"y": 1}, {"unjudged": 1, "older": 1})
    assert [item.trace_id for item in from_store(path, JUDGED, pipeline="y").traces] == ["other"]
    with pytest.raises(UsageError, match=r"no judged trace is of the pipeline 'z'.*There are"):
        from_store(path, JUDGED, pipeline="z")


def test_traces_of_comparisons_are_taken_where_they_are_named(tmp_path: Path) -> None:
    def compared(name: str, query: Query, pipeline: str, minute: int) -> Trace:
        return replace(made(name, query, pipeline, minute), origin="eval:ab")

    path = stored(
        tmp_path,
        made("asked", ONE, "x"),
        compared("a1", ONE, "x", 5),
        compared("a2", TWO, "x", 5),
        compared("b2", TWO, "y", 6),
    )
    for named in (None, "x"):
        found = from_store(path, JUDGED, pipeline=named)
        assert [item.trace_id for item in found.traces] == ["asked"]
        assert (found.others, found.counts) == ({}, {"unjudged": 0, "older": 0, "of comparisons": 3})
    assert {item.trace_id for item in from_store(path, JUDGED, pipeline="eval:ab x").traces} == {"a1", "a2"}
    assert [item.trace_id for item in from_store(path, JUDGED, pipeline="y").traces] == ["b2"]
    with pytest.raises(UsageError, match="no judged trace is of the pipeline 'z'"):
        from_store(path, JUDGED, pipeline="z")


def test_nothing_but_comparisons_says_how_to_name_them(tmp_path: Path) -> None:
    path = stored(tmp_path, replace(made("a", ONE, "x"), origin="eval:ab"))
    with pytest.raises(UsageError, match=r"only those of comparisons.*eval:ab x"):
        from_store(path, JUDGED)


def test_a_text_and_an_id_of_one_query_are_one_query(tmp_path: Path) -> None:
    path = stored(tmp_path, made("by-id", ONE, "x"), made("by-text", Query("one"), "x", 3))
    judgments = Judgments({"q1": {"a": 1}, "one": {"a": 1}})
    found = from_store(path, judgments, texts={"q1": "one"})
    assert [(item.trace_id, item.query.query_id) for item in found.traces] == [("by-text", "q1")]
    assert found.counts["older"] == 1


def test_nothing_judged_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"1 trace, none of a judged query"):
        from_store(stored(tmp_path, made("t", Query("?"), "x")), JUDGED)
    with pytest.raises(UsageError, match="there are no traces"):
        from_store(tmp_path / "none.db", JUDGED)


def test_runs_become_the_stages_of_the_same_traces(tmp_path: Path) -> None:
    before, after = tmp_path / "fused.run", tmp_path / "reranked.run"
    before.write_text("q1 Q0 b 1 0.9 x\nq1 Q0 a 2 0.8 x\nq2 Q0 b 1 0.9 x\n")
    after.write_text("q1 Q0 a 1 0.9 x\nq1 Q0 b 2 0.8 x\nq2 Q0 b 1 0.9 x\n")
    found = from_files([], JUDGED, staged=[("fusion", before), ("rerank", after)])
    assert [[r.stage for r in item.rankings] for item in found.traces] == [["fusion", "rerank"]] * 2
    assert found.traces[0].final is not None
    assert found.traces[0].final.doc_ids == ("a", "b")


def test_files_of_traces_are_read_without_being_stored(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(dumps(made("t1", ONE, "x")) + "\n{}\n")
    found = from_files([path], JUDGED)
    assert [item.trace_id for item in found.traces] == ["t1"]
    assert found.counts["rejected"] == 1
    (tmp_path / "empty.jsonl").write_text('{"schema": "rankscope.trace/1"}\n')
    with pytest.raises(InputError, match="no trace could be read"):
        from_files([tmp_path / "empty.jsonl"], JUDGED)
