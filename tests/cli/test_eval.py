"""``rankscope eval`` as a person or a CI job runs it, with the real models on a small collection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.eval_targets import collection_targets
from rankscope.cli.root import cli
from rankscope.config import Settings
from rankscope.engine.sample import sample_corpus_folder
from rankscope.engine.workspace import Workspace
from rankscope.errors import CorpusError, RankScopeError, UsageError

CORPUS = [
    (
        "ibu-child",
        "Ibuprofen for children",
        "Ten milligrams per kilogram of body weight, every six to eight hours.",
        "a",
    ),
    ("ibu-adult", "Ibuprofen for adults", "One tablet of 400 mg up to three times a day, with food.", "a"),
    (
        "apap-child",
        "Paracetamol for children",
        "Fifteen milligrams per kilogram every four to six hours.",
        "a",
    ),
    ("leave-a", "Annual leave", "Up to five days are carried over until the end of March.", "a"),
    ("leave-b", "Annual leave", "No days are carried over; the rest is paid out in December.", "b"),
    ("err-4012", "Error ERR-4012", "The upload was refused because the token has expired.", "b"),
    ("err-4013", "Error ERR-4013", "The upload was refused because the file is too large.", "b"),
    (
        "pump",
        "Replacing the pump seal",
        "Drain the housing, loosen the four bolts and lift the seal out.",
        "b",
    ),
]
QUERIES = [
    {"_id": "q1", "text": "ERR-4013", "stratum": "identifier"},
    {"_id": "q2", "text": "how much ibuprofen may a child take", "stratum": "paraphrase"},
    {"_id": "q3", "text": "carry over leave", "stratum": "short", "filters": {"tenant": "b"}},
    {"_id": "q4", "text": "who founded the city of Prague", "stratum": "no-answer"},
    {"_id": "q5", "text": "never judged"},
]
QRELS = """query-id\tcorpus-id\tscore
q1\terr-4013\t3
q1\terr-4012\t1
q2\tibu-child\t3
q3\tleave-b\t3
q4\tpump\t0
"""


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beir") / "clinic"
    (folder / "qrels").mkdir(parents=True)
    records = [
        {"_id": key, "title": title, "text": text, "metadata": {"tenant": tenant}}
        for key, title, text, tenant in CORPUS
    ]
    for name, rows in (("corpus", records), ("queries", QUERIES)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current folder without a workspace above it."""
    monkeypatch.chdir(tmp_path)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["eval", *map(str, arguments)])


