"""CSV: delimiters, quoting, columns, and what is said of broken records."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankscope.core.documents import Document
from rankscope.corpus.loader import LoadOptions, load
from rankscope.errors import CorpusError


def written(folder: Path, content: str | bytes, name: str = "c.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_from_the_header(tmp_path: Path, mark: str) -> None:
    lines = [["ID", "Text", "year"], ["a", 'He said "no', "2023"], ["b", f"x{mark}\ny", ""]]
    stream = io.StringIO()
    csv.writer(stream, delimiter=mark).writerows(lines)
    documents = list(load(written(tmp_path, "\ufeff" + stream.getvalue())))
    assert documents == [
        Document("a", 'He said "no', metadata={"year": "2023"}),
        Document("b", f"x{mark}\ny"),
    ]


def test_without_an_id_column_records_are_numbered(tmp_path: Path) -> None:
    documents = list(load(written(tmp_path, "text\none\n\ntwo\n")))
    assert [(document.doc_id, document.text) for document in documents] == [
        ("c.csv#1", "one"),
        ("c.csv#2", "two"),
    ]


def test_the_delimiter_and_columns_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, "key~answer~name\n1~x, y~t\n")
    options = LoadOptions(delimiter="~", text_column="answer", id_column="key", title_column="name")
    assert list(load(path, options)) == [Document("1", "x, y", "t")]


def test_a_metadata_column_is_a_column_like_any_other(tmp_path: Path) -> None:
    assert list(load(written(tmp_path, 'id,text,metadata\na,x,"{1}"\n'))) == [
        Document("a", "x", metadata={"metadata": "{1}"})
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,title\na,x\n", r"c\.csv:1: no text: expected .*found 'id', 'title'.*--text-column"),
        ("id,text,id\na,x,b\n", r"c\.csv:1: the header names 'id' twice"),
        ("id,text\na,x\nb,y,z\n", r"c\.csv:3: the record has 3 fields, the header 2.*double quotes"),
        ("id,text\na,x\nb\n", r"c\.csv:3: the record has 1 field, the header 2"),
        (
            'id,text\na,"x\ny"\nb,"open\nto\nthe end\n',
            r"c\.csv:4: not valid CSV: .*runs to line 6.*Close every",
        ),
        ('id,text\na,"x"y\n', r"c\.csv:2: not valid CSV"),
        ("id,text\na,x\nb,\n", r"c\.csv:3: the text of document 'b' is empty"),
        ("id,text\na,x\n,y\n", r"c\.csv:3: there is no id"),
        ('id,text\na,"x\ny"\na,z\n', r"c\.csv:4: the id 'a' stands twice, it stands at line 2 already"),
        (b'id,text\na,x\nb,"caf\n\xe9"\n', r"c\.csv:4: not valid UTF-8: byte 1 of the line is 0xe9"),
        ("id,text\na," + "x" * (2 << 20) + "\n", r"c\.csv:2: the line has 2,097,\d+ bytes"),
        (b"id,text\xe9\n", r"c\.csv:1: not valid UTF-8"),
    ],
)
def test_a_bad_record_is_named_by_its_first_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as raised:
        list(load(written(tmp_path, content)))
    assert "\n" not in str(raised.value)


def test_a_named_column_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, "id,text\na,x\n")
    with pytest.raises(CorpusError, match=r"c\.csv:1: no 'name': the title was said.*Correct --title-column"):
        list(load(path, LoadOptions(title_column="name")))


def test_on_request_bad_records_are_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    content = b'id,text\na,x\nb,y,z\nc,"q"q\nd,"1\n2"\ne,caf\xe9\nf,\ng,w\n'
    loading = load(written(tmp_path, content), LoadOptions(skip_bad=True))
    assert [document.doc_id for document in loading] == ["a", "d", "g"]
    assert loading.skipped == 4
    assert [message.split(": ")[0].rsplit(":", 1)[1] for message in loading.rejected] == ["3", "4", "7", "8"]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=6))
def test_any_cell_survives(tmp_path: Path, cells: list[str]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(
        [["text", "id"]] + [[f"x{cell}", n] for n, cell in enumerate(cells)]
    )
    path = written(tmp_path, stream.getvalue())
    assert [document.text for document in load(path)] == [f"x{cell}" for cell in cells]
