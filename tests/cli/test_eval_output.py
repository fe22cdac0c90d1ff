"""Tables, notes, the baseline gate and TREC runs, from scripted traces."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log2
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
from rankscope.core.trace import Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.errors import InputError
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import evaluate, measure_names, measure_run
from rankscope.insight.reliability import Reliability, reliability
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


def block(lines: list[str], number: int) -> list[str]:
    """One of the blocks that empty lines part."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        else:
            blocks.append([])
    return blocks[number]


def test_the_table_has_a_row_a_stage() -> None:
    header, *rows = block(report_lines([report_of(some_traces(GOOD))], None, measure="nDCG@10"), 0)
    assert header.split()[:6] == ["collection", "queries", "stage", "recall@50", "P@10", "nDCG@5"]
    assert header.split()[-1] == "judged_first"
    assert [row.split()[0] for row in rows] == ["c", "dense", "fusion", "rerank"]
    assert rows[0].split()[:4] == ["c", "8", "bm25", "0.500"]
    assert rows[3].split()[:4] == ["rerank", "1.000", "0.200", "1.000"]


def test_the_lift_is_given_at_5_and_10_and_for_the_chosen_measure() -> None:
    report = report_of(some_traces(GOOD), by_stratum=True)
    lines = report_lines([report], None, measure="MRR@10")
    title, header, row, stratum = block(lines, 1)
    assert title == "lift over the stage before [95%, paired bootstrap]"
    assert header.split() == ["collection", "queries", "nDCG@5", "nDCG@10"]
    before = (1 / log2(3) + 2 / log2(4)) / (2 / log2(2) + 1 / log2(3))
    lift = f"{1 - before:+.3f} [{1 - before:+.3f}, {1 - before:+.3f}]"
    assert row.count(lift) == stratum.count(lift) == 2
    title, header, row, stratum = block(lines, 2)
    assert title.endswith("counts and p (permutation test): MRR@10")
    assert header.split() == ["collection", "queries", "MRR@10", "won", "lost", "tied", "p"]
    assert row.split("  ")[-1].strip() == f"{2 / 2**8:.4f}"
    assert "+0.500 [+0.500, +0.500]" in row
    assert stratum.split()[-6:] == row.split()[-6:]
    (_, header, row, _), shares = (block(report_lines([report], None, measure="nDCG@10"), n) for n in (1, 2))
    assert header.split()[2:] == ["nDCG@5", "nDCG@10", "won", "lost", "tied", "p"]
    assert row.count(lift) == 2
    assert shares[0].startswith("share of queries")


@pytest.mark.parametrize("measure", ["nDCG@5", "MRR@10", "best@1", "judged_first"])
def test_a_long_name_and_another_measure_keep_within_120_columns(measure: str) -> None:
    reports = [
        report_of(some_traces(GOOD), name, by_stratum=True)
        for name in ("a-collection-with-a-long-name", "collection-with-a-longer-name")
    ]
    lines = report_lines(reports, mean_of_collections(reports), measure=measure)
    assert max(map(len, lines)) <= 120


def test_shares_tell_who_came_first_and_what_was_refused_at_which_floor() -> None:
    traces = [replace(item, floor=Floor(0.25, ScoreScale.PROBABILITY)) for item in some_traces(GOOD)]
    title, _, row, _ = block(report_lines([report_of(traces, by_stratum=True)], None, measure="nDCG@10"), 2)
    assert title.endswith("refused at the floor 0.25 on the probability scale (default)")
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "c",
        "0/8 0.0% [0, 32]",
        "8/8 100.0% [68, 100]",
        "1/1 100.0% [21, 100]",
        "0/8 0.0% [0, 32]",
    ]


def test_lists_that_decide_on_nothing_refuse_nothing() -> None:
    traces = [replace(item, decision=None) for item in some_traces(GOOD)]
    title, _, row = block(report_lines([report_of(traces)], None, measure="nDCG@10"), 2)
    assert title.endswith("refused")
    assert row.endswith("8/8 100.0% [68, 100]")


def test_notes_tell_times_and_what_is_not_covered() -> None:
    counts = {"unjudged": 3, "unknown_relevant": 0, "left_out_by_limit": 1200}
    notes = "\n".join(report_lines([report_of(some_traces(GOOD), counts=counts)], None, measure="nDCG@10"))
    assert "median ms: bm25 1.0  dense 1.0  fusion 1.0  rerank 1.0" in notes
    assert "3 queries have no judgment" in notes
    assert "1,200 judged queries were left out by --limit" in notes
    assert "not in the corpus, so" not in notes
    assert "judged_first leaves" not in notes


