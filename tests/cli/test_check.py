"""``rankscope check`` and ``rankscope rule`` as a person or a CI job runs them."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor
from rankscope.engine import checking
from rankscope.engine.checking import CheckPlan, check_file
from rankscope.engine.floors import Judged
from rankscope.errors import InputError, RankScopeError, UsageError
from rankscope.insight.judgments import Judgments
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.tracing.store import TraceStore
from tests.insight.findings.scripted_traces import clean_trace, ranking, trace_of

SCALE = trace_of(
    ranking("fusion", "rrf", {"a": 0.03, "b": 0.02}),
    trace_id="t-scale",
    floor=Floor(0.4, ranking("rerank", "probability", "").score_scale),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with settings and two stored traces, one of them with an error."""
    (tmp_path / "rankscope.toml").write_text('[findings]\nignore = "RS403"\n', encoding="utf-8")
    with TraceStore(tmp_path / "traces.db") as store:
        store.append(clean_trace(1))
        store.append(SCALE)
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--workspace", str(folder), *arguments])


def test_every_stored_trace_is_checked(folder: Path) -> None:
    result = run(folder, "check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "t-scale: RS502 error: the floor 0.4 is on the probability scale, but the fusion scores that stand "
        "are on the rrf scale"
    ]
    assert "1 finding in 2 traces (1 error, 0 warnings, 0 info)." in result.stderr
    assert "  RS301 on all: this query is not judged" in result.stderr.splitlines()
    assert "  RS402 on 1 of 2: no stage was timed" in result.stderr.splitlines()


def test_a_clean_trace_by_the_start_of_its_id_exits_with_zero(folder: Path) -> None:
    result = run(folder, "check", "clean")
    assert (result.exit_code, result.stdout) == (0, "")


def test_rules_are_chosen_on_the_command_line_or_in_the_settings(folder: Path) -> None:
    assert run(folder, "check", "--ignore", "RS5").exit_code == 0
    assert run(folder, "check", "--select", "RS1,RS502").exit_code == 1
    document = json.loads(run(folder, "check", "--json").stdout)
    assert "RS403" not in document["rules"]
    with pytest.raises(UsageError, match="RS9"):
        _raise(run(folder, "check", "--select", "RS9"))
    with pytest.raises(UsageError, match="ignored"):
        _raise(run(folder, "check", "--select", "RS1", "--ignore", "RS1"))


def _raise(result: Result) -> None:
    assert isinstance(result.exception, RankScopeError)
    raise result.exception


def test_json_counts_not_applicable_apart_from_passed(folder: Path) -> None:
    document = json.loads(run(folder, "check", "--json").stdout)
    assert document["schema"] == "rankscope.check/1"
    assert document["traces"] == 2
    assert document["rules"]["RS101"] == {"fired": 0, "passed": 1, "not_applicable": 1}
    assert document["rules"]["RS502"] == {"fired": 1, "passed": 1, "not_applicable": 0}
    scale = next(item for item in document["results"] if item["trace_id"] == "t-scale")
    assert scale["findings"][0]["code"] == "RS502"
    assert scale["not_applicable"]["RS402"] == "no stage was timed"


