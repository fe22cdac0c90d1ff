"""Logs with field names of their own: the first mapping proposed is right, and says what it left out."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Trace
from rankscope.errors import InputError
from rankscope.tracing.formats.mapping.apply import MappedLog
from rankscope.tracing.formats.mapping.guess import Proposal, guess
from rankscope.tracing.formats.mapping.model import dump_mapping, load_mapping
from tests.tracing.formats.reading import FIXTURES, pairs, read, write_lines

LOGS = FIXTURES / "logs"
QUERIES = ["reset password", "refund after 30 days?", "export data as csv", "delete my account"]


def _imported(path: Path, tmp_path: Path) -> tuple[list[Trace], Proposal]:
    """The log's traces by the proposed mapping, after a round trip through its TOML file."""
    proposal = guess(path)
    saved = tmp_path / "map.toml"
    saved.write_text(dump_mapping(proposal.mapping, ("a comment",)), encoding="utf-8")
    mapping = load_mapping(saved)
    assert mapping == proposal.mapping
    found, rejected, _ = read(MappedLog(mapping), path)
    assert rejected == []
    return found, proposal


def test_nested_sources_with_errors_repeats_and_gaps(tmp_path: Path) -> None:
    found, proposal = _imported(LOGS / "nested_sources.jsonl", tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    first, repeated, failed, gap = found
    assert [ranking.stage for ranking in first.rankings] == ["bm25", "rerank"]
    assert pairs(first.before) == [("kb-2", 9.25), ("kb-4", 7.0), ("kb-1", 3.5), ("kb-3", 1.5)]
    assert pairs(first.after) == [("kb-1", 0.9), ("kb-2", 0.8), ("kb-3", 0.4), ("kb-4", 0.1)]
    assert [ranking.ms for ranking in first.rankings] == [2.5, 80.25]
    assert first.rankings[0].score_scale is ScoreScale.BM25
    assert first.rankings[1].score_scale is ScoreScale.UNKNOWN
    assert first.created_at.isoformat() == "2026-02-01T09:00:00+00:00"
    assert first.documents["kb-2"].text == "A refund is paid within five days."
    assert first.documents["kb-2"].title == "Page kb-2"
    assert repeated.attributes["import"]["repeated_ids"] == {"bm25": 1, "rerank": 1}
    assert failed.rankings[-1].status == "failed:rate limit exceeded"
    assert gap.attributes["import"]["missing_scores"] == {"rerank": 1}
    assert ("kb-1", None) in pairs(gap.after)
    assert [item.path for item in proposal.unused] == ["client.build"]


def test_a_structure_inside_a_csv_cell(tmp_path: Path) -> None:
    found, proposal = _imported(LOGS / "cell.csv", tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    for trace in found:
        assert [score for _, score in pairs(trace.final)] == [0.9, 0.75, 0.5]
    # The second cell is a Python literal, the others are JSON.
    assert found[1].rankings[0].doc_ids == ("kb-2", "kb-3", "kb-4")
    assert found[1].documents["kb-2"].text == "A refund is paid within five days."
    assert [(item.path, item.example) for item in proposal.unused] == [("reply", '"Answered."')]


def test_one_row_a_candidate(tmp_path: Path) -> None:
    found, proposal = _imported(LOGS / "rows.csv", tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    assert pairs(found[0].final) == [("kb-1", 4.5), ("kb-2", 4.0), ("kb-3", 2.25), ("kb-4", 1.0)]
    assert pairs(found[1].final)[2] == ("kb-4", None)
    assert found[0].documents["kb-1"].title == "Page kb-1"
    assert any("search_id" in note for note in proposal.notes)


def test_distances_become_scores_of_which_more_is_better(tmp_path: Path) -> None:
    found, _ = _imported(LOGS / "distances.jsonl", tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    ranking = found[0].final
    assert pairs(ranking) == [("kb-1", -0.25), ("kb-2", -0.5), ("kb-3", -1.25)]
    assert ranking is not None
    assert ranking.hits[0].details == {"distance": 0.25}
    assert "minus the source's distance" in str(ranking.details["score_note"])
    assert found[0].documents["kb-3"].metadata == {"page": 2}
    assert found[0].created_at.timestamp() == 1769936400


def test_a_sqlite_database_whose_queries_stand_in_another_table(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((LOGS / "searches.sql").read_text(encoding="utf-8"))
    connection.close()
    found, _ = _imported(path, tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    assert [ranking.stage for ranking in found[0].rankings] == ["dense", "rerank"]
    assert pairs(found[0].before) == [("kb-2", 0.75), ("kb-1", 0.5), ("kb-3", 0.25)]
    assert pairs(found[0].after) == [("kb-1", 0.9), ("kb-2", 0.6), ("kb-3", 0.3)]
    # The last search found nothing: it is there, with empty lists.
    assert [ranking.hits for ranking in found[3].rankings] == [(), ()]


def _rows(**fields: Any) -> list[dict[str, Any]]:
    return [{**fields, "question": query} for query in QUERIES]


IDS = ["d1", "d2", "d3"]
OTHER_SHAPES: dict[str, tuple[list[Any], list[tuple[str, list[tuple[str, float | None]]]]]] = {
    "lists by stage": (
        _rows(results={"bm25": [{"id": "d1", "score": 9}], "hybrid": [{"id": "d2", "score": 0.03}]}),
        [("bm25", [("d1", 9.0)]), ("fusion", [("d2", 0.03)])],
    ),
    "before and after": (
        _rows(
            retrieved=[{"docId": "d1", "score": 0.7}, {"docId": "d2", "score": 0.6}],
            reranked=[{"docId": "d2", "score": 4.5}, {"docId": "d1", "score": -1.0}],
        ),
        [("retrieval", [("d1", 0.7), ("d2", 0.6)]), ("rerank", [("d2", 4.5), ("d1", -1.0)])],
    ),
    "named steps": (
        _rows(
            steps=[
                {"name": "bm25_search", "output": [{"id": "d1", "score": 7}, {"id": "d2", "score": 6}]},
                {"name": "rerank", "output": [{"id": "d2", "score": 0.9}, {"id": "d1", "score": 0.1}]},
            ]
        ),
        [("bm25", [("d1", 7.0), ("d2", 6.0)]), ("rerank", [("d2", 0.9), ("d1", 0.1)])],
    ),
    "pairs": (
        _rows(top_docs=[["d1", 0.9], ["d2", 0.5]]),
        [("retrieval", [("d1", 0.9), ("d2", 0.5)])],
    ),
    "lists side by side": (
        _rows(doc_ids=IDS, scores=[3.5, 2.5, 1.5]),
        [("retrieval", [("d1", 3.5), ("d2", 2.5), ("d3", 1.5)])],
    ),
    "numbered columns": (
        _rows(doc_1="d1", score_1=0.9, doc_2="d2", score_2=0.5),
        [("retrieval", [("d1", 0.9), ("d2", 0.5)])],
    ),
    "search engine response": (
        _rows(
            response={
                "took": 4,
                "hits": {"hits": [{"_id": "d1", "_score": 9.5, "_source": {"body": "One two."}}]},
            }
        ),
        [("retrieval", [("d1", 9.5)])],
    ),
    "original rank and relevance": (
        _rows(
            documents=[
                {"document_id": "d2", "original_rank": 2, "relevance_score": 0.9, "vector_score": 0.5},
                {"document_id": "d1", "original_rank": 1, "relevance_score": 0.2, "vector_score": 0.8},
            ]
        ),
        [("dense", [("d1", 0.8), ("d2", 0.5)]), ("rerank", [("d2", 0.9), ("d1", 0.2)])],
    ),
    "components and their sum": (
        _rows(
            hits=[
                {"chunkId": "d1", "keyword_score": 1.0, "vector_score": 0.4, "final_score": 0.7},
                {"chunkId": "d2", "keyword_score": 2.0, "vector_score": 0.1, "final_score": 0.6},
            ]
        ),
        [
            ("bm25", [("d2", 2.0), ("d1", 1.0)]),
            ("dense", [("d1", 0.4), ("d2", 0.1)]),
            ("fusion", [("d1", 0.7), ("d2", 0.6)]),
        ],
    ),
    "cosine distance": (
        _rows(matches=[{"id": "d1", "cosine_distance": 0.25}, {"id": "d2", "cosine_distance": 0.5}]),
        [("dense", [("d1", 0.75), ("d2", 0.5)])],
    ),
}


@pytest.mark.parametrize("shape", OTHER_SHAPES)
def test_other_shapes(shape: str, tmp_path: Path) -> None:
    rows, expected = OTHER_SHAPES[shape]
    found, _ = _imported(write_lines(tmp_path / "log.jsonl", rows), tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    assert [(r.stage, pairs(r)) for r in found[0].rankings] == expected


def test_ids_as_keys(tmp_path: Path) -> None:
    rows = [
        {"question": query, "ranking": {f"doc{number + place}": 0.5 - place / 10 for place in range(3)}}
        for number, query in enumerate(QUERIES)
    ]
    found, _ = _imported(write_lines(tmp_path / "log.jsonl", rows), tmp_path)
    assert pairs(found[1].final) == [("doc1", 0.5), ("doc2", 0.4), ("doc3", 0.3)]


def test_records_inside_a_document_and_lists_by_query(tmp_path: Path) -> None:
    wrapped = tmp_path / "eval.json"
    rows = [
        {"question": query, "ground_truth": "g", "contexts": ["one two", "three four"]} for query in QUERIES
    ]
    wrapped.write_text(json.dumps({"config": {"k": 2}, "results": rows}, indent=1), encoding="utf-8")
    found, proposal = _imported(wrapped, tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    assert [found[0].documents[doc_id].text for doc_id, _ in pairs(found[0].final)] == [
        "one two",
        "three four",
    ]
    assert [item.path for item in proposal.unused] == ["ground_truth"]
    keyed = tmp_path / "by_query.json"
    keyed.write_text(json.dumps({query: [{"id": "d1", "score": 2}] for query in QUERIES}), encoding="utf-8")
    found, _ = _imported(keyed, tmp_path)
    assert [trace.query.text for trace in found] == QUERIES


def test_a_stage_column_in_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = ["qid,query,retriever,rank,doc_id,score"]
    for number, query in enumerate(QUERIES):
        for stage, ids in (("bm25", "ab"), ("dense", "bc"), ("rerank", "cab")):
            lines += [f"{number},{query},{stage},{rank},{doc},{9 - rank}" for rank, doc in enumerate(ids, 1)]
    path.write_text("\n".join(lines), encoding="utf-8")
    found, _ = _imported(path, tmp_path)
    assert [ranking.stage for ranking in found[0].rankings] == ["bm25", "dense", "rerank"]
    assert found[2].query.query_id == "2"
    assert pairs(found[2].after) == [("c", 8.0), ("a", 7.0), ("b", 6.0)]


def test_one_line_for_each_step_of_a_request(tmp_path: Path) -> None:
    rows = []
    for number, query in enumerate(QUERIES):
        request = {"request_id": f"r{number}"}
        rows.append({**request, "event": "received", "query": query})
        rows.append(
            {**request, "event": "retrieve", "results": [{"id": "a", "score": 7}, {"id": "b", "score": 6}]}
        )
        rows.append(
            {**request, "event": "rerank", "results": [{"id": "b", "score": 0.9}, {"id": "a", "score": 0.1}]}
        )
    found, proposal = _imported(write_lines(tmp_path / "events.jsonl", rows), tmp_path)
    assert [trace.query.text for trace in found] == QUERIES
    assert [ranking.stage for ranking in found[0].rankings] == ["retrieval", "rerank"]
    assert pairs(found[3].after) == [("b", 0.9), ("a", 0.1)]
    assert "lines with the same request_id are taken as the steps of one trace" in proposal.notes


def test_log_lines_with_a_time_in_front(tmp_path: Path) -> None:
    hits = [{"id": "d1", "similarity": 0.75}, {"id": "d2", "similarity": 0.5}]
    rows = [
        f"2026-02-01 10:00:0{number},250 INFO search " + json.dumps({"query": query, "hits": hits})
        for number, query in enumerate(QUERIES)
    ]
    path = write_lines(tmp_path / "app.log", ["2026-02-01 09:59:59 INFO started", *rows])
    proposal = guess(path)
    found, rejected, _ = read(MappedLog(proposal.mapping), path)
    assert [trace.query.text for trace in found] == QUERIES
    assert found[1].created_at.isoformat() == "2026-02-01T10:00:01.250000+00:00"
    assert [item.line for item in rejected] == [1]


def test_chunk_ids_that_repeat_need_their_document(tmp_path: Path) -> None:
    chunks = [
        {"document_id": d, "chunk_index": c, "score": 3 - n}
        for n, (d, c) in enumerate((("a", 0), ("a", 1), ("b", 0)))
    ]
    found, proposal = _imported(write_lines(tmp_path / "l.jsonl", _rows(chunks=chunks)), tmp_path)
    assert pairs(found[0].final) == [("a#0", 3.0), ("a#1", 2.0), ("b#0", 1.0)]
    assert any("the id is both together" in note for note in proposal.notes)


def test_a_place_in_a_file_is_no_id_on_its_own(tmp_path: Path) -> None:
    hits = [{"file": "a.pdf", "chunk_index": 4, "score": 2.5}, {"file": None, "chunk_index": 0, "score": 1.5}]
    found, _ = _imported(write_lines(tmp_path / "l.jsonl", _rows(hits=hits, refused=False)), tmp_path)
    assert pairs(found[0].final) == [("a.pdf#4", 2.5), ("unidentified:2", 1.5)]
    assert found[0].decision == "answer"


def test_times_without_a_unit_are_not_guessed(tmp_path: Path) -> None:
    rows = _rows(hits=[{"id": "d1", "score": 1.5}], retrieval_time=0.2)
    _, proposal = _imported(write_lines(tmp_path / "l.jsonl", rows), tmp_path)
    assert "retrieval_time is a time without a unit; it is not read" in proposal.notes
    assert [item.path for item in proposal.unused] == ["retrieval_time"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"name": "a", "size": 3}, {"name": "b", "size": 4}],
        [{"question": "what is it?", "relevant_docs": ["d1", "d2"]}] * 3,
        ["not json", "at all"],
        [
            {"message": text, "session_id": f"s{n}", "response": "a long answer of words"}
            for n, text in enumerate("aabb")
        ],
    ],
)
def test_files_without_a_ranking_are_refused(rows: list[Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ranking was found"):
        guess(write_lines(tmp_path / "x.jsonl", rows))
