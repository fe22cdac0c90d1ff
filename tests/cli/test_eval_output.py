"""Tables, notes, the baseline gate and TREC runs, from scripted traces."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.cli.eval_baseline import compare, read_baseline
from rankscope.cli.eval_tables import report_lines, signed_interval
from rankscope.cli.trec_runs import write_runs
from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.errors import InputError
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import evaluate, measure_names, measure_run
from rankscope.insight.report import (
    CollectionReport,
    describe_collection,
    mean_of_collections,
    report_to_json,
)
from rankscope.insight.significance import Interval
from tests.insight.scripted_traces import trace

JUDGMENTS = Judgments({**{f"q{place}": {"a": 2, "b": 1} for place in range(8)}, "n": {"a": 0}})


def some_traces(reranked: list[str], count: int = 8) -> list[Trace]:
    orders = {"bm25": ["x", "a"], "dense": ["b", "x"], "fusion": ["x", "b", "a"], "rerank": reranked}
    return [
        *(trace(f"q{place}", orders) for place in range(count)),
        trace("n", {**orders, "rerank": ["x", "b", "a"]}, decision="refuse"),
    ]


def report_of(
    traces: list[Trace], name: str = "c", by_stratum: bool = False, counts: dict[str, int] | None = None
) -> CollectionReport:
    strata = {item.query.query_id or "": "[/b]\x1b[31m" for item in traces}
    evaluation = evaluate(traces, JUDGMENTS, measure_names(50, 10), strata=strata)
    return describe_collection(name, evaluation, traces, by_stratum=by_stratum, counts=counts)


GOOD, BAD = ["a", "b", "x"], ["x", "b", "a"]


def test_the_table_has_a_row_a_stage_and_the_lift_on_the_last() -> None:
    lines = report_lines([report_of(some_traces(GOOD))], None, measure="nDCG@10")
    header, *rows = lines[: lines.index("")]
    assert header.split()[:6] == ["collection", "queries", "stage", "recall@50", "P@10", "nDCG@5"]
    assert [row.split()[0] for row in rows] == ["c", "dense", "fusion", "rerank"]
    assert rows[0].split()[:4] == ["c", "8", "bm25", "0.500"]
    assert rows[3].split()[:4] == ["rerank", "1.000", "0.200", "1.000"]
    before = (1 / 1.5849625 + 2 / 2) / (2 + 1 / 1.5849625)
    assert rows[3].endswith(f"{1 - before:+.3f} [{1 - before:+.3f}, {1 - before:+.3f}]")
    assert not rows[2].endswith("]")


def test_notes_tell_refusals_times_and_what_is_not_covered() -> None:
    counts = {"unjudged": 3, "unknown_relevant": 0, "left_out_by_limit": 1200}
    notes = "\n".join(report_lines([report_of(some_traces(GOOD), counts=counts)], None, measure="nDCG@10"))
    assert "refused, no answer in the corpus (right): 1 of 1, 100%" in notes
    assert "refused, although there is an answer (wrong): 0 of 8, 0%" in notes
    assert "median ms: bm25 1.0  dense 1.0  fusion 1.0  rerank 1.0" in notes
    assert "3 queries have no judgment" in notes
    assert "1,200 judged queries were left out by --limit" in notes
    assert "not in the corpus, so" not in notes


def test_hostile_names_are_shown_safely_and_tables_stay_aligned() -> None:
    report = report_of(some_traces(GOOD), name="wide 日本 \x1b]0;x\x07\u202e|", by_stratum=True)
    text = "\n".join(report_lines([report], None, measure="nDCG@10"))
    assert not any(char in text for char in "\x1b\x07\u202e")
    assert "· [/b]␛[31m" in text
    marked = report_lines([report], None, measure="nDCG@10", markdown=True)
    rows = marked[: marked.index("")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {rows[0].count("|")}


def test_a_difference_that_rounds_to_zero_has_no_minus() -> None:
    assert signed_interval(Interval(-1e-7, -0.0123, 1e-9, 5)) == "+0.000 [-0.012, +0.000]"
    assert signed_interval(Interval(0.25, None, None, 1)) == "+0.250"


def test_several_collections_end_in_their_mean() -> None:
    reports = [report_of(some_traces(GOOD), "one"), report_of(some_traces(BAD, count=4), "two")]
    lines = report_lines(reports, mean_of_collections(reports), measure="MRR@10", markdown=True)
    last = [cell.strip() for cell in lines[lines.index("") - 1].strip("|").split("|")]
    assert last[2:4] == ["rerank", "1.000"]
    assert last[-1].startswith(f"{((1 - 1 / 2) + 0) / 2:+.3f} [")
    assert lines[-1].startswith("- two: ")


def test_a_stratum_without_answers_has_one_row() -> None:
    report = report_of([item for item in some_traces(GOOD) if item.query.query_id == "n"])
    lines = report_lines([report], None, measure="nDCG@10")
    assert lines[1].split() == ["c", "1", "no", "answer"]


def baseline_file(path: Path, reports: list[CollectionReport]) -> Path:
    path.write_text(json.dumps(report_to_json(reports, None, {})))
    return path


def test_an_equal_evaluation_passes_and_a_worse_one_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = read_baseline(baseline_file(tmp_path / "b.json", [report_of(some_traces(GOOD))]))
    assert not compare([report_of(some_traces(GOOD))], baseline, measure="nDCG@10", max_drop=0.0)
    assert "within 0" in capsys.readouterr().err
    assert compare([report_of(some_traces(BAD))], baseline, measure="nDCG@10", max_drop=0.02)
    captured = capsys.readouterr()
    assert "over 8 queries: fell by more than 0.02" in captured.err
    assert captured.out == ""
    assert not compare([report_of(some_traces(BAD))], baseline, measure="nDCG@10", max_drop=0.5)


def test_other_models_and_another_number_format_are_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def report(dtype: str) -> CollectionReport:
        info = PipelineInfo(models={"cross_encoder": ModelInfo("m", "r1", dtype)})
        return replace(report_of(some_traces(GOOD)), pipeline=info)

    baseline = read_baseline(baseline_file(tmp_path / "b.json", [report("float32")]))
    assert not compare([report("bfloat16")], baseline, measure="nDCG@10", max_drop=0.02)
    assert "cross_encoder dtype: float32 in the baseline, bfloat16 now" in capsys.readouterr().err
    assert not compare([report("float32")], baseline, measure="nDCG@10", max_drop=0.02)
    assert "in the baseline, " not in capsys.readouterr().err
    lines = report_lines([report("bfloat16")], None, measure="nDCG@10")
    assert "c: models: m in bfloat16" in lines


def test_what_is_not_compared_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = [report_of(some_traces(GOOD, count=6)), report_of(some_traces(GOOD), "gone")]
    baseline = read_baseline(baseline_file(tmp_path / "b.json", both))
    assert not compare([report_of(some_traces(GOOD))], baseline, measure="nDCG@10", max_drop=0.02)
    said = capsys.readouterr().err
    assert "0 queries of the baseline alone, 2 of this evaluation alone" in said
    assert "not compared: gone" in said


def test_other_collections_and_other_measures_are_refused(tmp_path: Path) -> None:
    baseline = read_baseline(baseline_file(tmp_path / "b.json", [report_of(some_traces(GOOD))]))
    with pytest.raises(InputError, match="no collection 'other', only c"):
        compare([report_of(some_traces(GOOD), "other")], baseline, measure="nDCG@10", max_drop=0.02)
    with pytest.raises(InputError, match="no P@5 for 'c'"):
        compare([report_of(some_traces(GOOD))], baseline, measure="P@5", max_drop=0.02)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"schema": "other"}', '{"schema": "rankscope.eval/1", "collections": [{}]}']
)
def test_a_file_that_is_no_evaluation_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "rankscope eval --json" in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(
        st.sampled_from([0.0, 1 / 61, 1 / 61 + 1e-12, 1e-40, 3.25, -2.0]) | st.floats(-50, 50, width=32),
        min_size=1,
        max_size=12,
    ),
    grades=st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
def test_trec_eval_reads_the_order_and_the_values_of_the_report(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float], grades: list[int]
) -> None:
    hits = rank_by_score((f"d{place:02}", score) for place, score in enumerate(scores))
    ranked = replace(trace("q", {}), rankings=(Ranking("fusion", ScoreScale.RRF, hits),))
    (path,) = write_runs([ranked], tmp_path_factory.mktemp("runs"), "c")
    run = {row.doc_id: row.score for row in ir_measures.read_trec_run(str(path))}
    assert list(run) == [hit.doc_id for hit in hits]
    as_read = np.array(list(run.values()), dtype=np.float32)
    assert (np.diff(as_read) < 0).all()
    qrels = {"q": {f"d{place:02}": grade for place, grade in enumerate(grades)}}
    if any(grades):
        read = ir_measures.calc_aggregate([ir_measures.nDCG @ 5], qrels, {"q": run})
        ours = measure_run({"q": list(run)}, Judgments(qrels), ["nDCG@5"])
        assert read[ir_measures.nDCG @ 5] == pytest.approx(ours["nDCG@5"]["q"])


def test_each_stage_that_ran_has_a_trec_run(tmp_path: Path) -> None:
    traces = [
        trace("q0", {"bm25": ["x", "a"], "rerank": ["a", "x"]}),
        trace("q1", {"bm25": ["x", "a"], "rerank": []}, statuses={"rerank": "skipped:few"}),
    ]
    paths = write_runs(traces, tmp_path / "runs", "c")
    assert [path.name for path in paths] == ["c.bm25.run", "c.rerank.run"]
    assert paths[1].read_text() == "q0 Q0 a 1 0.5 rankscope-rerank\nq0 Q0 x 2 0.49999997 rankscope-rerank\n"
    assert len(paths[0].read_text().splitlines()) == 2 * 2


def test_a_run_without_scores_is_written_by_rank(tmp_path: Path) -> None:
    hits = (Hit("a", 1, None), Hit("b", 3, None))
    bare = replace(trace("q", {}), rankings=(Ranking("import", ScoreScale.UNKNOWN, hits),))
    (path,) = write_runs([bare], tmp_path, "c")
    assert [line.split()[3:5] for line in path.read_text().splitlines()] == [["1", "-1"], ["3", "-3"]]


def test_ids_with_white_space_cannot_stand_in_a_trec_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the document id 'a b' cannot stand in a TREC run"):
        write_runs([trace("q0", {"bm25": ["a b"]})], tmp_path, "c")
