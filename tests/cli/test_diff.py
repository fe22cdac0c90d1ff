"""``rankscope diff``: how the two sides are named, and what is printed where."""

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
from rankscope.core.trace import Hit, PipelineInfo, Ranking
from rankscope.errors import InputError, RankScopeError, UsageError
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace
from tests.tracing.strategies import HOSTILE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten live traces, and for each a replay that was reranked otherwise."""
    (tmp_path / "rankscope.toml").touch()
    with TraceStore(tmp_path / "traces.db") as store:
        for number in range(10):
            parent = make_trace(number, candidates=12)
            store.append(parent)
            other = make_trace(number + 100, candidates=12)
            store.append(
                replace(
                    other,
                    origin="replay",
                    parent_id=parent.trace_id,
                    query=parent.query,
                    trace_id=f"re-{number}",
                )
            )
    return tmp_path


def run(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(cli, ["--workspace", str(folder), "diff", *map(str, arguments)])


def error_of(result: Result) -> str:
    assert isinstance(result.exception, RankScopeError)
    assert result.exception.exit_code == 2
    return str(result.exception)


def test_two_traces_stage_by_stage_and_document_by_document(folder: Path) -> None:
    done = run(folder, "trace-000003", "re-3")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:3] == ["query     query number 3", "A         trace-000003  live", "B         re-3  replay"]
    assert any(line.startswith("fusion") and line.endswith("same") for line in lines)
    assert any(line.startswith("rerank") and line.endswith("differs") for line in lines)
    assert "diverges  first at rerank" in lines
    assert "decision  answer" in lines


def test_one_trace_alone_is_set_beside_its_parent(folder: Path) -> None:
    assert run(folder, "re-3").stdout == run(folder, "trace-000003", "re-3").stdout
    assert "no replay of a stored trace" in error_of(run(folder, "trace-000003"))


def test_groups_by_filter_by_parents_and_from_files(folder: Path) -> None:
    live = json.loads(run(folder, "origin:live", "origin:replay", "--json").stdout)
    parents = json.loads(run(folder, "parents", "origin:replay", "--json").stdout)
    assert live["pairs"] == parents["pairs"] == 10
    assert live["traces"] == parents["traces"]
    assert live["divergence"] == {"rerank": 10}
    assert live["distributions"]["overlap"]["count"] == 10
    assert len(live["worst"]) == 10
    one, two = folder / "a.jsonl", folder / "b.jsonl"
    with TraceStore(folder / "traces.db") as store:
        for path, origin in ((one, "live"), (two, "replay")):
            traces = [trace for trace in store.iter_traces() if trace.origin == origin]
            path.write_text("".join(dumps(trace) + "\n" for trace in traces))
    files = json.loads(run(folder, one, two, "--json").stdout)
    assert {pair["rbo"] for pair in files["traces"]} == {pair["rbo"] for pair in live["traces"]}


def test_measures_with_judgments(folder: Path) -> None:
    qrels = folder / "qrels.tsv"
    queries = folder / "queries.tsv"
    rows = [f"q{number}\tdoc-1\t1" for number in range(10)]
    qrels.write_text("query-id\tcorpus-id\tscore\n" + "\n".join(rows) + "\n")
    queries.write_text("".join(f"q{number}\tquery number {number}\n" for number in range(10)))
    sides = ("parents", "origin:replay", "--qrels", qrels, "--queries", queries)
    done = json.loads(run(folder, *sides, "--measure", "AP", "--json").stdout)
    (measured,) = done["measures"]
    assert (measured["name"], done["judged"]) == ("AP", 10)
    difference = measured["difference"]
    assert difference["value"] == pytest.approx(measured["after"] - measured["before"])
    assert difference["low"] <= difference["value"] <= difference["high"]
    table = run(folder, *sides)
    assert table.exit_code == 0, table.output
    assert "10 judged pairs, resampled as pairs" in table.stdout
    assert "unknown measure" in error_of(run(folder, *sides, "--measure", "foo"))


def test_what_names_nothing_is_said(folder: Path) -> None:
    assert "names no trace" in error_of(run(folder, "origin:live", "origin:recorder"))
    assert "no replay starts with 'abc'" in error_of(run(folder, "parents", "job:abc"))
    assert "several traces" in error_of(run(folder, "trace-00000", "re-3"))
    assert "no measures" not in run(folder, "re-3").output
    assert "no judgments" in error_of(run(folder, "parents", "origin:replay", "--measure", "AP"))
    assert isinstance(run(folder, "re-3", "parents").exception, UsageError)
    assert isinstance(run(folder, folder / "nowhere.jsonl", "re-3").exception, InputError)


def test_groups_that_share_nothing_are_no_comparison(folder: Path) -> None:
    with TraceStore(folder / "traces.db") as store:
        store.append(replace(make_trace(50), query=Query("another"), origin="recorder"))
    assert "belong together" in error_of(run(folder, "origin:live", "origin:recorder"))


def test_hostile_text_stays_off_the_terminal(folder: Path) -> None:
    text = "".join(HOSTILE)
    hits = (Hit(f"{text}1", 1, 0.9), Hit(f"{text}2", 2, 0.2))
    with TraceStore(folder / "traces.db") as store:
        for number, decision in ((60, "answer"), (61, "refuse")):
            ranking = Ranking(text, ScoreScale.UNKNOWN, hits[: 62 - number], status="ok")
            trace = make_trace(
                number,
                trace_id=f"bad-{number}",
                origin=f"bad-{number}",
                query=Query(text),
                rankings=(ranking,),
                decision=decision,
                pipeline=PipelineInfo(corpus=f"{text}{number}"),
                documents={hits[0].doc_id: Document(hits[0].doc_id, text)},
            )
            store.append(trace)
    for sides in (("bad-60", "bad-61"), ("origin:bad-60", "origin:bad-61")):
        done = run(folder, *sides)
        assert done.exit_code == 0, done.output
        shown = set(done.output) - {"\n", "\u200d"}  # a joiner inside an emoji is shown as it is
        assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in shown)
