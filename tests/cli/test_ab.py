"""``rankscope ab``: stored pipelines without a model, and two runs over indexes of their own with one."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.core.trace import PipelineInfo
from rankscope.engine.workspace import Workspace
from rankscope.errors import RankScopeError, SettingsError, UsageError
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.tracing.store import TraceStore
from tests.insight.verdict.systems import misordered, without_reranker

GUIDE = """# Leave

{} Up to five days of annual leave are carried over until the end of March. The rest is paid out in December.
Parental leave is granted on request, for at most three years and for each child on its own.
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rankscope.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["ab", *arguments])


def run_json(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def fail(*arguments: str) -> RankScopeError:
    result = run(*arguments)
    assert isinstance(result.exception, RankScopeError), result.output
    return result.exception


@pytest.fixture
def stored(workspace: Path) -> Path:
    """Traces of two pipelines on the same judged queries: one reranks, the other does not."""
    path = Workspace(workspace).traces_path
    reranked = misordered(30, random.Random(5))
    with TraceStore(path) as store:
        for name, traces in (("aaaa", without_reranker(reranked)), ("bbbb", reranked)):
            for trace in traces:
                info = PipelineInfo(fingerprint=name)
                store.append(replace(trace, trace_id=f"{name}-{trace.trace_id}", pipeline=info))
    log = JudgmentLog(path)
    for trace in reranked:
        log.append(trace.query.query_id or "", "rel", 1, "anna")
    return workspace


def test_two_stored_pipelines_are_compared_query_by_query(stored: Path) -> None:
    data = run_json("--pipelines", "aaaa", "bbbb")
    assert (data["schema"], data["measure"], data["lost"]) == ("rankscope.ab/1", "nDCG@10", 0)
    row = next(item for item in data["rows"] if item["name"] == "nDCG@10")
    assert row["difference"]["low"] > 0
    first = data["queries"][0]
    assert first["difference"] == pytest.approx(first["b"] - first["a"])
    assert (first["trace_a"][:5], first["trace_b"][:5]) == ("aaaa-", "bbbb-")
    text = run("--pipelines", "aaaa", "bbbb", "--list", "3").stdout
    assert "won, 0 lost" in text
    assert text.count("bbbb-t") == 3
    assert max(map(len, text.split("\n"))) <= 120


def test_trace_ids_are_cut_to_what_tells_them_apart() -> None:
    from rankscope.cli.ab_output import _queries, _unique_length
    from rankscope.cli.eval_tables import text_table
    from rankscope.insight.ab import AbQuery

    def query(number: int) -> AbQuery:
        ids = (f"019c1f00-a{number:02}-7000-8000-{'a' * 12}", f"019c1f00-b{number:02}-7000-8000-{'b' * 12}")
        return AbQuery(f"q{number}", "w" * 60, "s" * 20, 0.0, 1.0, *ids)

    queries = [query(number) for number in range(12)]
    assert _unique_length(queries) == len("019c1f00-a00")
    table = text_table(_queries(queries, 12), words=(0, 4, 5, 6))
    assert "019c1f00-a07  019c1f00-b07" in table[-5]
    assert max(map(len, table)) <= 120


def test_a_fall_past_the_bound_fails_a_job(stored: Path) -> None:
    assert run("--pipelines", "bbbb", "aaaa", "--max-drop", "0.02").exit_code == 1
    assert run("--pipelines", "aaaa", "bbbb", "--max-drop", "0.02").exit_code == 0


def test_contradictions_are_refused(stored: Path) -> None:
    assert "nothing to compare with" in str(fail())
    assert "compares stored traces" in str(fail("--pipelines", "a", "b", "--set", "floor.top_k=3"))
    assert "unknown measure 'ERR'" in str(fail("--pipelines", "a", "b", "--measure", "ERR"))
    assert "both names stand for" in str(fail("--pipelines", "a", "aa"))


@pytest.fixture
def folder(workspace: Path) -> Path:
    """A folder of texts, indexed in passages, with judged queries beside it."""
    source = workspace / "texts"
    source.mkdir()
    for name in ("acme", "globex", "initech"):
        (source / f"{name}.md").write_text(GUIDE.format(f"At {name} this holds since 2021.") * 3)
    index = CliRunner().invoke(cli, ["-w", str(workspace), "index", str(source)])
    assert index.exit_code == 0, index.output
    (workspace / "queries.tsv").write_text("1\tcarry over leave at acme\n2\tparental leave at globex\n")
    (workspace / "qrels.txt").write_text("1 0 acme.md#1 1\n2 0 globex.md#1 1\n")
    return workspace


def test_another_chunking_gets_an_index_of_its_own_and_counts_documents(folder: Path) -> None:
    files = ("--queries", "queries.tsv", "--qrels", "qrels.txt")
    Path("other.toml").write_text("[chunking]\ntokens = 32\n")
    data = run_json("other.toml", "--set", "rerank.enabled=false", *files)
    assert data["changed_settings"]["chunking.tokens"] == [200, 32]
    assert any("passages count as their documents" in said for said in data["statements"])
    assert (data["a"]["name"], data["b"]["name"]) == ("A", "B other")
    with TraceStore(folder / "traces.db") as store:
        trace = store.get(data["queries"][0]["trace_b"])
    assert trace.attributes["ab"] == "B"
    assert trace.query.query_id in ("1", "2")
    (folder / "texts").rename(folder / "elsewhere")
    error = fail("--set", "chunking.tokens=48", *files)
    assert "is not at" in str(error)


@pytest.fixture
def table(workspace: Path) -> Path:
    """A CSV file whose columns have names of their own, with a bad record, indexed as the user said."""
    (workspace / "rankscope.toml").write_text("[rerank]\nenabled = false\n")
    rows = [
        "key;head;body",
        "acme;Leave;Carry over of leave at acme",
        "globex;Leave;Parental leave at globex",
    ]
    (workspace / "rows.txt").write_text("\n".join([*rows, "bad;;", "initech;Pay;Wages in December"]) + "\n")
    said = "--format csv --delimiter ; --id-column key --title-column head --text-column body --skip-bad"
    index = CliRunner().invoke(cli, ["-w", str(workspace), "index", "rows.txt", *said.split()])
    assert index.exit_code == 0, index.output
    (workspace / "queries.tsv").write_text("1\tcarry over leave at acme\n2\tparental leave at globex\n")
    (workspace / "qrels.txt").write_text("1 0 acme 1\n2 0 globex 1\n")
    return workspace


FILES = ("--queries", "queries.tsv", "--qrels", "qrels.txt")
OTHER = ("--set", "chunking.tokens=100")


def test_the_other_side_reads_the_source_as_it_was_read_for_the_index(table: Path) -> None:
    result = run(*OTHER, *FILES, "--json")
    assert result.exit_code == 0, result.stderr
    assert "1 bad record was left out, as in side A" in result.stderr
    row = next(item for item in json.loads(result.stdout)["rows"] if item["name"] == "nDCG@10")
    assert (row["a"]["value"], row["difference"]["value"]) == (1.0, 0.0)


def test_a_source_that_changed_since_is_refused_before_anything_runs(table: Path) -> None:
    source = table / "rows.txt"
    before = source.read_text()
    source.write_text(before.replace("at globex", "at hooli"))
    error = fail(*OTHER, *FILES)
    assert isinstance(error, UsageError)
    assert "the source changed since A was indexed" in str(error)
    assert "Run `rankscope index`" in str(error)
    source.write_text("key;head;other\na;b;c\n")
    assert "the source changed since A was indexed" in str(fail(*OTHER, *FILES))
    assert not (table / "traces.db").exists()


def test_a_folder_that_changed_since_is_refused_though_its_passages_have_other_borders(folder: Path) -> None:
    (folder / "texts" / "hooli.md").write_text(GUIDE.format("At hooli this holds since 2024."))
    assert "the source changed since A was indexed" in str(fail(*OTHER, *FILES))


def test_an_index_that_does_not_say_how_its_source_was_read_is_to_be_built_again(table: Path) -> None:
    current = Workspace(table).generations.current()
    assert current is not None
    path = current / "manifest.json"
    manifest = json.loads(path.read_text())
    said = manifest.pop("load_options")
    assert (said["text_column"], said["id_column"], said["skip_bad"]) == ("body", "key", True)
    path.write_text(json.dumps(manifest))
    error = fail(*OTHER, *FILES)
    assert isinstance(error, UsageError)
    assert "Run `rankscope index` again before comparing" in str(error)


def test_traces_of_a_comparison_are_not_those_of_a_pipeline(table: Path) -> None:
    compared = run_json("--set", "floor.top_k=3", *FILES)
    with TraceStore(table / "traces.db") as store:
        sides = [store.get(compared["queries"][0][name]) for name in ("trace_a", "trace_b")]
    assert {side.origin for side in sides} == {"eval:ab"}
    assert sides[0].pipeline.fingerprint == sides[1].pipeline.fingerprint  # K is no part of it
    stored = CliRunner().invoke(cli, ["verdict", "--traces", *FILES])
    assert isinstance(stored.exception, UsageError)
    assert "only those of comparisons" in str(stored.exception)


def test_settings_that_are_none_are_refused(folder: Path) -> None:
    files = ("--queries", "queries.tsv", "--qrels", "qrels.txt")
    assert "same settings" in str(fail("--set", "floor.top_k=10", *files))
    error = fail("--set", "candidates=20", *files)
    assert isinstance(error, SettingsError)
    assert "is not SECTION.KEY" in str(error)
    assert "expected 1 to" in str(fail("--set", "retrieval.candidates=0", *files))
    Path("bad.toml").write_text("[chunking\n")
    error = fail("bad.toml", *files)
    assert isinstance(error, UsageError)
    assert "not valid TOML" in str(error)
