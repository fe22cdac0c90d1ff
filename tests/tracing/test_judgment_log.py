from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.errors import UsageError, WorkspaceError
from rankscope.tracing import database, migrations
from rankscope.tracing.judgment_log import Conflict, JudgmentKind, JudgmentLog, NewJudgment
from rankscope.tracing.store import TraceStore
from rankscope.tracing.stored_grades import read_stored_grades
from tests.tracing.make import make_trace


@pytest.fixture
def log(tmp_path: Path) -> JudgmentLog:
    return JudgmentLog(tmp_path / "traces.db")


def test_nothing_is_known_at_first(log: JudgmentLog) -> None:
    assert (log.history(), log.standing(), log.grades(), log.borderline(), log.conflicts()) == (
        [],
        [],
        {},
        {},
        [],
    )
    assert read_stored_grades(log.path) == {}
    assert not log.path.exists()
    assert log.append_many([]) == []
    with pytest.raises(UsageError, match="no judgment of 'ann' to undo"):
        log.undo("ann")


def test_a_judgment_comes_back_as_it_was_given(log: JudgmentLog) -> None:
    note = "not for adults \x1b[31m\ud800"
    stored = log.append(
        "q \udc00", "d\x00\x1b", 1, "ann", borderline=True, note=note, content_hash="c0", trace_id="t1"
    )
    assert [stored] == log.history() == log.standing() == JudgmentLog(log.path).standing("q \udc00")
    assert (stored.query, stored.doc_id, stored.note) == ("q \udc00", "d\x00\x1b", note)
    assert (stored.number, stored.grade, stored.judge, stored.borderline) == (1, 1, "ann", True)
    assert (stored.content_hash, stored.trace_id, stored.kind) == ("c0", "t1", JudgmentKind.GRADE)
    assert log.borderline() == {"q \udc00": frozenset({"d\x00\x1b"})}
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_the_newest_of_a_judge_holds_and_nothing_is_overwritten(log: JudgmentLog) -> None:
    for grade in (3, 0, 2):
        log.append("q", "d", grade, "ann")
    assert [item.grade for item in log.standing()] == [2]
    assert [item.grade for item in log.history("q", "d")] == [2, 0, 3]
    assert log.history("q", "other") == []


def test_undo_goes_back_one_judgment_at_a_time(log: JudgmentLog) -> None:
    log.append("q", "d", 3, "ann")
    log.append("q", "d", 0, "ann")
    log.append("q", "e", 1, "ann")
    log.append("q", "e", 2, "ben")
    assert log.undo("ann").doc_id == "e"
    assert log.grades() == {"q": {"d": 0, "e": 2}}
    assert log.undo("ann").grade == 0
    assert log.grades() == {"q": {"d": 3, "e": 2}}
    assert log.undo("ann").grade == 3
    assert log.grades() == {"q": {"e": 2}}
    with pytest.raises(UsageError, match="no judgment of 'ann' to undo"):
        log.undo("ann")
    assert [item.retracts for item in log.history()] == [1, 2, 3, None, None, None, None]


def test_a_judgment_is_taken_back_once(log: JudgmentLog) -> None:
    first = log.append("q", "d", 3, "ann")
    taken = log.retract(first.number)
    assert (taken.kind, taken.retracts) == (JudgmentKind.RETRACTION, first.number)
    with pytest.raises(UsageError, match="judgment 1 was taken back already"):
        log.retract(first.number)
    with pytest.raises(UsageError, match="judge again instead"):
        log.retract(taken.number)
    with pytest.raises(UsageError, match="there is no judgment 9"):
        log.retract(9)
    assert len(log.history()) == 2


def test_judges_who_differ_are_told(log: JudgmentLog) -> None:
    one = log.append("q", "d", 3, "ann")
    log.append("q", "same", 1, "ann")
    log.append("p", "d", 0, "ann")
    two = log.append("q", "d", 0, "ben")
    log.append("q", "same", 1, "ben")
    assert log.conflicts() == log.conflicts("q") == [Conflict("q", "d", (one, two))]
    assert log.conflicts("p") == []
    assert log.grades() == {"q": {"d": 0, "same": 1}, "p": {"d": 0}}
    log.append("q", "d", 3, "ben")
    assert log.conflicts() == []


def test_what_a_model_proposes_is_nobodys_grade(log: JudgmentLog) -> None:
    proposal = log.append("q", "d", 3, "model", kind=JudgmentKind.PROPOSAL)
    assert log.grades() == read_stored_grades(log.path) == {}
    assert log.standing() == []
    assert log.standing(proposals=True) == [proposal]
    log.append("q", "d", 1, "ann")
    assert log.conflicts() == []
    assert log.grades() == {"q": {"d": 1}}
    log.retract(proposal.number)
    assert [item.judge for item in log.standing(proposals=True)] == ["ann"]


