"""The recorder keeps what a service says, counts what it cannot keep, and never raises into the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, Trace
from rankscope.errors import UsageError
from rankscope.recorder import Recorder, RecorderStats
from rankscope.tracing.formats.native import iter_file, loads
from rankscope.tracing.store import TraceStore
from tests.tracing.kept import Kept
from tests.tracing.strategies import hostile_text


def recorded(sink: Kept, work: Callable[[Recorder], Any], **options: Any) -> Trace:
    """The one trace that ``work`` records."""
    with Recorder(sink, **options) as recorder:
        work(recorder)
    (trace,) = sink.traces
    return trace


def add_up(stats: RecorderStats) -> bool:
    return stats.offered == stats.sampled_out + stats.dropped + stats.written + stats.redacted + stats.failed


def test_a_request_becomes_a_trace(tmp_path: Path) -> None:
    recorder = Recorder(
        tmp_path / "traces.db",
        corpus="help pages",
        settings={"n": 50},
        models={"cross_encoder": {"name": "ce", "revision": "abc", "max_length": 512}},
    )
    with recorder.trace("reset password", filters={"tenant": "acme"}, query_id="q1") as trace:
        with trace.stage("retrieval", score_scale="cosine", depth=100) as stage:
            stage.hits([("a", 0.9), ("b", 0.8)])
        trace.stage("rerank", [("b", 0.7), ("a", 0.2)], score_scale="probability", ms=12.5).note(cached=1)
        trace.documents(
            {"a": "text of a", "b": {"text": "text of b", "title": "B", "metadata": {"year": 2024}}}
        )
        trace.floor(0.4, "probability")
        trace.outcome("answer", kept=["b"], top_k=3)
        trace.attributes(release="1.2", user={"segment": ["beta"]})
    recorder.close()
    with TraceStore(tmp_path / "traces.db", create=False) as store:
        stored = store.get(trace.id)
    retrieval, rerank = stored.rankings
    assert (stored.origin, stored.query.text, stored.query.query_id) == ("recorder", "reset password", "q1")
    assert stored.query.filters == {"tenant": "acme"}
    assert (retrieval.stage, retrieval.score_scale, retrieval.depth) == ("retrieval", ScoreScale.COSINE, 100)
    assert retrieval.hits == (Hit("a", 1, 0.9), Hit("b", 2, 0.8))
    assert retrieval.ms is not None
    assert retrieval.ms >= 0
    assert (rerank.ms, rerank.doc_ids, rerank.details) == (12.5, ("b", "a"), {"cached": 1.0})
    assert stored.floor == Floor(0.4, ScoreScale.PROBABILITY, "manual")
    assert (stored.decision, stored.kept, stored.top_k) == ("answer", ("b",), 3)
    assert stored.documents["b"] == Document("b", "text of b", "B", {"year": 2024})
    assert stored.attributes == {"release": "1.2", "user": {"segment": ["beta"]}}
    assert stored.pipeline.corpus == "help pages"
    assert stored.pipeline.models["cross_encoder"].max_length == 512
    assert stored.pipeline.fingerprint.startswith("sha256:")
    assert recorder.stats() == RecorderStats(offered=1, written=1)


def test_one_call_records_a_finished_request(sink: Kept) -> None:
    names: list[str] = []

    def work(recorder: Recorder) -> None:
        names.append(
            recorder.record(
                "query",
                {"bm25": ["a", "b"], "rerank": [{"id": "b", "score": 2.5, "text": "text of b"}]},
                score_scales={"rerank": "logit"},
                ms={"bm25": 1.5},
                floor=0.0,
                floor_scale="logit",
                decision="refuse",
                attributes={"not an identifier": 1},
            )
        )

    trace = recorded(sink, work)
    assert trace.trace_id == names[0]
    assert trace.rankings[0].hits == (Hit("a", 1, None), Hit("b", 2, None))
    assert (trace.rankings[0].score_scale, trace.rankings[0].ms) == (ScoreScale.UNKNOWN, 1.5)
    assert trace.rankings[1].hits == (Hit("b", 1, 2.5),)
    assert trace.documents == {"b": Document("b", "text of b")}
    assert trace.attributes == {"not an identifier": 1}


def test_what_the_caller_changes_later_is_not_recorded(sink: Kept) -> None:
    hits = [{"id": "a", "score": 0.5, "text": "old"}]
    scores = [("a", 0.5)]
    texts = {"b": "old"}

    def work(recorder: Recorder) -> None:
        with recorder.trace("q") as trace:
            trace.stage("one", hits)
            trace.stage("two", scores)
            trace.documents(texts)
            hits[0]["score"] = 9.0
            hits[0]["text"] = "new"
            hits.append({"id": "z"})
            scores.clear()
            texts["b"] = "new"

    trace = recorded(sink, work)
    assert [ranking.hits for ranking in trace.rankings] == [(Hit("a", 1, 0.5),), (Hit("a", 1, 0.5),)]
    assert {document.text for document in trace.documents.values()} == {"old"}


IGNORED = {"ranks_ignored": "missing, repeated or not whole numbers"}


@pytest.mark.parametrize(
    ("hits", "expected", "details"),
    [
        (
            [("a", float("nan")), ("b", "high"), ("c", None)],
            [("a", 1, None), ("b", 2, None), ("c", 3, None)],
            {"scores_unreadable": 2},
        ),
        ([("a", 1), ("a", 0.5)], [("a", 1, 1.0), ("a", 2, 0.5)], {}),
        ([(7, 1.0), (None, 0.5)], [("7", 1, 1.0), ("None", 2, 0.5)], {}),
        ([["a", 1.0]], [("a", 1, 1.0)], {}),
        ([Hit("a", 3, 1.0), Hit("b", 5, None)], [("a", 3, 1.0), ("b", 5, None)], {}),
        ([{"doc_id": "b", "rank": 2}, {"doc_id": "a", "rank": 1}], [("a", 1, None), ("b", 2, None)], {}),
        ([{"id": "a", "rank": 0}, {"id": "b", "rank": 1}], [("a", 1, None), ("b", 2, None)], {}),
        ([{"id": "a", "rank": 1}, {"id": "b", "rank": 1}], [("a", 1, None), ("b", 2, None)], IGNORED),
        ([{"id": "a", "rank": True}], [("a", 1, None)], IGNORED),
    ],
)
def test_odd_lists_are_kept_and_what_is_odd_is_noted(
    sink: Kept, hits: Any, expected: list[tuple[Any, ...]], details: dict[str, Any]
) -> None:
    trace = recorded(sink, lambda recorder: recorder.record("q", {"stage": hits}))
    assert [(hit.doc_id, hit.rank, hit.score) for hit in trace.rankings[0].hits] == expected
    assert trace.rankings[0].details == details


@pytest.mark.parametrize("name", ["traces.db", "traces.jsonl"])
def test_numbers_of_numpy_and_whole_numbers_are_numbers(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with Recorder(path) as recorder, recorder.trace("q") as trace:
        trace.stage("dense", [("a", np.float32(0.5)), ("b", np.float64(0.25))], ms=np.float32(1.5), depth=2)
        trace.stage("bm25", [("a", 3), ("b", 2**70)], depth=np.int64(2))  # type: ignore[arg-type]
        trace.stage("rerank", [{"id": "a", "score": np.float32(2), "rank": np.int64(1)}])
        trace.floor(np.float32(0.125), "probability")  # type: ignore[arg-type]
        trace.outcome(top_k=np.int32(7))  # type: ignore[arg-type]
    if path.suffix == ".db":
        with TraceStore(path) as store:
            kept = store.get(trace.id)
    else:
        (kept,) = iter_file(path)
    assert [[(hit.doc_id, hit.rank, hit.score) for hit in ranking.hits] for ranking in kept.rankings] == [
        [("a", 1, 0.5), ("b", 2, 0.25)],
        [("a", 1, 3.0), ("b", 2, float(2**70))],
        [("a", 1, 2.0)],
    ]
    assert [(ranking.ms, ranking.depth) for ranking in kept.rankings] == [(1.5, 2), (None, 2), (None, None)]
    assert kept.floor == Floor(0.125, ScoreScale.PROBABILITY, "manual")
    assert kept.top_k == 7


def test_odd_values_are_kept_as_text(sink: Kept) -> None:
    def work(recorder: Recorder) -> None:
        with recorder.trace(5) as trace:  # type: ignore[arg-type]
            trace.stage("s", score_scale="percent", ms=float("inf"), depth="many")  # type: ignore[arg-type]
            trace.stage("s")
            trace.floor("0,4", "percent")  # type: ignore[arg-type]
            trace.outcome("maybe", top_k=-1)  # type: ignore[arg-type]
            trace.attributes(when=object, big=2**70, nan=float("nan"))

    trace = recorded(sink, work)
    assert trace.query.text == "5"
    assert [ranking.stage for ranking in trace.rankings] == ["s", "s#2"]
    assert trace.rankings[0].details == {"score_scale_given": "percent"}
    assert (trace.rankings[0].ms, trace.rankings[0].depth) == (None, None)
    assert (trace.floor, trace.decision, trace.top_k) == (None, None, None)
    assert trace.attributes == {
        "when": "<class 'object'>",
        "big": str(2**70),
        "nan": "nan",
        "floor_given": "0,4",
        "decision_given": "maybe",
    }


@settings(max_examples=40)
@given(st.data())
def test_no_input_raises_and_the_counts_add_up(data: st.DataObject) -> None:
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | hostile_text() | st.binary(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(
                st.sampled_from(["id", "doc_id", "score", "rank", "text"]) | hostile_text(5),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
    drawn = iter([data.draw(junk) for _ in range(15)])
    sink = Kept()
    recorder = Recorder(sink)
    with recorder.trace(next(drawn), filters=next(drawn)) as trace:
        trace.stage(next(drawn), next(drawn), score_scale=next(drawn), depth=next(drawn))
        trace.documents(next(drawn))
        trace.floor(next(drawn), next(drawn), next(drawn))
        trace.outcome(next(drawn), kept=next(drawn), top_k=next(drawn))
        trace.attributes(junk=next(drawn))
    recorder.record("q", next(drawn), attributes={"junk": 1})
    recorder.close()
    stats = recorder.stats()
    assert stats.offered == 2
    assert add_up(stats)
    assert stats.written == len(sink.traces)


def test_an_error_of_the_service_passes_through_and_is_recorded(sink: Kept) -> None:
    def request(recorder: Recorder) -> None:
        with recorder.trace("q") as trace:
            trace.stage("retrieval", ["a"])
            with trace.stage("rerank", score_scale="logit"):
                raise TimeoutError("no answer in 2 s")

    def work(recorder: Recorder) -> None:
        with pytest.raises(TimeoutError):
            request(recorder)

    trace = recorded(sink, work)
    assert [ranking.status for ranking in trace.rankings] == ["ok", "failed:TimeoutError: no answer in 2 s"]
    assert trace.attributes == {"error": "TimeoutError: no answer in 2 s"}
    final = trace.final
    assert final is not None
    assert final.doc_ids == ("a",)


def test_a_skipped_stage_says_why(sink: Kept) -> None:
    def work(recorder: Recorder) -> None:
        with recorder.trace("q") as trace:
            trace.stage("rerank").skipped("three candidates")

    assert recorded(sink, work).rankings[0].status == "skipped:three candidates"


def test_redaction_changes_leaves_out_or_keeps_back(sink: Kept) -> None:
    def redact(trace: Trace) -> Trace | None:
        if "secret" in trace.query.text:
            return None
        if "fault" in trace.query.text:
            raise ValueError("cannot tell")
        return replace(trace, documents={})

    errors: list[Exception] = []
    with Recorder(sink, redact=redact, on_error=errors.append) as recorder:
        for query in ("plain", "a secret", "a fault"):
            recorder.record(query, {"s": [{"id": "a", "text": "private"}]})
    assert [(trace.query.text, trace.documents) for trace in sink.traces] == [("plain", {})]
    assert recorder.stats() == RecorderStats(offered=3, written=1, redacted=1, failed=1)
    assert [str(error) for error in errors] == ["cannot tell"]


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 0, 0), (1.0, 500, 500), (0.3, 90, 210)])
def test_sampling(sink: Kept, rate: float, low: int, high: int) -> None:
    with Recorder(sink, sample_rate=rate) as recorder:
        for _ in range(500):
            with recorder.trace("q") as trace:
                trace.stage("s", ["a"])
                assert trace.sampled or rate < 1
    stats = recorder.stats()
    assert low <= stats.written <= high  # at 0.3: six standard deviations of 10
    assert add_up(stats)


@pytest.mark.parametrize(
    "options", [{"sample_rate": 1.5}, {"on_full": "lose"}, {"queue_size": 0}, {"sample_rate": float("nan")}]
)
def test_options_that_cannot_be_meant_are_refused_at_start(sink: Kept, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        Recorder(sink, **options)


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    with Recorder(path) as recorder:
        first = recorder.record("caf\udce9\u2028", {"s": [("a", 1.0)]})
        recorder.flush()
        path.rename(tmp_path / "rotated.jsonl")
        second = recorder.record("after the rotation", {})
    assert [trace.trace_id for trace in iter_file(tmp_path / "rotated.jsonl")] == [first]
    assert [trace.trace_id for trace in iter_file(path)] == [second]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text('{"schema": "rankscope.tr')
    with Recorder(path) as recorder:
        name = recorder.record("q", {})
    broken, whole = path.read_bytes().splitlines()
    assert broken == b'{"schema": "rankscope.tr'
    assert loads(whole).trace_id == name