def unrivalled(*queries: str) -> CollectionReport:
    """A report on the bad order, where only the best documents of these queries were judged."""
    judgments = Judgments({**JUDGMENTS.grades, **{query: {"b": 2} for query in queries}})
    traces = some_traces(BAD)
    return describe_collection("c", evaluate(traces, judgments, measure_names(50, 10)), traces)


def test_where_only_the_best_are_judged_coming_first_says_nothing() -> None:
    lines = report_lines([unrivalled("q0", "q1")], None, measure="judged_first")
    assert "c: judged_first leaves 2 of 8 queries out: no candidate there was judged to be worse" in lines
    assert block(lines, 3)[2].split("  ")[-3].strip() == "0/6 0.0% [0, 39]"
    assert block(lines, 2)[2].split()[1:] == ["6", "+0.000", "[+0.000,", "+0.000]", "0", "0", "6", "1.0000"]


def test_where_nothing_can_be_said_of_a_collection_it_is_not_given_a_share() -> None:
    none = unrivalled(*(f"q{place}" for place in range(8)))
    reports = [unrivalled(), none]
    lines = report_lines(reports, mean_of_collections(reports), measure="nDCG@10")
    ends = [line.split()[-1] for line in block(lines, 0)[1:]]
    assert ends == ["1.000", "0.000", "0.000", "0.000"] + ["n/a"] * 4 + ["n/a"] * 4
    assert block(lines, 2)[3].split()[:3] == ["c", "n/a", "n/a"]
    only = "\n".join(report_lines(reports, mean_of_collections(reports), measure="judged_first"))
    assert "mean of 2" in only


def test_a_gate_passes_over_a_collection_of_which_the_measure_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = unrivalled(*(f"q{place}" for place in range(8)))
    baseline = read_baseline(baseline_file(tmp_path / "b.json", [none]))
    assert not compare([none], baseline, measure="judged_first", max_drop=0.0)
    assert "c: not compared: judged_first says nothing of its queries" in capsys.readouterr().err
    baseline = read_baseline(baseline_file(tmp_path / "c.json", [unrivalled("q0")]))
    assert not compare([unrivalled("q0")], baseline, measure="judged_first", max_drop=0.0)
    assert "over 7 queries: within 0" in capsys.readouterr().err


def test_reliability_is_drawn_and_its_limits_are_said() -> None:
    table = tuple(reliability([0.75] * 4, [True, True, False, False]))
    known = Reliability(pairs=4, relevant=2, reranked=40, said=0.75, error=0.25, table=table)
    report = replace(report_of(some_traces(GOOD)), reliability=known)
    text = "\n".join(report_lines([report], None, measure="nDCG@10"))
    assert "expected calibration error 0.250 over 4 judged pairs, of which 50.0% are relevant" in text
    (share,) = (line for line in text.splitlines() if line.startswith("judged: "))
    assert share == "judged: 4 of 40 reranked passages (10%); of the others it says nothing"
    # What the judged ones are was not measured.
    assert "mostly" not in text
    assert "██████████·····|····" in text
    marked = report_lines([report], None, measure="nDCG@10", markdown=True)
    assert marked[-1] == "```"
    none = replace(report, reliability="no judged passage was reranked")
    assert "c: no reliability: no judged passage was reranked" in report_lines(
        [none], None, measure="nDCG@10"
    )
    data = json.loads(json.dumps(report_to_json([report, none], None, {})))
    assert data["collections"][0]["reliability"]["table"][0]["count"] == 4
    assert data["collections"][1]["reliability"] == {"unknown": "no judged passage was reranked"}


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
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    means = [row for row in rows if row[0] == "mean of 2"]
    assert means[0][2] == "bm25"
    assert means[2][2].startswith(f"{((1 - 1 / 2) + 0) / 2:+.3f} [")
    assert len(means) == 3
    assert lines[-1].startswith("- two: ")


def test_a_stratum_without_answers_has_one_row() -> None:
    report = report_of([item for item in some_traces(GOOD) if item.query.query_id == "n"])
    lines = report_lines([report], None, measure="nDCG@10")
    assert lines[1].split() == ["c", "1", "no", "answer"]
    assert "lift" not in "\n".join(lines)


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
