"""``rankscope eval`` and ``verdict`` on traces that exist: TREC runs and stored traces, without a model."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.engine.workspace import Workspace
from rankscope.errors import UsageError
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.tracing.store import TraceStore
from tests.insight.verdict.systems import misordered

DOCS = [f"d{number}" for number in range(30)]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace as the current folder."""
    (tmp_path / "rankscope.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def run_json(*arguments: str, status: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == status, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def write_runs(folder: Path, queries: int = 25) -> None:
    """Judgments of four grades, a fused run, and the same candidates in another order."""
    draw = random.Random(3)
    lines: dict[str, list[str]] = {"qrels.txt": [], "fusion.run": [], "rerank.run": []}
    for number in range(queries):
        order = draw.sample(DOCS, 20)
        for doc_id in draw.sample(DOCS, 12):
            lines["qrels.txt"].append(f"q{number} 0 {doc_id} {draw.choice((0, 0, 1, 2, 3))}")
        for name in ("fusion.run", "rerank.run"):
            for rank, doc_id in enumerate(order, start=1):
                lines[name].append(f"q{number} Q0 {doc_id} {rank} {1 / rank:.6f} tag")
            order = draw.sample(order, 20)
    for name, content in lines.items():
        (folder / name).write_text("\n".join(content) + "\n")


RUNS = ("--as", "fusion=fusion.run", "--as", "rerank=rerank.run", "--qrels", "qrels.txt")


def test_measures_of_trec_runs_equal_ir_measures_on_the_files(workspace: Path) -> None:
    write_runs(workspace)
    (measured,) = run_json("eval", *RUNS, "-n", "20")["collections"]
    qrels = list(ir_measures.read_trec_qrels("qrels.txt"))
    relevant = {item.query_id for item in qrels if item.relevance > 0}
    qrels = [item for item in qrels if item.query_id in relevant]
    names = {
        "nDCG@10": ir_measures.nDCG @ 10,
        "nDCG@5": ir_measures.nDCG @ 5,
        "MRR@10": ir_measures.RR @ 10,
        "P@10": ir_measures.P @ 10,
        "recall@20": ir_measures.R @ 20,
        "judged@10": ir_measures.Judged @ 10,
    }
    for stage in ("fusion", "rerank"):
        direct = ir_measures.calc_aggregate(names.values(), qrels, ir_measures.read_trec_run(f"{stage}.run"))
        for name, measure in names.items():
            assert measured["overall"]["means"][stage][name]["value"] == pytest.approx(direct[measure]), name


def test_a_reranker_that_loses_documents_is_an_error(workspace: Path) -> None:
    write_runs(workspace)
    lines = Path("rerank.run").read_text().splitlines()
    Path("rerank.run").write_text("\n".join(lines[:-1]) + "\n")
    result = run("eval", *RUNS)
    assert result.exit_code == 1
    assert "reranking must not change recall, but of 20 candidates 1 is missing" in result.stderr


def _forty_misordered(workspace: Path) -> JudgmentLog:
    """Forty stored traces whose first stage misorders, and the log that judges them."""
    path = Workspace(workspace).traces_path
    with TraceStore(path) as store:
        for trace in misordered(40, random.Random(5)):
            store.append(trace)
    return JudgmentLog(path)


def test_stored_traces_are_measured_with_stored_judgments(workspace: Path) -> None:
    log = _forty_misordered(workspace)
    for number in range(40):
        log.append(f"q{number}", "rel", 1, "anna")
    (measured,) = run_json("eval", "--traces")["collections"]
    assert len(measured["queries"]) == 40
    lift = measured["overall"]["lifts"]["nDCG@10"]["interval"]["value"]
    verdict = run_json("verdict", "--traces")
    assert (verdict["schema"], verdict["kind"]) == ("rankscope.verdict/1", "rerank")
    row = next(item for item in verdict["evidence"]["measures"] if item["name"] == "nDCG@10")
    assert row["lift"]["value"] == pytest.approx(lift)
    text = run("verdict", "--traces", "--price", "2").stdout
    assert text.startswith("Rerank: it gains +0.")
    for title in (
        "Before and after",
        "Depth",
        "Latency, ms",
        "What the reranker may be hiding",
        "a month",
        "* not timed",
    ):
        assert title in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["eval", "--traces", "--from", "fusion.run"], "takes the stored traces"),
        (["eval", "--pipeline", "x"], "chooses among traces"),
        (["eval", "--as", "fusion", "--qrels", "qrels.txt"], "is not STAGE=FILE"),
        (["eval", "--as", "fusion=none.run", "--qrels", "qrels.txt"], "none.run is no file"),
        (["eval", "--traces"], "there are no judgments"),
        (["verdict", "--traces", "--depth", "200"], "as deep as they are"),
    ],
)
def test_contradictions_and_missing_things_are_named(
    workspace: Path, arguments: list[str], complaint: str
) -> None:
    write_runs(workspace)
    result = run(*arguments)
    assert isinstance(result.exception, UsageError), result.output
    assert complaint in str(result.exception)


