"""``rankscope traces import``, ``guess`` and ``export`` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from tests.tracing.formats.reading import FIXTURES, write_lines


def _run(*arguments: Any) -> Result:
    return CliRunner().invoke(cli, ["traces", *map(str, arguments)])


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


def test_import_counts_every_span_and_is_safe_to_repeat(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_bytes((FIXTURES / "openinference.jsonl").read_bytes() + b"oops\n")
    result = _run("import", path, "--db", db, "--json")
    assert result.exit_code == 0, result.output
    (report,) = json.loads(result.stdout)
    assert report["format"] == "openinference"
    assert report["read"] == report["imported"] + report["rejected"] + report["ignored"] == 10
    assert (report["new_traces"], report["rejected"]) == (3, 1)
    assert Path(report["rejected_file"]) == tmp_path / "spans.jsonl.rejected.jsonl"
    again = _run("import", path, "--db", db)
    assert "0 new traces, 3 stored before" in again.stderr
    assert again.stdout == ""


def test_guess_then_import_with_the_saved_mapping(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_bytes((FIXTURES / "logs" / "nested_sources.jsonl").read_bytes())
    shown = _run("guess", path)
    assert shown.exit_code == 0, shown.output
    assert "query   reset password" in shown.stdout
    assert "stage   rerank: 4 hits" in shown.stdout
    assert "client.build" in shown.stdout
    mapping = tmp_path / "app.jsonl.map.toml"
    assert mapping.stat().st_mode & 0o777 == 0o600
    imported = _run("import", path, "--map", mapping, "--db", db)
    assert "4 records read, 4 imported, 0 rejected" in imported.stderr
    assert "1 trace with failed stages" in imported.stderr
    assert isinstance(_run("guess", path).exception, Exception)  # the mapping exists
    as_json = json.loads(_run("guess", path, "--force", "--json").stdout)
    assert as_json["mapping"]["trace"]["query"] == "request.question"
    assert [item["path"] for item in as_json["not_understood"]] == ["client.build"]


def test_runs_become_stages_and_are_exported_again(db: Path, tmp_path: Path) -> None:
    result = _run(
        *("import", "--as", f"bm25={FIXTURES / 'run_from_0.trec'}"),
        *("--as", f"rerank={FIXTURES / 'run_from_1.trec'}", "--scale", "rerank=probability"),
        *("--queries", FIXTURES / "queries.jsonl", "--corpus", FIXTURES / "corpus.jsonl", "--db", db),
    )
    assert result.exit_code == 0, result.output
    assert "2 new traces" in result.stderr
    out = tmp_path / "back.trec"
    exported = _run("export", "--format", "trec", "--stage", "rerank", "-o", out, "--db", db)
    assert exported.exit_code == 0, exported.output
    assert sorted(out.read_text().splitlines())[0] == "q1 Q0 a 2 0.4 rerank"
    moves = tmp_path / "moves.csv"
    assert _run("export", "--format", "moves", "-o", moves, "--db", db).exit_code == 0
    assert moves.read_text(encoding="utf-8").count("\n") == 1 + 5


def test_a_known_format_needs_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_bytes((FIXTURES / "openinference.jsonl").read_bytes())
    shown = _run("guess", path)
    assert shown.exit_code == 0
    assert "This is openinference, which needs no mapping" in shown.stdout
    assert "stage   rerank: 2 hits" in shown.stdout
    assert not (tmp_path / "spans.jsonl.map.toml").exists()
    assert json.loads(_run("guess", path, "--json").stdout)["known_format"] == "openinference"


def test_a_scale_for_a_stage_that_is_not_there_is_told(db: Path) -> None:
    result = _run("import", FIXTURES / "run_from_1.trec", "--scale", "reranking=logit", "--db", db)
    assert "--scale reranking: no trace has this stage; there are retrieval." in result.stderr
    assert "stages: retrieval in 2" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to import"),
        (["--as", "bm25"], "not STAGE=FILE"),
        (["--as", "bm25=/nowhere.trec"], "is no file"),
        (["{log}"], "no known format was recognised"),
        (["{log}", "--format", "phoenix"], "no format is called"),
        (["{log}", "--scale", "rerank=percent"], "not STAGE=SCALE"),
        (["{log}", "--queries", "{log}"], "give texts to runs"),
        (["{log}", "--map", "{log}", "--format", "trec"], "exclude each other"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    arguments: list[str], message: str, db: Path, tmp_path: Path
) -> None:
    log = write_lines(tmp_path / "x.jsonl", [{"a": 1}])
    result = _run("import", *(text.format(log=log) for text in arguments), "--db", db)
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_a_file_of_which_nothing_can_be_used_is_a_failure(db: Path, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.trec", ["no run", "at all"])
    result = _run("import", path, "--format", "trec", "--db", db)
    assert result.exit_code == 2
    assert "2 rejected" in result.stderr


def test_hostile_text_is_shown_as_glyphs(tmp_path: Path) -> None:
    rows = [
        {"question": f"\x1b[31m{word} it?", "hits": [{"id": "\x1b]8;;x", "score": 1.5}]} for word in "abc"
    ]
    shown = _run("guess", write_lines(tmp_path / "x.jsonl", rows))
    assert shown.exit_code == 0
    assert "\x1b" not in shown.output
