"""``rankscope gate``: sweep over stored traces, set and show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.config import load_settings
from rankscope.errors import SettingsError, UsageError
from rankscope.tracing.store import TraceStore
from tests.insight.test_gate_sweep import traced


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with twenty judged traces: the ten clear ones need no reranker, the others do."""
    (tmp_path / "rankscope.toml").write_text("# mine\n[retrieval]\ncandidates = 12\n")
    with TraceStore(tmp_path / "traces.db") as store:
        for number in range(1, 21):
            clear = number <= 10
            store.append(
                traced(number, 0.5 + number / 64 if clear else number / 64, right_at=1 if clear else 4)
            )
    queries = [{"_id": f"q{number}", "text": f"query {number}"} for number in range(1, 21)]
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(item) + "\n" for item in queries))
    lines = [f"q{number} 0 {number}-{1 if number <= 10 else 4} 1\n" for number in range(1, 21)]
    (tmp_path / "qrels.txt").write_text("".join(lines))
    return tmp_path


def invoke(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--workspace", str(folder), "gate", *arguments])


def sweep(folder: Path, *arguments: str) -> Result:
    files = ("--queries", str(folder / "queries.jsonl"), "--qrels", str(folder / "qrels.txt"))
    return invoke(folder, "sweep", "--traces", *files, *arguments)


def test_a_sweep_finds_the_gate_and_says_how_to_set_it(folder: Path) -> None:
    result = sweep(folder)
    assert result.exit_code == 0, result.output
    assert "20 calls of the reranker; 20 answerable queries" in result.output
    assert "`rankscope gate set 0.5156 --signal fusion` skips 10 of 20 calls for +0.0000." in result.output
    assert load_settings(folder / "rankscope.toml").gate.gap == 0.0


def test_a_sweep_as_json_and_its_best_gate_set(folder: Path) -> None:
    result = sweep(folder, "--json", "--set")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["best"]["skipped"], found["best"]["saved"], found["best"]["sure"]) == (10, 0.5, True)
    settings = load_settings(folder / "rankscope.toml")
    assert (settings.gate.gap, settings.gate.signal) == (found["best"]["gap"], "fusion")
    assert (folder / "rankscope.toml").read_text().startswith("# mine\n[retrieval]\ncandidates = 12\n")


def test_a_sweep_that_finds_none_says_so_and_sets_nothing(folder: Path) -> None:
    result = sweep(folder, "--least-saved", "0.8")
    assert "No gate saves at least 80% of the calls for at most 0.01 nDCG@10." in result.output
    refused = sweep(folder, "--least-saved", "0.8", "--set")
    assert isinstance(refused.exception, UsageError)
    assert load_settings(folder / "rankscope.toml").gate.gap == 0.0


def test_set_and_show(folder: Path) -> None:
    assert "No gate" in invoke(folder, "show").output
    said = invoke(folder, "set", "0.25", "--signal", "dense", "--few", "12", "--follow-up").output
    assert said.strip() == (
        "The reranker is not called where rank 1 of dense leads rank 10 by 0.25 or more, or where there are "
        "no more than 12 candidates, or where another query right before had the same candidates."
    )
    assert invoke(folder, "show").output == said
    assert json.loads(invoke(folder, "show", "--json").output) == {
        "gap": 0.25,
        "signal": "dense",
        "few": 12,
        "follow_up": True,
    }
    assert "No gate" in invoke(folder, "set", "0", "--few", "0", "--no-follow-up").output


def test_a_gate_on_a_list_that_is_not_there_is_refused_before_it_is_written(folder: Path) -> None:
    (folder / "rankscope.toml").write_text("[retrieval]\ndense_weight = 0\n")
    result = invoke(folder, "set", "0.25", "--signal", "dense")
    assert isinstance(result.exception, SettingsError)
    assert "gate.signal is 'dense', but retrieval.dense_weight is 0" in str(result.exception)
    assert "[gate]" not in (folder / "rankscope.toml").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--queries", "Q"),
        ("--pipeline", "x"),
        ("--traces", "--collection", "C"),
        ("--collection", "C", "--set"),
    ],
)
def test_options_that_contradict_one_another(folder: Path, arguments: tuple[str, ...]) -> None:
    places = {"Q": str(folder / "queries.jsonl"), "C": str(folder)}
    result = invoke(folder, "sweep", *(places.get(word, word) for word in arguments))
    assert isinstance(result.exception, UsageError)
