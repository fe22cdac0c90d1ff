"""``rankscope query`` on the sample corpus with the real models."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

import rankscope.tracing.formats
from rankscope.cli.root import cli
from rankscope.engine.workspace import Workspace
from rankscope.errors import UsageError
from rankscope.tracing.store import TraceStore

CHILDREN = {"ibu-child-01", "ibu-child-02"}
SCHEMA = Path(rankscope.tracing.formats.__path__[0]) / "trace.schema.json"


@pytest.fixture(scope="module")
def printed(sample_workspace: Workspace) -> dict[str, object]:
    """The JSON that one query prints."""
    result = CliRunner().invoke(cli, ["query", "ibuprofen dosage for children", "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, object] = json.loads(result.stdout)
    return document


def test_the_printed_trace_follows_the_contract(printed: dict[str, object]) -> None:
    jsonschema.validate(printed, json.loads(SCHEMA.read_text(encoding="utf-8")))
    rankings = printed["rankings"]
    assert isinstance(rankings, list)
    assert [ranking["stage"] for ranking in rankings] == ["bm25", "dense", "fusion", "rerank"]
    for ranking in rankings:
        assert [hit["rank"] for hit in ranking["hits"]] == list(range(1, len(ranking["hits"]) + 1))
        assert all(math.isfinite(hit["score"]) for hit in ranking["hits"])


def test_the_childrens_passage_comes_first_after_reranking(printed: dict[str, object]) -> None:
    rankings = printed["rankings"]
    assert isinstance(rankings, list)
    order = [hit["doc_id"] for hit in rankings[-1]["hits"]]
    assert order[0] in CHILDREN
    assert {"ibu-adult-01", "apap-child-01", "ibu-moa-01"} <= set(order[1:])


def test_the_run_is_in_the_store(sample_workspace: Workspace, printed: dict[str, object]) -> None:
    with TraceStore(sample_workspace.traces_path) as store:
        trace = store.get(str(printed["id"]))
    assert trace.query.text == "ibuprofen dosage for children"
    assert trace.origin == "live"


def test_the_table_says_what_was_kept_and_why(sample_workspace: Workspace) -> None:
    arguments = ["query", "ibuprofen dosage for children", "--floor", "0.999", "--no-store", "-k", "3"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0
    assert "decision  refuse: 0 kept (K=3); floor 0.999 (probability, manual)" in result.stdout
    assert "ibu-child-01" in result.stdout


def test_filters_are_obeyed_by_every_stage(sample_workspace: Workspace) -> None:
    arguments = ["query", "how many days of leave can I carry over", "--where", "tenant=acme-logistics"]
    result = CliRunner().invoke(cli, [*arguments, "--json", "--no-store"])
    trace = json.loads(result.stdout)
    shown = {hit["doc_id"] for ranking in trace["rankings"] for hit in ranking["hits"]}
    assert shown
    documents = sample_workspace.parts().documents.fetch(sorted(shown))
    assert {document.metadata.get("tenant") for document in documents.values()} == {"acme-logistics"}


def test_without_reranking_the_floor_is_left_out_and_said(sample_workspace: Workspace) -> None:
    result = CliRunner().invoke(cli, ["query", "wet shoe", "--no-rerank", "--no-store"])
    assert "not applied: the floor" in result.stdout
    assert "\nrerank " not in result.stdout


def test_a_filter_that_matches_nothing_is_an_honest_refusal(sample_workspace: Workspace) -> None:
    result = CliRunner().invoke(cli, ["query", "leave", "--where", "tenant=nobody", "--no-store"])
    assert result.exit_code == 0
    assert "No stage put out a document" in result.stdout
    assert "fewer --where filters" in result.stderr


@pytest.mark.parametrize("arguments", [["--where", "tenant"], ["--floor", "high"]])
def test_bad_usage_is_a_usage_error(sample_workspace: Workspace, arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, ["query", "x", *arguments])
    assert isinstance(result.exception, UsageError)
