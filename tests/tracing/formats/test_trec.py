"""TREC runs: ranks from 0 or 1, tabs or spaces, gz; order by rank."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.tracing.formats.trec import TrecRun, parse_line
from tests.tracing.formats.reading import FIXTURES, pairs, read, traces


def test_ranks_from_zero_become_ranks_from_one() -> None:
    first, second = traces(TrecRun(), FIXTURES / "run_from_0.trec", stage="bm25")
    assert first.query.query_id == "q1"
    assert [(hit.doc_id, hit.rank) for hit in first.rankings[0].hits] == [("a", 1), ("b", 2), ("c", 3)]
    assert pairs(second.ranking("bm25")) == [("d", 4.0), ("e", 3.5)]
    assert first.rankings[0].score_scale is ScoreScale.UNKNOWN


def test_tabs_and_gzip(tmp_path: Path) -> None:
    packed = tmp_path / "run.gz"
    packed.write_bytes(gzip.compress((FIXTURES / "run_from_1.trec").read_bytes()))
    found = traces(TrecRun(), packed, scales={"retrieval": ScoreScale.PROBABILITY})
    assert [(hit.doc_id, hit.rank) for hit in found[0].rankings[0].hits] == [("b", 1), ("a", 2)]
    assert found[0].rankings[0].score_scale is ScoreScale.PROBABILITY


def test_gaps_in_the_ranks_stay_and_ties_are_renumbered(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 b 9 1.0 t\nq Q0 a 4 2.0 t\nr Q0 a 1 2 t\nr Q0 b 1 3 t\n", encoding="utf-8")
    gap, tie = traces(TrecRun(), path)
    assert [(hit.doc_id, hit.rank) for hit in gap.rankings[0].hits] == [("a", 4), ("b", 9)]
    assert [(hit.doc_id, hit.rank) for hit in tie.rankings[0].hits] == [("a", 1), ("b", 2)]
    assert tie.attributes["import"]["repeated_ranks"] == {"retrieval": 1}
    assert "1 hit stands below a lower score; the ranks were kept" in tie.attributes["import"]["notes"]


def test_what_is_not_a_run_line_is_rejected_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_bytes(b"q Q0 a 1 2.0 t\nq Q0 b two 1.0 t\nq Q0 c 3 nan t\nq Q0\n\nq Q0 d\xff 4 1 t\n")
    found, rejected, ignored = read(TrecRun(), path)
    assert len(found) == 1
    assert [item.line for item in rejected] == [2, 3, 4, 6]
    assert [item.reason.split(",")[0] for item in rejected] == [
        "rank is 'two'",
        "score is 'nan'",
        "2 fields",
        "not valid UTF-8",
    ]
    assert [item.line for item in ignored] == [5]


def test_a_line_without_a_tag_is_read() -> None:
    assert parse_line("q Q0 d 1 0.5").tag == ""
    with pytest.raises(ValueError, match="document id is empty"):
        parse_line("q\tQ0\t \t1\t0.5\tt")
