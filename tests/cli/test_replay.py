"""``rankscope replay`` with the bundled reranker: counts, flips and their reasons, twice is once."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.errors import InputError, UsageError
from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace
from tests.tracing.strategies import HOSTILE

TEXTS = (
    "A new kettle costs 30 euros.",
    "Ibuprofen for children is given by weight, 10 mg for each kilogram.",
    "Unused leave is carried over until March.",
)


def asked(number: int, query: str, **changes: object) -> Trace:
    """A trace whose reranker did nothing: it gave the first-stage order back."""
    hits = tuple(Hit(f"d{place}", place + 1, 0.9 - place / 10) for place in range(3))
    trace = replace(
        make_trace(number),
        query=Query(query),
        rankings=(
            Ranking("dense", ScoreScale.COSINE, hits, ms=3.0),
            Ranking("rerank", ScoreScale.PROBABILITY, hits, ms=50.0),
        ),
        documents={f"d{place}": Document(f"d{place}", text) for place, text in enumerate(TEXTS)},
    )
    return replace(trace, **changes)  # type: ignore[arg-type]  # fields by name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with traces and no index."""
    (tmp_path / "rankscope.toml").write_text("[models]\nprecision = 'fp32'\ndevice = 'cpu'\n")
    with TraceStore(tmp_path / "traces.db") as store:
        store.append(asked(1, "ibuprofen dosage for children"))
        store.append(asked(2, f"who won the race {''.join(HOSTILE)}"))
        store.append(asked(3, "carry over leave", documents={"d2": Document("d2", TEXTS[2])}))
        store.append(asked(4, "nothing saved", documents={}))
    return tmp_path


def run(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(cli, ["--workspace", str(folder), *map(str, arguments)])


def test_replay_then_again_then_the_difference(folder: Path) -> None:
    done = run(folder, "replay", "--all")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith(
        "3 traces replayed (rerank-only, 7 pairs), 0 replayed before, 1 not replayable"
    )
    assert "  trace-000004: none of the candidates has a text" in lines
    assert "  trace-000003: 1 of 3 candidates scored; 2 without text" in lines
    assert any("1 decision flipped" in line for line in lines)
    assert "answer → refuse  who won the race" in done.stdout
    shown = set(done.stdout) - {"\n", "\u200d"}  # a joiner inside an emoji is shown as it is
    assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in shown)

    again = json.loads(run(folder, "replay", "--all", "--json").stdout)
    assert (again["replayed"], again["known"], again["pairs"]) == (0, 3, 0)
    by_parent = {item["parent_id"]: item for item in again["traces"]}
    assert by_parent["trace-000001"]["top_changed"] is True
    assert by_parent["trace-000003"]["coverage"]["without_text"] == ["d0", "d1"]
    assert by_parent["trace-000002"]["flip"]["cause"] == "unknown"  # the saved trace names no model

    group = json.loads(run(folder, "diff", "parents", f"job:{again['job'][:12]}", "--json").stdout)
    assert (group["pairs"], group["causes"]) == (3, {"unknown": 1})
    table = run(folder, "diff", "parents", "origin:replay")
    assert table.exit_code == 0, table.output
    assert "3 pairs" in table.stdout

    alone = run(folder, "diff", by_parent["trace-000001"]["id"])
    assert alone.exit_code == 0, alone.output
    assert "replay    rerank-only: 3 of 3 candidates scored" in alone.stdout
    assert "scores    not compared: a reranker is not recorded" in alone.stdout
    assert any(line.split()[:4] == ["2", "1", "▲", "1"] for line in alone.stdout.splitlines())

    floored = json.loads(run(folder, "replay", "trace-000001", "--floor", "0.999", "--json").stdout)
    assert floored["replayed"] == 1
    one, other = by_parent["trace-000001"]["id"], floored["traces"][0]["id"]
    flip = json.loads(run(folder, "diff", one, other, "--json").stdout)["flip"]
    assert (flip["before"], flip["after"], flip["cause"]) == ("answer", "refuse", "floor")


def test_nothing_or_everything_is_named(folder: Path) -> None:
    for arguments in ([], ["trace-000001", "--all"]):
        assert isinstance(run(folder, "replay", *arguments).exception, UsageError)
    assert isinstance(run(folder, "replay", "trace-000001", "nowhere:1 x").exception, InputError)


def test_only_unusable_traces_is_a_failure(folder: Path) -> None:
    done = run(folder, "replay", "trace-000004")
    assert done.exit_code == 2
    assert "0 traces replayed" in done.stdout


def test_without_an_index_a_full_replay_says_how_to_get_one(folder: Path) -> None:
    error = run(folder, "replay", "--all", "--full").exception
    assert "rankscope index" in str(error)