def shuffled(lines: list[str], seed: int) -> list[str]:
    """The run with the candidates of each query in an order of chance: a broken reranker."""
    draw = random.Random(seed)
    made = []
    for start in range(0, len(lines), 20):
        names = [line.split()[2] for line in lines[start : start + 20]]
        for line, name in zip(lines[start : start + 20], draw.sample(names, 20), strict=True):
            words = line.split()
            made.append(" ".join([*words[:2], name, *words[3:]]))
    return made


def test_the_gate_fails_a_broken_reranker_and_passes_an_equal_one_20_of_20_times(workspace: Path) -> None:
    write_runs(workspace, queries=30)
    good = Path("rerank.run").read_text().splitlines()
    grades = {
        tuple(line.split()[::2][:2]): int(line.split()[3])
        for line in Path("qrels.txt").read_text().splitlines()
    }
    ordered = []
    for start in range(0, len(good), 20):
        chunk = good[start : start + 20]
        best = sorted(
            (line.split()[2] for line in chunk), key=lambda d: -grades.get((chunk[0].split()[0], d), 0)
        )
        ordered += [
            " ".join([*line.split()[:2], name, *line.split()[3:]])
            for line, name in zip(chunk, best, strict=True)
        ]
    Path("rerank.run").write_text("\n".join(ordered) + "\n")
    result = run("eval", *RUNS, "--json")
    Path("baseline.json").write_text(result.stdout)
    gate = ("--baseline", "baseline.json", "--max-drop", "0.02")
    outcomes = []
    for seed in range(20):
        Path("rerank.run").write_text("\n".join(shuffled(ordered, seed)) + "\n")
        broken = run("eval", *RUNS, *gate)
        Path("rerank.run").write_text("\n".join(ordered) + "\n")
        equal = run("eval", *RUNS, *gate)
        outcomes.append((broken.exit_code, equal.exit_code))
    assert outcomes == [(1, 0)] * 20


def test_documents_on_the_border_are_not_relevant_in_eval_and_verdict(workspace: Path) -> None:
    log = _forty_misordered(workspace)
    log.append("q0", "rel", 1, "anna", borderline=True)
    Path("qrels.txt").write_text("".join(f"q{number} 0 rel 1\n" for number in range(1, 40)))
    given = ("--traces", "--qrels", "qrels.txt")
    measured = run_json("eval", *given)
    assert measured["options"]["relevant_from"] == 2
    verdict = run_json("verdict", *given)
    assert (verdict["evidence"]["queries"], verdict["evidence"]["no_answer"]) == (39, 1)
    lenient = run_json("verdict", *given, "--relevant-from", "1")
    assert (lenient["evidence"]["queries"], lenient["evidence"]["no_answer"]) == (40, 0)
    assert "grade 1 of the file counts as 2" in run("eval", *given).stderr
    assert "grade 1 of the file counts as 2" in run("verdict", *given).stderr
