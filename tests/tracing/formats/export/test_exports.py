"""Traces written for other programs: equal metrics, equal orders, nothing invented."""

from __future__ import annotations

import csv
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.errors import InputError, UsageError
from rankscope.tracing.formats.export.moves import COLUMNS, write_moves
from rankscope.tracing.formats.export.openinference import write_openinference
from rankscope.tracing.formats.export.parquet import write_parquet
from rankscope.tracing.formats.export.registry import EXPORTS, export_traces
from rankscope.tracing.formats.export.trec import falling_scores, write_trec
from rankscope.tracing.formats.openinference import OpenInference
from rankscope.tracing.formats.trec import TrecRun
from tests.tracing.formats.reading import pairs, traces
from tests.tracing.make import make_trace


def _ranking(*hits: tuple[str, float | None], stage: str = "rerank") -> Ranking:
    rows = tuple(Hit(doc_id, rank, score) for rank, (doc_id, score) in enumerate(hits, start=1))
    return Ranking(stage, ScoreScale.UNKNOWN, rows)


def _trace(number: int, *rankings: Ranking) -> Trace:
    return replace(make_trace(number), rankings=rankings, query=Query(f"q {number}", query_id=f"q{number}"))


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    original = _trace(1, _ranking(("b", 2.5), ("a", 1.25)))
    assert write_trec([original], tmp_path / "r.trec") == 1
    assert (tmp_path / "r.trec").read_text() == "q1 Q0 b 1 2.5 rerank\nq1 Q0 a 2 1.25 rerank\n"
    (back,) = traces(TrecRun(), tmp_path / "r.trec", stage="rerank")
    assert pairs(back.after) == pairs(original.after)


def test_ir_measures_scores_the_run_as_the_trace(tmp_path: Path) -> None:
    import ir_measures
    from ir_measures import AP, RR, Qrel, ScoredDoc, nDCG

    chance = random.Random(5)
    made, qrels, expected = [], [], []
    for number in range(30):
        ids = [f"d{place}" for place in range(20)]
        chance.shuffle(ids)
        # Ties, missing scores, and an order against the scores.
        scores = [chance.choice((None, 0.5, 0.25, round(chance.random(), 1))) for _ in ids]
        made.append(_trace(number, _ranking(*zip(ids, scores, strict=True))))
        qrels += [Qrel(f"q{number}", doc_id, 1) for doc_id in chance.sample(ids, 3)]
        expected += [ScoredDoc(f"q{number}", doc_id, float(-place)) for place, doc_id in enumerate(ids)]
    write_trec(made, tmp_path / "r.trec")
    measures = [nDCG @ 10, AP, RR @ 10]
    run = list(ir_measures.read_trec_run(str(tmp_path / "r.trec")))
    assert ir_measures.calc_aggregate(measures, qrels, run) == ir_measures.calc_aggregate(
        measures, qrels, expected
    )


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=30))
def test_written_scores_always_fall(scores: list[float | None]) -> None:
    falling = falling_scores([Hit(str(place), place + 1, score) for place, score in enumerate(scores)])
    assert all(a > b or b == float("-inf") or a < -3.4e38 for a, b in pairwise(falling))
    if scores and scores[0] is not None:
        assert falling[0] == scores[0]


def test_falling_scores_are_left_alone() -> None:
    assert falling_scores([Hit("a", 1, 0.9), Hit("b", 2, 0.1)]) == [0.9, 0.1]


def test_what_a_run_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="document id 'a b'"):
        write_trec([_trace(1, _ranking(("a b", 1.0)))], tmp_path / "r")
    with pytest.raises(InputError, match="two traces have the query id 'q1'"):
        write_trec([_trace(1, _ranking(("a", 1.0)))] * 2, tmp_path / "r")
    # A repeated id is written once; a stage that a trace lacks is passed over.
    twice = _trace(1, _ranking(("a", 2.0), ("a", 1.0)))
    assert write_trec([twice, _trace(2)], tmp_path / "r", stage="rerank") == 1
    assert (tmp_path / "r").read_text() == "q1 Q0 a 1 2.0 rerank\n"


def test_openinference_comes_back_with_stages_scales_and_times(tmp_path: Path) -> None:
    failed = Ranking("rerank", ScoreScale.LOGIT, (), ms=3.25, status="failed:503")
    originals = [
        make_trace(1),
        make_trace(2, candidates=6),
        _trace(3, _ranking(("a", None), stage="own name"), failed),
    ]
    assert write_openinference(originals, tmp_path / "s.jsonl") == 3
    for original, back in zip(originals, traces(OpenInference(), tmp_path / "s.jsonl"), strict=True):
        assert back.query == original.query
        assert [(r.stage, r.score_scale, r.ms, r.status, pairs(r)) for r in back.rankings] == [
            (r.stage, r.score_scale, r.ms, r.status, pairs(r)) for r in original.rankings
        ]
        shown = {doc_id for ranking in original.rankings for doc_id in ranking.doc_ids}
        assert back.documents == {k: d for k, d in original.documents.items() if k in shown}
        assert back.created_at == original.created_at


def test_parquet_has_a_row_for_each_hit(tmp_path: Path) -> None:
    from pyarrow import parquet

    original = make_trace(1)
    empty = _trace(2, Ranking("bm25", ScoreScale.BM25, (), status="failed:down"))
    assert write_parquet([original, empty], tmp_path / "t.parquet") == 2
    rows = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert len(rows) == sum(len(ranking.hits) for ranking in original.rankings) + 1
    first = original.rankings[0].hits[0]
    assert (rows[0]["stage"], rows[0]["doc_id"], rows[0]["score"]) == ("fusion", first.doc_id, first.score)
    assert rows[0]["created_at"] == original.created_at
    assert (rows[-1]["status"], rows[-1]["doc_id"]) == ("failed:down", None)


def test_moves_say_where_each_document_stood(tmp_path: Path) -> None:
    trace = _trace(1, _ranking(("a", 3.0), ("b", 2.0), stage="fusion"), _ranking(("b", 0.9)))
    assert write_moves([trace], tmp_path / "m.csv") == 1
    header, *rows = csv.reader((tmp_path / "m.csv").read_text(encoding="utf-8").splitlines())
    assert tuple(header) == COLUMNS
    table = {row[header.index("doc_id")]: dict(zip(header, row, strict=True)) for row in rows}
    assert (table["b"]["before_rank"], table["b"]["after_rank"], table["b"]["moved"]) == ("2", "1", "1")
    assert (table["a"]["before_rank"], table["a"]["after_rank"], table["a"]["moved"]) == ("1", "", "")


@pytest.mark.parametrize("name", EXPORTS)
def test_hostile_text_can_be_exported(name: str, tmp_path: Path) -> None:
    original = make_trace(1)
    hostile = "\ud800\x00\u202e[/b]\x1b[31m"
    documents = {key: replace(document, text=hostile) for key, document in original.documents.items()}
    trace = replace(original, query=Query(hostile, query_id="q"), documents=documents)
    assert export_traces([trace], tmp_path / "out", name) == 1


def test_a_stage_is_for_runs_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="means nothing for parquet"):
        export_traces([], tmp_path / "x", "parquet", stage="rerank")
    with pytest.raises(UsageError, match="no format is called"):
        export_traces([], tmp_path / "x", "xml")
