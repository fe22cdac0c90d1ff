"""Every format in, documents out; bad input gets one line that says where it is and how to mend it."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankscope.core.documents import Document
from rankscope.corpus.loader import FORMATS, LoadOptions, load, sniff_format
from rankscope.corpus.records import MAX_PASSAGE
from rankscope.errors import CorpusError, UsageError

GOOD = [{"_id": f"d{number}", "title": f"T{number}", "text": f"Text {number}"} for number in range(1, 11)]


def jsonl(path: Path, *records: Any) -> Path:
    """Write records as JSON lines; a string is written as it is."""
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def one_line(error: CorpusError) -> str:
    assert "\n" not in str(error)
    return str(error)


def test_json_lines_with_their_usual_keys(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "c.jsonl",
        {"_id": "a", "text": "x", "title": "t", "metadata": {"year": 2023, "tags": ["p"]}, "tenant": "acme"},
        {"id": 7, "contents": "y", "title": None, "metadata": None},
        "",
        {"doc_id": "c", "body": "\ud800\0\u202e"},
        {"_id": "d", "text": "", "title": "only a title"},
    )
    assert list(load(path)) == [
        Document("a", "x", "t", {"year": 2023, "tags": ["p"], "tenant": "acme"}),
        Document("7", "y"),
        Document("c", "\ud800\0\u202e"),
        Document("d", "", "only a title"),
    ]


def test_named_keys_come_before_the_usual_ones(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "c.jsonl", {"_id": "a", "key": "k1", "text": "no", "answer": "yes", "headline": "h"}
    )
    options = LoadOptions(text_column="answer", id_column="key", title_column="headline")
    assert list(load(path, options)) == [Document("k1", "yes", "h", {"_id": "a", "text": "no"})]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, unique_by=lambda pair: pair[0])
)
def test_any_text_survives_json_lines(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    pairs = [(doc_id, f"x{text}") for doc_id, text in pairs]
    path = jsonl(tmp_path / "c.jsonl", *({"_id": doc_id, "text": text} for doc_id, text in pairs))
    assert [(document.doc_id, document.text) for document in load(path)] == pairs


@pytest.mark.parametrize("pack", [False, True])
def test_a_byte_order_mark_crlf_and_gzip_change_nothing(tmp_path: Path, pack: bool) -> None:
    raw = b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(record).encode() for record in GOOD)
    path = tmp_path / ("c.jsonl.gz" if pack else "c.jsonl")
    path.write_bytes(gzip.compress(raw) if pack else raw)
    assert [document.doc_id for document in load(path)] == [record["_id"] for record in GOOD]


BAD_SEVENTH = [
    ('{"_id": "x", "text": ', r"not valid JSON at column \d+: .*Expected one object a line"),
    ('["x"]', r"the line is \['x'\], not an object"),
    ('{"_id": "x", "text": NaN}', "NaN is no JSON value"),
    ("[" * 100_000, "nested too deeply|not valid JSON"),
    ({"_id": "x"}, r'no text: expected "text", "contents" or "body", found \'_id\'.*--text-column'),
    ({"text": "x"}, r'there is no id: expected "_id", "id" or "doc_id"'),
    ({"_id": 1.5, "text": "x"}, "the id is 1.5: expected"),
    ({"_id": True, "text": "x"}, "the id is True: expected"),
    ({"_id": "", "text": "x"}, "the id is '': expected"),
    ({"_id": "x", "text": 5}, "'text' is a number, expected text"),
    ({"_id": "x", "text": ["a"]}, "'text' is a list, expected text"),
    ({"_id": "x", "text": "t", "title": {}}, "'title' is an object, expected text"),
    ({"_id": "x", "text": "t", "metadata": "m"}, '"metadata" is text, expected an object'),
    ({"_id": "x", "text": "t", "metadata": [1]}, '"metadata" is a list, expected an object'),
    (
        {"_id": "x", "text": "t", "metadata": {"y": 1}, "y": 2},
        "'y' has one value in \"metadata\" and another",
    ),
    ({"_id": "x", "text": " \n"}, r"the text of document 'x' is empty.*--skip-bad"),
    ({"_id": "d3", "text": "x"}, "the id 'd3' stands twice, it stands at line 3 already"),
    ({"_id": "\x1b[31m", "text": ""}, r"document '\\x1b\[31m' is empty"),
    (
        {"_id": "x", "text": "a" * (2 << 20)},
        r"the line has 2,097,\d+ bytes, at most 1,048,576 \(1 MiB\) are read.*split",
    ),
]


@pytest.mark.parametrize(("line", "message"), BAD_SEVENTH)
def test_a_bad_seventh_line_is_named(tmp_path: Path, line: Any, message: str) -> None:
    path = jsonl(tmp_path / "c.jsonl", *GOOD[:6], line, *GOOD[6:])
    read: list[Document] = []
    with pytest.raises(CorpusError, match=message) as raised:
        read.extend(load(path))
    assert one_line(raised.value).startswith(f"{path}:7: ")
    assert raised.value.line == 7


@pytest.mark.parametrize(("line", "message"), BAD_SEVENTH)
def test_on_request_a_bad_line_is_left_out_counted_and_listed(
    tmp_path: Path, line: Any, message: str
) -> None:
    path = jsonl(tmp_path / "c.jsonl", *GOOD[:6], line, *GOOD[6:])
    loading = load(path, LoadOptions(skip_bad=True))
    assert [document.doc_id for document in loading] == [record["_id"] for record in GOOD]
    assert (loading.documents, loading.skipped) == (10, 1)
    assert loading.rejected[0].startswith(f"{path}:7: ")


def test_invalid_utf8_is_named_by_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"_id": "a", "text": "x"}\n{"_id": "b", "text": "caf\xe9"}\n')
    with pytest.raises(
        CorpusError, match=r"c\.jsonl:2: not valid UTF-8: byte 26 of the line is 0xe9.*as UTF-8"
    ):
        list(load(path))
    assert [document.doc_id for document in load(path, LoadOptions(skip_bad=True))] == ["a"]


def test_a_line_of_just_the_limit_is_read(tmp_path: Path) -> None:
    frame = len('{"_id": "x", "text": ""}')
    path = jsonl(tmp_path / "c.jsonl", {"_id": "x", "text": "a" * (MAX_PASSAGE - frame)}, GOOD[0])
    assert [document.doc_id for document in load(path)] == ["x", "d1"]


@pytest.mark.parametrize("name", ["c.jsonl", "c.csv", "c.txt", "c.jsonl.gz"])
def test_an_empty_file_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(CorpusError, match=r"c\.\w+(\.gz)?: the file (is empty|holds no text)") as raised:
        list(load(tmp_path / name))
    one_line(raised.value)


def test_blank_lines_alone_are_no_documents(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no documents found"):
        list(load(jsonl(tmp_path / "c.jsonl", "", "")))


def test_utf16_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"_id": "a", "text": "x"}', encoding="utf-16")
    with pytest.raises(CorpusError, match="the file is UTF-16, expected UTF-8"):
        list(load(tmp_path / "c.jsonl"))


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"_id": "a", "text": "x"}\n' * 500)
    (tmp_path / "c.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CorpusError, match=r"c\.jsonl\.gz: the gzip file is damaged"):
        list(load(tmp_path / "c.jsonl.gz", LoadOptions(skip_bad=True)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_read_rights_is_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "c.jsonl", *GOOD)
    path.chmod(0)
    with pytest.raises(CorpusError, match=r"c\.jsonl: cannot be read: Permission denied"):
        list(load(path))


def test_a_folder_under_a_file_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").mkdir()
    with pytest.raises(CorpusError, match=r"cannot be read: Is a directory"):
        list(load(tmp_path / "c.jsonl", LoadOptions(format="jsonl")))


def test_a_title_key_that_never_occurs_is_an_error(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "c.jsonl", *GOOD)
    with pytest.raises(CorpusError, match="no line has a title under 'headline'"):
        list(load(path, LoadOptions(title_column="headline")))


def test_a_beir_folder_leaves_empty_documents_out_and_says_so(tmp_path: Path) -> None:
    jsonl(tmp_path / "corpus.jsonl", GOOD[0], {"_id": "e", "title": "", "text": ""}, GOOD[1])
    loading = load(tmp_path)
    assert loading.format == "beir"
    assert [document.doc_id for document in loading] == ["d1", "d2"]
    assert loading.rejected == [f"{tmp_path / 'corpus.jsonl'}:2: the text of document 'e' is empty."]


def test_a_packed_beir_corpus_is_read(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(json.dumps(GOOD[0]).encode()))
    assert list(load(tmp_path)) == [Document("d1", "Text 1", "T1")]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b"{}", "jsonl"),
        ("a.ndjson.gz", b"{}", "jsonl"),
        ("a.json", b"{}", "jsonl"),
        ("a.CSV", b"text", "csv"),
        ("a.tsv", b"text", "csv"),
        ("a.parquet", b"PAR1", "parquet"),
        ("a.md", b"# A", "text"),
        ("a.txt", b"A", "text"),
        ("dump", b'\xef\xbb\xbf {"_id"', "jsonl"),
        ("dump", b"PAR1....", "parquet"),
    ],
)
def test_the_format_is_told_by_name_or_beginning(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert sniff_format(tmp_path / name) == expected
    assert expected in FORMATS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"[{}]", r"one JSON array, expected one object a line.*jq"),
        ("a.pdf", b"%PDF", r"does not tell the format.*--format: beir, csv, jsonl, parquet, text"),
        ("nothing", None, "there is no such file or folder"),
    ],
)
def test_an_unknown_format_is_an_error(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        load(tmp_path / name)


def test_a_folder_without_text_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n")
    with pytest.raises(CorpusError, match=r"holds no \.md, \.txt or corpus\.jsonl \(found: 1 \.csv\)"):
        load(tmp_path)


def test_a_format_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown format 'xml'.*Known: beir"):
        load(tmp_path, LoadOptions(format="xml"))
