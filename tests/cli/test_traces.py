"""``rankscope traces``: what is printed where, exit statuses, and nothing hostile on the terminal."""

from __future__ import annotations

import json
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Floor, Hit, Ranking
from rankscope.errors import InputError, RankScopeError, UsageError, WorkspaceError
from rankscope.tracing.formats.native import iter_file, json_schema
from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace
from tests.tracing.strategies import HOSTILE


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "traces.db"
    with TraceStore(path) as store:
        for number in range(5):
            store.append(make_trace(number))
    return path


@pytest.fixture
def store(db: Path) -> Iterator[TraceStore]:
    with TraceStore(db) as opened:
        yield opened


def run(*arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["traces", *map(str, arguments)], input=answer)


def error_of(result: Result, kind: type[RankScopeError]) -> str:
    """The one line that the entry point would print; such errors end with status 2."""
    assert isinstance(result.exception, kind)
    assert result.exception.exit_code == 2
    return str(result.exception)


def test_list_shows_the_newest_first_with_ids_that_show_takes(db: Path) -> None:
    done = run("list", "--db", db, "--limit", 3)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0].split()[:5] == ["id", "time", "origin", "decision", "ms"]
    assert [line.split()[0] for line in lines[1:]] == ["trace-000004", "trace-000003", "trace-000002"]
    assert "query number 4 → doc-" in lines[1]
    assert "2 more" in done.stderr
    assert run("show", lines[1].split()[0], "--db", db).exit_code == 0


def test_list_json_is_one_document_and_nothing_else(db: Path) -> None:
    done = run("list", "--db", db, "--json", "--limit", 2)
    rows = json.loads(done.stdout)
    assert [row["id"] for row in rows] == ["trace-000004", "trace-000003"]
    assert rows[0]["created_at"] == "2026-01-31T12:04:00.000Z"
    assert rows[0]["total_ms"] == 1.5 + 104
    assert done.stderr == ""


def test_list_filters(db: Path) -> None:
    assert [row["id"] for row in json.loads(run("list", "NUMBER", "3", "--db", db, "--json").stdout)] == [
        "trace-000003"
    ]
    assert json.loads(run("list", "--since", "2026-01-31T12:04:00Z", "--db", db, "--json").stdout)[0][
        "id"
    ] == ("trace-000004")
    assert json.loads(run("list", "--decision", "refuse", "--db", db, "--json").stdout) == []
    nothing = run("list", "nothing like it", "--db", db)
    assert (nothing.stdout, nothing.stderr) == ("", "No traces pass.\n")
    assert "no date" in error_of(run("list", "--since", "soon", "--db", db), UsageError)


def test_a_workspace_without_traces_is_no_error_and_a_missing_file_is(tmp_path: Path) -> None:
    empty = CliRunner().invoke(cli, ["--workspace", str(tmp_path), "traces", "list"])
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert empty.stderr == "No traces yet. Run a query first.\n"
    as_json = CliRunner().invoke(cli, ["--workspace", str(tmp_path), "traces", "list", "--json"])
    assert json.loads(as_json.stdout) == []
    assert list(tmp_path.iterdir()) == []
    missing = error_of(run("list", "--db", tmp_path / "no.db"), WorkspaceError)
    assert missing == f"{tmp_path / 'no.db'}: there are no traces yet. Run a query first."


def test_the_workspaces_database_is_the_default(db: Path) -> None:
    done = CliRunner().invoke(cli, ["--workspace", str(db.parent), "traces", "list", "--json"])
    assert len(json.loads(done.stdout)) == 5


def test_show_lists_stages_and_ranks(db: Path, store: TraceStore) -> None:
    hits = (Hit("b", 1, 0.9), Hit("new", 2, 0.5), Hit("a", 3, 0.1))
    store.append(
        make_trace(
            9,
            rankings=(
                Ranking("bm25", ScoreScale.BM25, (Hit("b", 1, 9.0), Hit("b", 2, 8.0))),
                Ranking("fusion", ScoreScale.RRF, (Hit("a", 1, 0.03), Hit("b", 2, 0.02)), ms=0.25),
                Ranking("rerank", ScoreScale.PROBABILITY, hits, ms=12.0),
            ),
            floor=Floor(0.4, ScoreScale.PROBABILITY, "manual"),
            kept=("b", "new"),
            top_k=5,
            findings=(Finding("RS401", "info", "reranking changed nothing"),),
            documents={"b": Document("b", "text of b", "Title of b")},
        )
    )
    store.flush()
    lines = run("show", "trace-000009", "--db", db).stdout.splitlines()
    assert "bm25                   2 documents, bm25, 1 repeated" in lines
    assert "fusion         0.2 ms  2 documents, rrf" in lines
    assert "decision  answer: 2 kept (K=5); floor 0.4 (probability, manual)" in lines
    assert "RS401     info: reranking changed nothing" in lines
    table = [line.split() for line in lines[lines.index("") + 1 :]]
    assert table[0] == ["#", "kept", "score", "bm25", "fusion", "document"]
    assert table[1] == ["1", "yes", "0.9000", "1", "2", "b", "Title", "of", "b"]
    assert table[2] == ["2", "yes", "0.5000", "–", "–", "new"]
    assert table[3] == ["────", "floor", "0.4", "────"]
    assert table[4] == ["3", "0.1000", "–", "1", "a"]


