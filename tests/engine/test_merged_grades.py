"""Judgments of files and of the store: every command reads the same grades out of the same two."""

from __future__ import annotations

from pathlib import Path

import pytest

from rankscope.core.documents import Query
from rankscope.engine.deciding import judged_traces
from rankscope.engine.evaluation import load_query_set, stored_query_set
from rankscope.engine.floors import Judged, judged_of
from rankscope.engine.known_judgments import KnownJudgments
from rankscope.engine.merged_grades import RESCALED, merge_grades
from rankscope.engine.workspace import Workspace
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.tracing.store import TraceStore
from tests.engine.test_judged_traces import made

TEXTS = {"q1": "red shoes", "q2": "blue hats"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def log(workspace: Workspace) -> JudgmentLog:
    return JudgmentLog(workspace.traces_path)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    queries, qrels = tmp_path / "queries.tsv", tmp_path / "qrels.txt"
    queries.write_text("".join(f"{key}\t{text}\n" for key, text in TEXTS.items()))
    qrels.write_text("q1 0 a 1\nq1 0 junk -2\nq2 0 b 1\n")
    return queries, qrels


def of_eval(files: tuple[Path, Path], log: JudgmentLog) -> tuple[dict[str, dict[str, int]], int, bool]:
    found = load_query_set("c", *files, stored=log.grades(), marked=bool(log.borderline()))
    judgments = found.judgments
    return (
        {key: dict(judgments.grades[key]) for key in TEXTS},
        judgments.relevant_from,
        found.rescaled,
    )


def of_verdict(
    workspace: Workspace, files: tuple[Path, Path]
) -> tuple[dict[str, dict[str, int]], int, bool, Judged]:
    judged = judged_of(workspace, *files)
    judgments = judged.judgments
    assert judgments is not None
    assert {text: judgments.grades[text] for text in TEXTS.values()} == {
        text: judgments.grades[key] for key, text in TEXTS.items()
    }
    known = {key: dict(judgments.grades[key]) for key in TEXTS}
    return known, judgments.relevant_from, judged.rescaled, judged


@pytest.mark.parametrize(
    ("stored", "grades", "relevant_from", "rescaled"),
    [
        ([], {"q1": {"a": 1, "junk": -2}, "q2": {"b": 1}}, 1, False),
        ([("red shoes", "c", 1, False)], {"q1": {"a": 1, "junk": -2, "c": 1}, "q2": {"b": 1}}, 1, False),
        ([("red shoes", "c", 3, False)], {"q1": {"a": 2, "junk": -2, "c": 3}, "q2": {"b": 2}}, 1, True),
        ([("q2", "c", 1, True)], {"q1": {"a": 2, "junk": -2}, "q2": {"b": 2, "c": 1}}, 2, True),
        (
            [("red shoes", "a", 3, False), ("q1", "a", 0, False), ("elsewhere", "z", 2, False)],
            {"q1": {"a": 3, "junk": -2}, "q2": {"b": 2}},
            1,
            True,
        ),
    ],
    ids=["nothing stored", "binary", "graded", "borderline", "text above id"],
)
def test_eval_and_verdict_read_the_same_grades(
    workspace: Workspace,
    log: JudgmentLog,
    files: tuple[Path, Path],
    stored: list[tuple[str, str, int, bool]],
    grades: dict[str, dict[str, int]],
    relevant_from: int,
    rescaled: bool,
) -> None:
    for query, doc_id, grade, borderline in stored:
        log.append(query, doc_id, grade, "ann", borderline=borderline)
    *found, judged = of_verdict(workspace, files)
    assert tuple(found) == of_eval(files, log) == (grades, relevant_from, rescaled)
    assert (RESCALED in judged.source) == rescaled


def test_graded_files_stay_as_they_are() -> None:
    files = {"q1": {"a": 2, "b": 1}}
    merged = merge_grades(files, {"q1": {"c": 3}}, {}, marked=True)
    assert (merged.grades, merged.rescaled) == ({"q1": {"a": 2, "b": 1, "c": 3}}, False)
    assert files == {"q1": {"a": 2, "b": 1}}


def test_a_document_on_the_border_is_not_relevant_anywhere(
    workspace: Workspace, log: JudgmentLog, files: tuple[Path, Path]
) -> None:
    live = Query("red shoes")
    with TraceStore(workspace.traces_path) as store:
        store.append(made("t", live, "x"))
    log.append("red shoes", "c", 1, "ann")
    assert judged_of(workspace, *files).relevant_to(live) == frozenset({"a", "c"})
    marked = log.append("red shoes", "c", 1, "ann", borderline=True)
    assert judged_of(workspace, *files).relevant_to(live) == frozenset({"a"})
    assert KnownJudgments(workspace).relevant_to(live) == frozenset()
    found, _ = judged_traces(workspace)
    assert found.judgments.relevant("red shoes") == frozenset()
    assert not found.judgments.is_answerable("red shoes")
    alone = stored_query_set("c", log.grades(), marked=bool(log.borderline()))
    assert alone.judgments.relevant("red shoes") == frozenset()
    log.retract(marked.number)
    assert judged_traces(workspace)[0].judgments.relevant("red shoes") == {"c"}


def test_live_runs_know_judgments_by_id_and_as_they_come(workspace: Workspace, log: JudgmentLog) -> None:
    known = KnownJudgments(workspace)
    assert known.relevant_to(Query("red shoes", query_id="q1")) is None
    log.append("q1", "a", 2, "trec")
    assert known.relevant_to(Query("red shoes", query_id="q1")) == frozenset({"a"})
    assert known.relevant_to(Query("red shoes")) is None
    newest = log.append("red shoes", "b", 2, "ann")
    assert known.relevant_to(Query("red shoes", query_id="q1")) == frozenset(
        {"b"}
    )  # the text says more than a number
    log.retract(newest.number)
    assert known.relevant_to(Query("red shoes", query_id="q1")) == frozenset({"a"})


def test_an_id_that_the_files_give_to_another_query_is_not_asked(
    workspace: Workspace, log: JudgmentLog, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rankscope.engine import known_judgments
    from rankscope.engine.floors import file_judgments

    monkeypatch.setattr(
        known_judgments, "file_judgments", lambda workspace: file_judgments(workspace, *files)
    )
    known = KnownJudgments(workspace)
    log.append("q1", "c", 1, "trec")
    assert known.relevant_to(Query("red shoes", query_id="q1")) == frozenset({"a", "c"})
    assert known.relevant_to(Query("red shoes")) == frozenset({"a", "c"})
    assert known.relevant_to(Query("green coats", query_id="q1")) is None
