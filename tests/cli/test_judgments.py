"""``rankscope judgments`` as a person runs it, on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.corpus.judgments_io import read_qrels, read_queries
from rankscope.corpus.quepid_csv import read_quepid
from rankscope.errors import CorpusError, InputError, UsageError
from rankscope.tracing.judgment_log import JudgmentKind, JudgmentLog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rankscope.toml").touch()
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "1", "text": "red shoes"}\n{"_id": "2", "text": "blue hats"}\n'
    )
    (tmp_path / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t0\n2\tc\t3\n")
    return tmp_path


@pytest.fixture
def log(folder: Path) -> JudgmentLog:
    return JudgmentLog(folder / "traces.db")


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(folder), "judgments", *arguments], catch_exceptions=False)


def data(result: Result) -> Any:
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_qrels_are_kept_under_the_texts_of_their_queries(folder: Path, log: JudgmentLog) -> None:
    files = [str(folder / "test.tsv"), "--queries", str(folder / "queries.jsonl")]
    result = run(folder, "import", *files)
    assert ": 3 judgments added, 0 known already, 2 queries" in result.output
    assert log.grades() == {"red shoes": {"a": 2, "b": 0}, "blue hats": {"c": 3}}
    assert {item.judge for item in log.standing()} == {"test.tsv"}
    again = run(folder, "import", *files)
    assert "0 judgments added, 3 known already" in again.output
    assert len(log.history()) == 3


def test_another_grade_of_the_same_judge_is_told_and_both_are_kept(folder: Path, log: JudgmentLog) -> None:
    run(folder, "import", str(folder / "test.tsv"), "--judge", "ann")
    (folder / "test.tsv").write_text("1\ta\t3\n1\tb\t0\n")
    found = data(run(folder, "import", str(folder / "test.tsv"), "--judge", "ann", "--json"))
    assert [(item["added"], item["unchanged"], item["queries"], item["by_text"]) for item in found] == [
        (1, 1, 1, 0)
    ]
    assert [item.grade for item in log.history("1", "a")] == [3, 2]


def test_a_bad_line_stores_nothing(folder: Path, log: JudgmentLog) -> None:
    (folder / "test.tsv").write_text("1\ta\t3\n1\tb\tgood\n")
    with pytest.raises(CorpusError, match=r"test\.tsv:2: the grade is 'good'"):
        run(folder, "import", str(folder / "test.tsv"))
    assert log.history() == []


@pytest.mark.parametrize("kind", ["beir", "trec"])
def test_what_is_exported_can_be_read_and_imported(folder: Path, log: JudgmentLog, kind: str) -> None:
    for query, doc_id, grade in (("red shoes", "a", 2), ("blue hats", "b c" if kind == "beir" else "b", 0)):
        log.append(query, doc_id, grade, "ann")
    log.append("red shoes", "m", 3, "model", kind=JudgmentKind.PROPOSAL)
    target = folder / "out"
    result = run(folder, "export", str(target), "--format", kind)
    assert "2 judgments of 2 queries" in result.output
    beir = (target / "queries.jsonl", target / "qrels" / "test.tsv")
    queries, qrels = beir if kind == "beir" else (folder / "out.queries.tsv", target)
    texts = {item.query_id: item.query.text for item in read_queries(queries)}
    assert texts == {"q1": "red shoes", "q2": "blue hats"}
    assert {texts[key]: known for key, known in read_qrels(qrels).items()} == log.grades()
    other = folder / "other"
    other.mkdir()
    (other / "rankscope.toml").touch()
    run(other, "import", str(qrels), "--queries", str(queries))
    assert JudgmentLog(other / "traces.db").grades() == log.grades()


def test_quepid_ratings_go_out_and_in(folder: Path, log: JudgmentLog) -> None:
    log.append('red, "shoes"', "a b", 2, "ann")
    log.append('red, "shoes"', "a b", 3, "ben")
    result = run(folder, "export", str(folder / "r.csv"), "--format", "quepid", "--judge", "ann")
    assert "1 judgment of 1 query" in result.output
    assert read_quepid(folder / "r.csv") == ({'red, "shoes"': {"a b": 2}}, 0)
    with (folder / "r.csv").open("a") as file:
        file.write("red hats,x,\n")
    imported = run(folder, "import", str(folder / "r.csv"), "--judge", "cem")
    assert "1 row has no rating and was left out" in imported.output
    assert log.standing()[-1].judge == "cem"


def test_an_id_that_a_format_cannot_hold_is_said_and_nothing_written(folder: Path, log: JudgmentLog) -> None:
    log.append("red shoes", "a b", 2, "ann")
    with pytest.raises(InputError, match="the id 'a b' cannot stand in TREC qrels"):
        run(folder, "export", str(folder / "out"), "--format", "trec")
    assert not (folder / "out").exists()
    with pytest.raises(UsageError, match="nothing is judged yet"):
        run(folder, "export", str(folder / "out"), "--judge", "nobody")


def test_ids_that_were_imported_without_texts_stay_ids(folder: Path, log: JudgmentLog) -> None:
    result = run(folder, "import", str(folder / "test.tsv"))
    assert "2 queries are stored by their id" in result.output
    run(folder, "export", str(folder / "out"))
    assert read_qrels(folder / "out" / "qrels" / "test.tsv") == read_qrels(folder / "test.tsv")


def test_judgments_and_conflicts_are_listed(folder: Path, log: JudgmentLog) -> None:
    assert "no judgments.\n" in run(folder, "list").output
    assert "no judgments like that.\n" in run(folder, "list", "--judge", "nobody").output
    for doc_id, ann, ben in (("a", 3, 3), ("b", 0, 0), ("c", 2, 0)):
        log.append("red\x1b[31m shoes", doc_id, ann, "ann", note="seen")
        log.append("red\x1b[31m shoes", doc_id, ben, "ben")
    shown = run(folder, "list", "--limit", "4").output
    assert "\x1b" not in shown
    assert "6 judgments of 1 query (ben 3, ann 3); 2 more are not shown" in shown
    conflicts = data(run(folder, "list", "--conflicts", "--json"))
    assert [(item["judge"], item["doc_id"], item["grade"]) for item in conflicts] == [
        ("ann", "c", 2),
        ("ben", "c", 0),
    ]
    items = data(run(folder, "list", "--query", "SHOES", "--judge", "ann", "--json"))
    assert {(item["grade"], item["note"]) for item in items} == {(3, "seen"), (0, "seen"), (2, "seen")}
    assert data(run(folder, "list", "--query", "hats", "--json")) == []


@pytest.mark.parametrize("kind", ["beir", "trec", "quepid"])
def test_an_export_keeps_files_that_exist_unless_forced(folder: Path, log: JudgmentLog, kind: str) -> None:
    log.append("red shoes", "a", 2, "ann")
    target = folder / "out"
    made = {
        "beir": (target / "queries.jsonl", target / "qrels" / "test.tsv"),
        "trec": (folder / "out.queries.tsv", target),
        "quepid": (target,),
    }[kind]
    theirs = made[0]
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("theirs")
    theirs.chmod(0o640)
    with pytest.raises(UsageError, match=f"{theirs.name} exists.*--force") as caught:
        run(folder, "export", str(target), "--format", kind)
    assert "\n" not in str(caught.value)
    assert theirs.read_text() == "theirs"
    assert not any(path.exists() for path in made[1:])
    assert "1 judgment of 1 query" in run(folder, "export", str(target), "--format", kind, "--force").output
    assert "red shoes" in theirs.read_text()
    assert theirs.stat().st_mode & 0o777 == 0o640
    assert all(path.is_file() for path in made)
    assert not list(folder.rglob("*.tmp"))


def test_an_export_that_fails_midway_leaves_what_was_there(
    folder: Path, log: JudgmentLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append("red shoes", "a", 2, "ann")
    run(folder, "export", str(folder / "out"))
    before = {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    log.append("red shoes", "b", 3, "ann")
    calls = iter([None])

    def full(descriptor: int) -> None:
        if next(calls, "full") == "full":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("rankscope.engine.judgment_files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run(folder, "export", str(folder / "out"), "--force")
    assert {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()} == before


def test_a_folder_in_the_way_is_said(folder: Path, log: JudgmentLog) -> None:
    log.append("red shoes", "a", 2, "ann")
    (folder / "out").mkdir()
    with pytest.raises(UsageError, match="out is a folder"):
        run(folder, "export", str(folder / "out"), "--format", "trec", "--force")


@pytest.mark.parametrize("grade", ["99999999999999999999999", "101", "-11", "9" * 5000])
def test_a_grade_that_is_none_is_said_with_its_line_and_no_file_is_stored(
    folder: Path, log: JudgmentLog, grade: str
) -> None:
    bad = folder / "bad.txt"
    bad.write_text(f"q1 0 c 1\nq1 0 d {grade}\n")
    with pytest.raises(CorpusError, match=r"bad\.txt:2: the grade is .*expected a whole number") as caught:
        run(folder, "import", str(folder / "test.tsv"), str(bad))
    assert len(str(caught.value)) < 400
    assert log.history() == []
    (folder / "bad.csv").write_text(f"query,docid,rating\nred shoes,d,{grade}\n")
    with pytest.raises(CorpusError, match=r"bad\.csv:2: the rating is"):
        run(folder, "import", str(folder / "test.tsv"), str(folder / "bad.csv"))
    assert log.history() == []


def test_junk_grades_are_kept_and_files_of_one_judge_count_in_their_order(
    folder: Path, log: JudgmentLog
) -> None:
    first, second = folder / "one.txt", folder / "two.txt"
    first.write_text("q1 0 a -2\nq1 0 b 1\n")
    second.write_text("q1 0 a -2\nq1 0 b 100\n")
    found = data(run(folder, "import", str(first), str(second), "--judge", "trec", "--json"))
    assert [(item["added"], item["unchanged"]) for item in found] == [(2, 0), (1, 1)]
    assert log.grades() == {"q1": {"a": -2, "b": 100}}


def test_ratings_of_a_csv_file_are_by_text_whether_its_format_is_named_or_not(folder: Path) -> None:
    (folder / "r.csv").write_text("query,docid,rating\nred shoes,d,2\n")
    (found,) = data(run(folder, "import", str(folder / "r.csv"), "--json"))
    assert found["by_text"] == found["queries"] == 1