def test_several_are_stored_together_or_not_at_all(log: JudgmentLog) -> None:
    good = NewJudgment("q", "d", -1, "qrels")
    assert [item.number for item in log.append_many([good, good])] == [1, 2]
    for bad, name in (
        (NewJudgment(" ", "d", 1, "a"), "query"),
        (NewJudgment("q", "", 1, "a"), "document"),
        (NewJudgment("q", "d", 1, ""), "judge"),
    ):
        with pytest.raises(UsageError, match=f"needs a {name}"):
            log.append_many([good, bad])
    with pytest.raises(UsageError, match="by its number"):
        log.append("q", "d", 1, "a", kind=JudgmentKind.RETRACTION)
    assert len(log.history()) == 2


def test_judgments_of_an_older_database_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "traces.db"
    with monkeypatch.context() as older:
        older.setattr(migrations, "STEPS", migrations.STEPS[:1])
        older.setattr(database, "SCHEMA_VERSION", 1)
        TraceStore(path).close()
        with sqlite3.connect(path) as connection:
            sql = "INSERT INTO judgments (query, doc_id, grade, judge, created_at) VALUES (?, ?, ?, ?, ?)"
            for grade in (1, 2):
                connection.execute(sql, ("q", "d", grade, "ann", f"2026-01-0{grade}T00:00:00.000000Z"))
        connection.close()
    assert read_stored_grades(path) == {"q": {"d": 2}}
    log = JudgmentLog(path)
    assert [(item.kind, item.borderline, item.note) for item in log.history()] == [("grade", False, "")] * 2
    log.undo("ann")
    assert log.grades() == {"q": {"d": 1}}
    with TraceStore(path) as store:
        store.append(make_trace()).result()
        assert store.count() == 1


def test_a_row_that_is_none_is_one_line(log: JudgmentLog) -> None:
    log.append("q", "d", 1, "ann")
    with sqlite3.connect(log.path) as connection:
        connection.execute("UPDATE judgments SET created_at = 'yesterday'")
    connection.close()
    with pytest.raises(WorkspaceError, match="judgment 1 in the trace database cannot be read"):
        log.grades()


def test_several_judges_write_at_once(log: JudgmentLog) -> None:
    def judge(name: str) -> None:
        mine = JudgmentLog(log.path)
        for number in range(10):
            mine.append("q", f"d{number}", 1, name)

    threads = [threading.Thread(target=judge, args=(name,)) for name in ("ann", "ben", "cem")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log.standing()) == 30


def test_a_kill_loses_at_most_the_judgment_being_stored(log: JudgmentLog) -> None:
    code = (
        "import itertools, sys\n"
        "from rankscope.tracing.judgment_log import JudgmentLog\n"
        "log = JudgmentLog(sys.argv[1])\n"
        "for number in itertools.count():\n"
        "    log.append('q', f'd{number}', number % 4, 'ann')\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(log.path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    seen = [process.stdout.readline() for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split()
    process.stdout.close()
    process.wait()
    said = [int(line) for line in (*seen, *rest)]
    stored = [item.doc_id for item in log.standing()]
    assert stored == [f"d{number}" for number in range(len(stored))]
    assert len(said) <= len(stored) <= len(said) + 1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("ab"), st.sampled_from("de"), st.integers(0, 3)),
            st.sampled_from("ab"),
        ),
        max_size=12,
    )
)
def test_the_log_reads_as_a_stack_of_each_judge(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int] | str]
) -> None:
    log = JudgmentLog(tmp_path_factory.mktemp("log") / "traces.db")
    given_by: dict[str, list[tuple[int, str, int]]] = {"a": [], "b": []}
    for time, step in enumerate(steps):
        if isinstance(step, str):
            if given_by[step]:
                log.undo(step)
                given_by[step].pop()
        else:
            judge, doc_id, grade = step
            log.append("q", doc_id, grade, judge)
            given_by[judge].append((time, doc_id, grade))
    expected = {doc_id: grade for _, doc_id, grade in sorted(itertools.chain(*given_by.values()))}
    assert log.grades().get("q", {}) == expected


@pytest.mark.parametrize("grade", [10**23, 101, -11])
def test_a_grade_that_is_none_is_refused_with_everything_beside_it(log: JudgmentLog, grade: int) -> None:
    with pytest.raises(UsageError, match="a grade is a whole number from -10 to 100"):
        log.append_many([NewJudgment("q", "c", 1, "ann"), NewJudgment("q", "d", grade, "ann")])
    assert (log.history(), log.last_number()) == ([], 0)
    for place, edge in enumerate((-10, 100), start=1):
        assert log.append("q", "d", edge, "ann").grade == edge
        assert log.last_number() == place
