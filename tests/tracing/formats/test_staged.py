"""Several runs as the stages of the same traces."""

from __future__ import annotations

from pathlib import Path

import pytest

from rankscope.errors import InputError, UsageError
from rankscope.tracing.formats.importer import Imported, ImportOptions, Rejected
from rankscope.tracing.formats.staged import read_staged
from tests.tracing.formats.reading import FIXTURES, pairs, write_lines

RUNS = [("bm25", FIXTURES / "run_from_0.trec"), ("rerank", FIXTURES / "run_from_1.trec")]


def test_two_runs_queries_and_corpus_make_whole_traces() -> None:
    outcomes = list(
        read_staged(
            RUNS, ImportOptions(), queries=FIXTURES / "queries.jsonl", corpus=FIXTURES / "corpus.jsonl"
        )
    )
    assert all(isinstance(outcome, Imported) for outcome in outcomes)
    assert sum(outcome.records for outcome in outcomes) == 5 + 4
    first, second = (outcome.trace for outcome in outcomes if isinstance(outcome, Imported))
    assert (first.query.query_id, first.query.text) == ("q1", "dose for children")
    assert pairs(first.before) == [("a", 9.5), ("b", 8.25), ("c", 1.0)]
    assert pairs(first.after) == [("b", 0.98), ("a", 0.4)]
    assert first.documents["b"].title == "Leaflet"
    assert set(second.documents) == {"d", "e"}
    assert first.attributes["import"]["files"] == {"bm25": "run_from_0.trec", "rerank": "run_from_1.trec"}
    assert first.origin == "import:trec"


def test_formats_may_differ_and_a_missing_query_is_told(tmp_path: Path) -> None:
    short = tmp_path / "short.trec"
    short.write_text("q1 Q0 a 1 3 t\nbroken\n", encoding="utf-8")
    outcomes = list(read_staged([("dense", FIXTURES / "ranx.json"), ("rerank", short)], ImportOptions()))
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    traces = [outcome.trace for outcome in outcomes if isinstance(outcome, Imported)]
    assert [(item.line, item.reason.split(":")[0]) for item in rejected] == [(2, "short.trec")]
    assert [len(trace.rankings) for trace in traces] == [2, 1]
    notes = traces[1].attributes["import"]["notes"]
    assert notes == [
        "rerank: the run has no such query",
        "the query's text is not known; --queries FILE gives it",
    ]


def test_ids_depend_on_the_runs_and_not_on_their_place(tmp_path: Path) -> None:
    moved = [(stage, tmp_path / path.name) for stage, path in RUNS]
    for (_, path), (_, copy) in zip(RUNS, moved, strict=True):
        copy.write_bytes(path.read_bytes())
    ids = [
        [
            outcome.trace.trace_id
            for outcome in read_staged(runs, ImportOptions())
            if isinstance(outcome, Imported)
        ]
        for runs in (RUNS, moved, RUNS[:1])
    ]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="twice"):
        list(read_staged([RUNS[0], ("bm25", RUNS[1][1])], ImportOptions()))
    with pytest.raises(InputError, match="not recognised"):
        list(read_staged([("bm25", write_lines(tmp_path / "x", ["what"]))], ImportOptions()))
    broken = write_lines(tmp_path / "q.jsonl", [{"_id": "q1", "text": "x"}, "{"])
    with pytest.raises(InputError, match=r"q\.jsonl:2: not valid JSON"):
        list(read_staged(RUNS, ImportOptions(), queries=broken))
