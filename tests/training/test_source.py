"""What training takes from judgments: corpus and store on one scale, the border left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rankscope.corpus.loader import LoadOptions
from rankscope.engine.indexing import IndexBuild
from rankscope.engine.merged_grades import RESCALED
from rankscope.engine.workspace import Workspace
from rankscope.errors import UsageError
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.training.mining import Mining
from rankscope.training.source import Source, source_from_workspace

CORPUS = {
    "red": "Red shoes are repaired within a week.",
    "crimson": "Crimson shoes are repaired within two weeks.",
    "hat": "Blue hats are cleaned by hand.",
    "shoe-care": "Shoes of any colour are brushed before repair.",
    "coat": "Green coats are stored in the cellar.",
    "glove": "Gloves are sold in pairs.",
}
QUERIES = {"q1": "repair of red shoes", "q2": "cleaning blue hats", "q3": "nobody judged this"}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "qrels").mkdir()
    for name, records in (("corpus", CORPUS), ("queries", QUERIES)):
        lines = (json.dumps({"_id": key, "text": text}) + "\n" for key, text in records.items())
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    came(tmp_path, ("q1", "red", 1), ("q1", "crimson", 0), ("q2", "hat", 1))
    with closing(Workspace(tmp_path)) as opened:
        yield opened


def came(folder: Path, *rows: tuple[str, str, int]) -> None:
    """Write the judgments that came with the corpus."""
    lines = "".join(f"{query}\t{doc_id}\t{grade}\n" for query, doc_id, grade in rows)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + lines)


def judge(workspace: Workspace, query: str, doc_id: str, grade: int, *, borderline: bool = False) -> None:
    JudgmentLog(workspace.traces_path).append(query, doc_id, grade, "ann", borderline=borderline)


def read(workspace: Workspace) -> Source:
    return source_from_workspace(workspace, None, None)


def test_grades_of_the_store_stand_above_those_of_the_corpus_by_text_or_id(workspace: Workspace) -> None:
    judge(workspace, QUERIES["q1"], "crimson", 1)
    judge(workspace, "q2", "glove", 0)
    judge(workspace, QUERIES["q3"], "coat", 1)
    judge(workspace, "where are coats kept", "coat", 1)
    source = read(workspace)
    assert [item.query_id for item in source.queries] == ["q1", "q2", "q3", "where are coats kept"]
    assert source.judgments.grades["q1"] == {"red": 1, "crimson": 1}
    assert source.judgments.grades["q2"] == {"hat": 1, "glove": 0}
    assert source.judgments.relevant("q3") == {"coat"}
    assert source.judgments.relevant("where are coats kept") == {"coat"}
    assert (source.judgments.relevant_from, dict(source.set_aside)) == (1, {})
    assert source.described[0].startswith(f"{workspace.name}: 2 judged queries, 3 judgments")
    assert source.described[1:] == ("trace store: 4 judgments of 4 queries made in RankScope",)


def test_a_document_on_the_border_is_neither_right_nor_wrong(workspace: Workspace) -> None:
    judge(workspace, QUERIES["q1"], "shoe-care", 1, borderline=True)
    judge(workspace, "where are coats kept", "coat", 3)
    judge(workspace, "where are coats kept", "glove", 1)
    source = read(workspace)
    judgments = source.judgments
    assert judgments.relevant_from == 2
    # Relevant in a file that knows two grades is more than borderline.
    assert judgments.grades["q1"] == {"red": 2, "crimson": 0, "shoe-care": 1}
    assert judgments.relevant("q1") == {"red"}
    assert source.set_aside == {
        "q1": frozenset({"shoe-care"}),
        "where are coats kept": frozenset({"glove"}),
    }
    assert RESCALED in source.described
    assert "2 judged documents on the border of being relevant: trained on as neither" in source.described


def test_what_is_stored_under_the_text_stands_above_a_mark_under_the_id(workspace: Workspace) -> None:
    judge(workspace, "q1", "shoe-care", 1, borderline=True)
    judge(workspace, QUERIES["q1"], "shoe-care", 3)
    source = read(workspace)
    assert source.judgments.relevant("q1") == {"red", "shoe-care"}
    assert source.set_aside == {}


def test_judgments_of_queries_that_are_not_there_are_not_described(workspace: Workspace) -> None:
    came(workspace.folder, ("q1", "red", 1), ("q1", "crimson", 0), ("gone", "hat", 1), ("gone", "coat", 0))
    source = read(workspace)
    assert [item.query_id for item in source.queries] == ["q1"]
    assert source.described[0].startswith(f"{workspace.name}: 1 judged query, 2 judgments")
    came(workspace.folder, ("gone", "hat", 1))
    judge(workspace, "q2", "hat", 1)
    assert read(workspace).described == ("trace store: 1 judgment of 1 query made in RankScope",)


def test_another_reach_of_the_grades_is_said_and_nothing_is_guessed(workspace: Workspace) -> None:
    came(workspace.folder, ("q1", "red", 3), ("q1", "crimson", 0), ("q2", "hat", 2))
    judge(workspace, QUERIES["q1"], "shoe-care", 1)
    source = read(workspace)
    assert source.judgments.grades["q1"] == {"red": 3, "crimson": 0, "shoe-care": 1}
    assert source.described[-1] == (
        "grades of the store reach 1, those that came with the corpus 3: kept as given"
    )


def test_judgments_of_the_store_alone_are_enough(tmp_path: Path) -> None:
    with closing(Workspace(tmp_path)) as workspace:
        with pytest.raises(UsageError, match="nothing is judged in the store"):
            read(workspace)
        judge(workspace, "where are coats kept", "coat", 3)
        judge(workspace, "where are coats kept", "glove", 1, borderline=True)
        source = read(workspace)
    assert source.judgments.relevant("where are coats kept") == {"coat"}
    assert source.set_aside == {"where are coats kept": frozenset({"glove"})}


def test_mining_takes_the_border_neither_as_judged_nor_as_a_neighbour(workspace: Workspace) -> None:
    for _ in IndexBuild(workspace, workspace.folder, LoadOptions(format="beir")).iter_progress():
        pass
    judge(workspace, QUERIES["q1"], "shoe-care", 1, borderline=True)
    mining = Mining(read(workspace), most=10)
    for _ in mining.iter_progress():
        pass
    first = next(item for item in mining.examples if item.query_id == "q1")
    grades = {passage.doc_id: passage.grade for passage in first.passages}
    assert (grades["red"], grades["crimson"]) == (2, 0)
    assert "shoe-care" not in grades
    assert grades.keys() & {"hat", "coat", "glove"}
