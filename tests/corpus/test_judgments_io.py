"""Reading queries and judgments: both layouts, and one clear line for each kind of fault."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rankscope.core.documents import Query
from rankscope.corpus.judgments_io import JudgedQuery, beir_query_files, read_qrels, read_queries
from rankscope.errors import CorpusError


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_beir_queries_with_stratum_and_filters(tmp_path: Path) -> None:
    path = write(
        tmp_path / "queries.jsonl",
        '\ufeff{"_id": "1", "text": "plain"}\r\n\n'
        '{"_id": "2", "text": "\\u001b[31m", "stratum": "short", "metadata": {},'
        ' "filters": {"tenant": "acme", "year": 2024, "open": true}}\n',
    )
    assert read_queries(path) == [
        JudgedQuery(Query("plain", query_id="1")),
        JudgedQuery(
            Query("\x1b[31m", filters={"tenant": "acme", "year": "2024", "open": "true"}, query_id="2"),
            "short",
        ),
    ]


def test_topics_as_lines_of_id_tab_text(tmp_path: Path) -> None:
    path = write(tmp_path / "topics.tsv", "51\thow high\tis it\n52\twhy\n")
    assert [(item.query_id, item.query.text) for item in read_queries(path)] == [
        ("51", "how high\tis it"),
        ("52", "why"),
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"_id": "2"', "not valid JSON"),
        ("[1]", "not an object"),
        ('{"text": "t"}', "'_id' is missing"),
        ('{"_id": 2, "text": "t"}', "'_id' is 2, expected text"),
        ('{"_id": "2", "text": null}', "'text' is missing"),
        ('{"_id": "2", "text": "  "}', "the text of query '2' is empty"),
        ('{"_id": "2", "text": "t", "stratum": 3}', "'stratum' is 3, expected text"),
        ('{"_id": "2", "text": "t", "filters": ["a"]}', "'filters' is"),
        ('{"_id": "2", "text": "t", "filters": {"a": null}}', "filter 'a' is null"),
        ('{"_id": "1", "text": "t"}', "'1' stands on line 1 already"),
        (b'{"_id": "2", "text": "\xff"}', "not valid UTF-8"),
    ],
)
def test_a_bad_query_is_named_by_file_and_line(tmp_path: Path, line: str | bytes, complaint: str) -> None:
    raw = line if isinstance(line, bytes) else line.encode()
    path = write(tmp_path / "queries.jsonl", b'{"_id": "1", "text": "t"}\n' + raw + b"\n")
    with pytest.raises(CorpusError, match="queries") as caught:
        read_queries(path)
    assert f"{path}:2: " in str(caught.value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_topic_line_without_a_tab_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"topics.tsv:1: expected a query id, a tab"):
        read_queries(write(tmp_path / "topics.tsv", "51 how high\n"))


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tb c\t0\nq2\ta\t-1\n",
        "q1\t0\ta\t2\nq1\t0\tb c\t0\nq2\t0\ta\t-1\n",
        "q1\ta\t2\nq1\tb c\t0\nq1\ta\t2\n\nq2\ta\t-1\n",
    ],
)
def test_beir_and_trec_judgments(tmp_path: Path, text: str) -> None:
    assert read_qrels(write(tmp_path / "q", text)) == {"q1": {"a": 2, "b c": 0}, "q2": {"a": -1}}


def test_trec_judgments_parted_by_spaces(tmp_path: Path) -> None:
    assert read_qrels(write(tmp_path / "q", "51 0  d1   1\n51 0 d2 0\n")) == {"51": {"d1": 1, "d2": 0}}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("q1\tb", "2 columns, expected 3"),
        ("q1 0 b 1 2", "5 columns"),
        ("q1\tb\thigh", "the grade is 'high', expected a whole number"),
        ("q1\tb\t1.5", "the grade is '1.5'"),
        ("q1\t\t1", "the document id is empty"),
        ("q1\ta\t3", "document 'a' has grade 3 for query 'q1', but 1 on line 2"),
    ],
)
def test_a_bad_judgment_is_named_by_file_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    path = write(tmp_path / "test.tsv", f"query-id\tcorpus-id\tscore\nq1\ta\t1\n{line}\n")
    with pytest.raises(CorpusError) as caught:
        read_qrels(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert complaint in str(caught.value)


def test_files_without_content_or_that_are_not_there(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty", "\n")
    for read in (read_queries, read_qrels):
        with pytest.raises(CorpusError, match="found"):
            read(empty)
        with pytest.raises(CorpusError, match="cannot be read"):
            read(tmp_path / "absent")


def test_a_folder_is_judged_when_both_files_are_there(tmp_path: Path) -> None:
    assert beir_query_files(tmp_path) is None
    write(tmp_path / "queries.jsonl", "")
    (tmp_path / "qrels").mkdir()
    assert beir_query_files(tmp_path) is None
    qrels = write(tmp_path / "qrels" / "test.tsv", "")
    assert beir_query_files(tmp_path) == (tmp_path / "queries.jsonl", qrels)


def test_packed_files_are_read_like_plain_ones(tmp_path: Path) -> None:
    queries = '{"_id": "q1", "text": "one", "filters": {"year": 2024.0, "draft": true}}\n'
    (tmp_path / "qrels").mkdir()
    (tmp_path / "queries.jsonl.gz").write_bytes(gzip.compress(queries.encode()))
    (tmp_path / "qrels" / "test.tsv.gz").write_bytes(gzip.compress(b"q1\td1\t2\n"))
    files = beir_query_files(tmp_path)
    assert files is not None
    (item,) = read_queries(files[0])
    assert (item.query.text, item.query.filters) == ("one", {"year": "2024", "draft": "true"})
    assert read_qrels(files[1]) == {"q1": {"d1": 2}}
    (tmp_path / "qrels" / "test.tsv.gz").write_bytes(gzip.compress(b"q1\td1\t2\n")[:-6])
    with pytest.raises(CorpusError, match="gzip file is damaged"):
        read_qrels(files[1])