def test_show_says_how_many_are_left_out(db: Path) -> None:
    assert run("show", "trace-000003", "--top", 1, "--db", db).stdout.splitlines()[-1] == "    and 3 more"


def test_show_json_fits_the_contract(db: Path) -> None:
    done = run("show", "trace-000003", "--json", "--db", db)
    data = json.loads(done.stdout)
    jsonschema.Draft202012Validator(json_schema()).validate(data)
    assert data["id"] == "trace-000003"


def test_show_a_trace_without_hits(db: Path, store: TraceStore) -> None:
    store.append(make_trace(9, rankings=(), floor=None, top_k=None, kept=(), decision=None)).result()
    shown = run("show", "trace-000009", "--db", db).stdout
    assert "decision  not recorded: 0 kept; no floor" in shown
    assert "No stage put out a document." in shown


def test_an_unknown_or_ambiguous_id_is_one_line(db: Path) -> None:
    assert "no trace has the id 'zzz'" in error_of(run("show", "zzz", "--db", db), InputError)
    assert "several traces have an id that starts with 'trace-'" in error_of(
        run("show", "trace-", "--db", db), InputError
    )


def test_list_by_parent_shows_the_replays_of_one_trace(db: Path, store: TraceStore) -> None:
    store.append(make_trace(7, origin="replay", parent_id="trace-000003"))
    store.append(make_trace(8, origin="replay", parent_id="gone"))
    store.flush()
    for parent, expected in (("trace-000003", 7), ("gone", 8)):
        (row,) = json.loads(run("list", "--parent", parent, "--db", db, "--json").stdout)
        assert (row["id"], row["parent_id"]) == (f"trace-{expected:06}", parent)
    assert json.loads(run("list", "--parent", "trace-000001", "--db", db, "--json").stdout) == []
    assert "several traces" in error_of(run("list", "--parent", "trace-", "--db", db), InputError)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_hostile_text_reaches_the_terminal(db: Path, store: TraceStore, text: str) -> None:
    ranking = Ranking("rerank", ScoreScale.UNKNOWN, (Hit(text, 1, 0.5),))
    failed = Ranking(text or "x", ScoreScale.UNKNOWN, (), status=f"failed:{text}")
    store.append(
        make_trace(
            9,
            trace_id=f"{text}!",
            origin=text,
            parent_id=text,
            query=Query(text, filters={text: text}),
            rankings=(failed, ranking),
            findings=(Finding(text, "error", text),),
            documents={text: Document(text, text, text)},
            attributes={"floor_not_applied": text},
        )
    )
    store.flush()
    outputs = [
        run("list", "--db", db),
        run("list", "--db", db, "--json"),
        run("show", f"{text}!", "--db", db),
    ]
    outputs.append(run("export", "--db", db))
    for done in outputs:
        assert done.exit_code == 0
        controls = {
            char for char in done.stdout if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        }
        assert controls <= {"\n", "\u200d"}


def test_export_writes_what_can_be_read_back(db: Path, tmp_path: Path, store: TraceStore) -> None:
    store.append(make_trace(9, query=Query("caf\udce9\x9b")))
    store.flush()
    path = tmp_path / "out.jsonl"
    done = run("export", "-o", path, "--db", db)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "6 traces exported.\n")
    assert list(iter_file(path)) == list(store.iter_traces(oldest_first=True))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "exists" in error_of(run("export", "-o", path, "--db", db), UsageError)
    two = run("export", "trace-000003", "trace-000001", "-o", path, "--force", "--db", db)
    assert two.stderr == "2 traces exported.\n"
    assert [trace.trace_id for trace in iter_file(path)] == ["trace-000003", "trace-000001"]


def test_an_export_that_fails_leaves_no_file(db: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    error_of(run("export", "trace-000003", "zzz", "-o", tmp_path / "out.jsonl", "--db", db), InputError)
    assert sorted(tmp_path.iterdir()) == before


def test_export_to_stdout_is_one_object_a_line(db: Path) -> None:
    lines = run("export", "--db", db).stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"trace-{number:06}" for number in range(5)]


def test_prune_asks_and_counts(db: Path, store: TraceStore) -> None:
    refused = run("prune", "--keep", 2, "--db", db, answer="n\n")
    assert refused.exit_code == 1
    assert "Delete 3 of 5 traces?" in refused.stderr
    assert store.count() == 5
    done = run("prune", "--keep", 2, "--db", db, answer="y\n")
    assert done.exit_code == 0
    assert done.stderr.endswith("3 traces deleted, 2 left.\n")
    assert done.stdout == ""
    assert store.count() == 2


def test_prune_by_date(db: Path, store: TraceStore) -> None:
    done = run("prune", "--before", "2026-01-31T12:02:00Z", "--yes", "--db", db)
    assert done.stderr == "2 traces deleted, 3 left.\n"
    nothing = run("prune", "--before", "2026-01-31T14:02:00+02:00", "--yes", "--db", db)
    assert nothing.stderr == "Nothing to delete: all 3 traces stay.\n"
    assert "no date" in error_of(run("prune", "--before", "last week", "--db", db), UsageError)
    assert "nothing says which" in error_of(run("prune", "--db", db), UsageError)


@pytest.mark.parametrize("name", ["list", "show", "export", "prune"])
def test_help_has_an_example(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert f"rankscope traces {name}" in done.stdout.partition("Example:")[2]