def run_json(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exception is None, result.stderr
    data: dict[str, Any] = json.loads(result.stdout)
    return data


@pytest.fixture(scope="module")
def evaluated(collection: Path, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection evaluated once, every stage, as a file; reranked because K is below the candidates."""
    path = tmp_path_factory.mktemp("out") / "before.json"
    result = run("--collection", collection, "--work", work, "-n", "6", "-k", "2", "--json")
    assert result.exception is None, result.stderr
    path.write_text(result.stdout)
    return path


def test_a_collection_is_measured_at_every_stage(evaluated: Path) -> None:
    data = json.loads(evaluated.read_text())
    (measured,) = data["collections"]
    assert (data["schema"], data["mean"], measured["name"]) == ("rankscope.eval/1", None, "clinic")
    assert measured["stages"] == ["bm25", "dense", "fusion", "rerank"]
    assert measured["problems"] == []
    assert measured["counts"] == {
        "left_out_of_corpus": 0,
        "left_out_by_limit": 0,
        "unjudged": 1,
        "unknown_queries": 0,
        "unknown_relevant": 0,
    }
    overall = measured["overall"]
    assert (overall["answerable"], overall["no_answer"]) == (3, 1)
    assert overall["means"]["fusion"]["recall@6"] == overall["means"]["rerank"]["recall@6"]
    values = {query["id"]: query["values"] for query in measured["queries"]}
    assert values["q1"]["bm25"]["MRR@10"] == 1.0
    assert values["q4"] == {}


def test_filters_of_a_query_are_obeyed(collection: Path, work: Path, tmp_path: Path) -> None:
    run_json("--collection", collection, "--work", work, "--no-rerank", "--runs", tmp_path)
    lines = (tmp_path / "clinic.fusion.run").read_text().splitlines()
    tenants = {key: tenant for key, _, _, tenant in CORPUS}
    found = {line.split()[0]: set() for line in lines}
    for line in lines:
        found[line.split()[0]].add(tenants[line.split()[2]])
    assert found["q3"] == {"b"}
    assert found["q2"] == {"a", "b"}


def test_stdout_holds_the_table_alone(collection: Path, work: Path) -> None:
    result = run("--collection", collection, "--work", work, "--no-rerank", "--by", "stratum")
    assert result.exit_code == 0
    assert result.stdout.startswith("collection")
    assert "· paraphrase" in result.stdout
    assert "4 judged queries" in result.stderr
    assert "queries" in result.stderr
    assert "4 of 4" in result.stderr


def test_an_unchanged_collection_is_not_indexed_again_and_results_can_be_reused(
    collection: Path, work: Path
) -> None:
    run("--collection", collection, "--work", work, "--no-rerank")
    again = run("--collection", collection, "--work", work, "--no-rerank")
    assert "done before" not in again.stderr
    result = run("--collection", collection, "--work", work, "--no-rerank", "--reuse")
    assert "embedding" not in result.stderr
    assert "4 of them were done before" in result.stderr


def test_scores_of_an_earlier_evaluation_are_looked_up(collection: Path, work: Path, evaluated: Path) -> None:
    """Another N is another evaluation, but its pairs were scored before."""
    before = set(work.glob("*/eval/*.jsonl"))
    result = run("--collection", collection, "--work", work, "-n", "5", "-k", "2")
    assert result.exit_code == 0
    (log,) = set(work.glob("*/eval/*.jsonl")) - before
    for line in log.read_text().splitlines():
        reranked = next(item for item in json.loads(line)["rankings"] if item["stage"] == "rerank")
        if reranked["status"] == "ok":
            assert reranked["details"]["reused"] == reranked["details"]["scored"]


def test_several_collections_end_in_a_mean(collection: Path, work: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(collection)
    (tmp_path / "copy").mkdir()
    second = tmp_path / "copy" / "second"
    second.mkdir()
    for name in ("corpus.jsonl", "queries.jsonl", "qrels"):
        (second / name).symlink_to(collection / name)
    result = run(
        "--collection", collection, "--collection", second, "--work", work, "--no-rerank", "--markdown"
    )
    names = [line.split("|")[1].strip() for line in result.stdout.splitlines() if line.startswith("|")]
    assert [name for name in names if name][1:] == [
        *("---", "clinic", "second", "mean of 2"),
        *("collection", "---", "clinic", "second"),
    ]
    with pytest.raises(UsageError, match="two collections are named 'clinic'"):
        fail("--collection", collection, "--collection", other)


def test_the_workspaces_own_queries_come_along_and_are_not_in_the_mean(
    sample_workspace: Workspace, collection: Path, work: Path
) -> None:
    data = run_json(
        *("--own", "--collection", collection, "--work", work, "--no-rerank", "--limit", "3", "--reliability")
    )
    assert [item["name"] for item in data["collections"]] == ["sample_corpus", "clinic"]
    assert data["mean"] is None
    assert data["collections"][0]["reliability"] == {"unknown": "no judged passage was reranked"}


def test_a_reliability_is_drawn_from_the_judged_pairs(collection: Path, work: Path, evaluated: Path) -> None:
    arguments = ("--collection", collection, "--work", work, "-n", "6", "-k", "2", "--reuse", "--reliability")
    (measured,) = run_json(*arguments)["collections"]
    known = measured["reliability"]
    assert known["relevant"] < known["pairs"] <= QRELS.count("\n") - 1
    assert sum(row["count"] for row in known["table"]) == known["pairs"]
    assert 0 < known["error"] < 1


def test_the_gate_passes_an_equal_evaluation_and_fails_a_worse_one(
    collection: Path, work: Path, evaluated: Path, tmp_path: Path
) -> None:
    arguments = ("--collection", collection, "--work", work, "-n", "6", "-k", "2", "--reuse")
    equal = run(*arguments, "--baseline", evaluated, "--max-drop", "0")
    assert equal.exit_code == 0
    assert "+0.000" in equal.stderr
    better = json.loads(evaluated.read_text())
    for query in better["collections"][0]["queries"]:
        if query["answerable"]:
            query["values"]["rerank"]["nDCG@10"] += 0.03
    path = tmp_path / "better.json"
    path.write_text(json.dumps(better))
    worse = run(*arguments, "--baseline", path)
    assert worse.exit_code == 1
    assert "-0.030" in worse.stderr
    assert run(*arguments, "--baseline", path, "--max-drop", "0.04").exit_code == 0


def test_the_sample_corpus_is_the_default_and_given_files_replace_its_judgments(
    sample_workspace: Workspace, tmp_path: Path
) -> None:
    data = run_json("--limit", "2", "-n", "6", "-k", "3")
    (measured,) = data["collections"]
    assert measured["name"] == "sample_corpus"
    assert len(measured["queries"]) == 2
    total = (sample_corpus_folder() / "queries.jsonl").read_bytes().count(b"\n")
    assert measured["counts"]["left_out_by_limit"] == total - 2
    queries, qrels = tmp_path / "topics.tsv", tmp_path / "qrels.txt"
    queries.write_text("51\tcarry over annual leave\n")
    qrels.write_text("51 0 no-such-passage 1\n")
    given = run_json("--queries", queries, "--qrels", qrels, "-n", "6", "--no-rerank")
    assert given["collections"][0]["counts"]["unknown_relevant"] == 1
    assert given["collections"][0]["overall"]["means"]["fusion"]["recall@6"]["value"] == 0.0


def fail(*arguments: str | Path) -> None:
    """Raise what the command raised; the entry point turns it into one line and exit status 2."""
    result = run(*arguments)
    assert isinstance(result.exception, RankScopeError), result.output
    assert result.exception.exit_code == 2
    raise result.exception


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--json", "--markdown"], "--json and --markdown"),
        (["--reuse", "--fresh"], "--reuse and --fresh"),
        (["--max-drop", "0.1"], "needs --baseline"),
        (["--own"], "--own adds the workspace"),
        (["--measure", "ERR@10"], r"Choose of P@10, nDCG@5, nDCG@10, MRR@10, best@1, judged_first"),
        (["--measure", "recall@50"], "--measure is 'recall@50'"),
    ],
)
def test_contradictions_are_refused(arguments: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        fail(*arguments)


def test_queries_and_judgments_go_together(collection: Path) -> None:
    queries, qrels = collection / "queries.jsonl", collection / "qrels" / "test.tsv"
    with pytest.raises(UsageError, match="given together"):
        fail("--queries", queries)
    with pytest.raises(UsageError, match="Leave --queries out"):
        fail("--queries", queries, "--qrels", qrels, "--collection", collection)


def test_a_folder_without_judgments_is_refused_before_any_work(collection: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a BEIR folder with judgments"):
        fail("--collection", collection, "--collection", tmp_path, "--work", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    # When called, not when the first is taken: the workspace's own queries are evaluated ahead of that.
    with pytest.raises(UsageError, match="not a BEIR folder with judgments"):
        collection_targets([collection, tmp_path], Settings())


def test_a_bad_query_line_is_named(collection: Path, work: Path, tmp_path: Path) -> None:
    broken = tmp_path / "clinic"
    (broken / "qrels").mkdir(parents=True)
    (broken / "corpus.jsonl").symlink_to(collection / "corpus.jsonl")
    (broken / "qrels" / "test.tsv").write_text(QRELS)
    (broken / "queries.jsonl").write_text('{"_id": "q1", "text": "t"}\n{"_id": "q2"}\n')
    with pytest.raises(CorpusError, match=r"queries.jsonl:2: 'text' is missing"):
        fail("--collection", broken, "--work", work, "--no-rerank")
