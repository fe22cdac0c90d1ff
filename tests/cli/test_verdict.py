"""``rankscope verdict`` by running queries: timed at every depth, resumed, and cut back to N."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.errors import UsageError
from tests.cli.test_eval import CORPUS, QRELS, QUERIES


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beir") / "ward"
    (folder / "qrels").mkdir(parents=True)
    records = [
        {"_id": key, "title": title, "text": text, "metadata": {"tenant": tenant}}
        for key, title, text, tenant in CORPUS
    ]
    for name, rows in (("corpus", records), ("queries", QUERIES)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace whose settings rerank few candidates."""
    (tmp_path / "rankscope.toml").write_text("[floor]\ntop_k = 1\n[retrieval]\ncandidates = 3\n")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["verdict", *map(str, arguments)])


def test_latency_and_gain_by_depth_are_measured_in_one_pass(collection: Path) -> None:
    result = run("--collection", collection, "--depth", "6", "--price", "2", "--searches", "1000", "--json")
    assert result.exit_code == 0, result.stderr
    data: dict[str, Any] = json.loads(result.stdout)
    assert (data["kind"], data["name"]) == ("label", "ward")
    assert data["more_queries"] >= 17  # three of the twenty are there
    evidence = data["evidence"]
    assert (evidence["queries"], evidence["no_answer"]) == (3, 1)
    # The verdict is about N = 3, its curve goes down to 6.
    assert [point["n"] for point in evidence["recall"]] == [1, 3]
    (deepest,) = [point for point in evidence["depth"]["points"] if point["n"] == 6]
    assert deepest["measured"]
    assert deepest["ms"] > 0
    assert deepest["monthly_cost"] == pytest.approx(2.0)
    states = {item["code"]: item["state"] for item in evidence["diagnoses"]}
    assert states["window-exceeded"] == "fine"
    assert states["dense-below-bm25"] == "unknown"
    again = run("--collection", collection, "--depth", "6", "--reuse")
    assert "4 of them were done before" in again.stderr
    assert again.stdout.startswith("Not enough judgments: label about ")
    assert again.stdout.split("\n")[1] == "from 4 judged queries run now through today's pipeline"


def test_contradictions_are_refused(collection: Path) -> None:
    for arguments in (["--pipeline", "x"], ["--queries", str(collection / "queries.jsonl")]):
        assert isinstance(run(*arguments).exception, UsageError)
    assert isinstance(run("--collection", collection, "--traces").exception, UsageError)