def test_a_file_is_annotated_by_line(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "log,1.jsonl"
    path.write_text(f"{dumps(clean_trace(2))}\n\n{dumps(SCALE)}\n", encoding="utf-8")
    result = run(folder, "check", str(path), "--format", "github")
    assert result.exit_code == 1
    name = str(path).replace(",", "%2C")
    assert result.stdout.startswith(
        f"::error file={name},line=3,title=RS502 floor-scale::t-scale: the floor 0.4"
    )
    assert run(folder, "check", str(path)).stdout.startswith(f"{path}:3: t-scale: RS502 error: ")


def test_a_line_that_is_no_trace_is_named_and_the_rest_is_checked(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    broken = dumps(SCALE).replace('"rank": 2', '"rank": 0').replace('"rank":2', '"rank":0')
    path.write_text(f"{broken}\n{dumps(SCALE)}\n", encoding="utf-8")
    result = run(folder, "check", str(path))
    assert result.exit_code == 2
    assert f"{path}:1: cannot be read: " in result.stderr
    assert "hits[1].rank" in result.stderr
    assert f"{path}:2: t-scale: RS502 error" in result.stdout


def test_nothing_to_check_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "rankscope.toml").touch()
    with pytest.raises(UsageError, match="no trace to check"):
        _raise(run(tmp_path, "check"))
    with pytest.raises(RankScopeError):
        _raise(run(tmp_path, "check", "no-such-id"))
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        _raise(run(tmp_path, "check", "nowhere.jsonl"))


def test_hostile_ids_and_texts_reach_no_terminal(folder: Path, tmp_path: Path) -> None:
    hostile = replace(
        SCALE,
        trace_id="x\x1b]0;gone\x07\n::error::y",
        rankings=(ranking("rerank", "probability", {"\x1b[31m": 3.0, "b": 2.0}),),
    )
    path = tmp_path / "hostile.jsonl"
    path.write_text(dumps(hostile) + "\n", encoding="utf-8")
    for format_ in ("text", "github"):
        result = run(folder, "check", str(path), "--select", "RS104", "--format", format_)
        assert result.exit_code == 1
        assert len(result.stdout.splitlines()) == 1
        assert "\x1b" not in result.stdout
        assert "\x07" not in result.stdout


def test_judgments_reach_the_rules_by_id_or_by_text(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tmissing\t2\n", encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "which one"}\n', encoding="utf-8")
    qrels = ("--qrels", str(tmp_path / "qrels.tsv"), "--select", "RS301")
    by_id = run(folder, "check", *qrels)
    assert [line.split(":")[0] for line in by_id.stdout.splitlines()] == ["clean-1"]
    by_text = run(folder, "check", *qrels, "--queries", str(tmp_path / "queries.jsonl"))
    assert len(by_text.stdout.splitlines()) == 1  # the other trace has no first-stage list
    assert by_text.exit_code == 1


def test_parts_of_a_file_in_several_processes_keep_order_and_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.jsonl"
    lines = [dumps(replace(SCALE, trace_id=f"t{number}")) for number in range(50)]
    lines[7] = lines[20] = ""
    lines[30] = "no trace"
    path.write_text("\n".join(lines), encoding="utf-8")  # the last line has no end
    whole = list(check_file(path, CheckPlan(processes=1)))
    assert len(whole) == 48
    monkeypatch.setattr(checking, "PART_BYTES", path.stat().st_size // 5)
    assert list(check_file(path, CheckPlan(processes=1))) == whole
    assert list(check_file(path, CheckPlan(processes=2))) == whole
    assert [item.line for item in whole] == [n for n in range(1, 51) if n not in (8, 21)]


def test_rule_explains_one_or_lists_all(folder: Path) -> None:
    text = run(folder, "rule", "rs201").stdout
    assert text.startswith("RS201 passage-cut")
    assert "What to do" in text
    assert len(run(folder, "rule").stdout.splitlines()) == 20
    assert json.loads(run(folder, "rule", "RS101", "--json").stdout)["name"] == "order-unchanged"
    with pytest.raises(UsageError, match="RS999"):
        _raise(run(folder, "rule", "RS999"))


def test_a_packed_file_is_read_too(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(f"{dumps(SCALE)}\n{dumps(clean_trace(2))}\n".encode()))
    result = run(folder, "check", str(path))
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{path}: t-scale: RS502 error: ")
    assert "in 2 traces" in result.stderr


def test_judgments_that_people_stored_reach_the_rules(folder: Path) -> None:
    log = JudgmentLog(folder / "traces.db")
    wrong = log.append("which one", "missing", 2, "ann")
    assert [line.split(":")[0] for line in run(folder, "check", "--select", "RS301").stdout.splitlines()] == [
        "clean-1"
    ]
    log.retract(wrong.number)
    first = clean_trace(1).final
    assert first is not None
    log.append("which one", first.doc_ids[0], 3, "ann")
    counts = json.loads(run(folder, "check", "--json", "--select", "RS301").stdout)["rules"]["RS301"]
    assert counts == {"fired": 0, "passed": 1, "not_applicable": 1}


def test_ids_of_another_query_set_are_not_taken_for_ones_own() -> None:
    judged = Judged(Judgments({"q1": {"a": 1}, "mine": {"a": 1}}), texts={"q1": "mine"})
    assert judged.relevant_to(Query("mine", query_id="q7")) == {"a"}
    assert judged.relevant_to(Query("theirs", query_id="q1")) is None
    assert Judged(Judgments({"q1": {"a": 1}})).relevant_to(Query("theirs", query_id="q1")) == {"a"}
    assert Judged(None).relevant_to(Query("mine")) is None


def test_an_imported_trace_is_examined_before_it_is_stored(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(dumps(replace(SCALE, trace_id="t-new")) + "\n", encoding="utf-8")
    for _ in range(2):  # the second time, the stored one has findings that the file's has not
        assert run(folder, "traces", "import", str(path)).exit_code == 0
    (folder / "rankscope.toml").write_text('[findings]\nignore = "RS502"\n', encoding="utf-8")
    report = run(folder, "traces", "import", str(path), "--json").stdout
    assert json.loads(report)[0]["known_traces"] == 1
    with TraceStore(folder / "traces.db") as store:
        assert [item.code for item in store.get("t-new").findings] == ["RS502"]
    listed = run(folder, "traces", "list", "--finding", "RS502", "--json").stdout
    assert "t-new" in listed


def test_what_cannot_be_said_of_a_bare_trace_is_said_plainly(folder: Path, tmp_path: Path) -> None:
    bare = trace_of(ranking("retrieval", "unknown", {"a": None, "b": None}), trace_id="bare")
    path = tmp_path / "bare.jsonl"
    path.write_text(dumps(bare) + "\n", encoding="utf-8")
    result = run(folder, "check", str(path), "--json")
    report = json.loads(result.stdout)["results"][0]
    assert result.exit_code == 0
    assert report["findings"] == []
    assert report["passed"] == []
    assert len(report["not_applicable"]) == 19  # one rule is ignored in these settings
    assert all(report["not_applicable"].values())
    lines = run(folder, "check", str(path)).stderr.splitlines()
    assert "  RS104 on all: no scores are recorded" in lines
    assert "  RS402 on all: no stage was timed" in lines


def test_ctrl_c_leaves_no_process_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "rankscope.toml").touch()
    path = tmp_path / "many.jsonl"
    line = dumps(replace(clean_trace(1), floor=Floor(0.4, ScoreScale.LOGIT))) + "\n"
    path.write_text(line * 300, encoding="utf-8")
    code = (
        # Started in a shell's background, the tests would hand down that Ctrl-C is to be ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import sys; from rankscope.engine import checking; checking.PART_BYTES = 200_000;"
        "sys.argv = ['rankscope', '-w', sys.argv[1], 'check', sys.argv[2]];"
        "from rankscope.cli.root import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert running.stdout is not None
    running.stdout.readline()  # the first part is done: its processes are at work
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in errors
