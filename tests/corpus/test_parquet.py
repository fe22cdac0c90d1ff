"""Parquet: columns, kinds of value, and what is said of bad rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from rankscope.core.documents import Document
from rankscope.corpus.loader import LoadOptions, load
from rankscope.errors import CorpusError


def written(folder: Path, **columns: Any) -> Path:
    path = folder / "c.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return path


def test_columns_become_documents(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        id=[1, 2],
        text=["x", "y\0"],
        title=["t", None],
        day=[date(2024, 1, 31), None],
        price=[Decimal("1.50"), None],
        share=[float("nan"), 0.5],
        tags=[["p", "q"], []],
        metadata=[{"tenant": "acme"}, None],
        __index_level_0__=[0, 1],
        picture=[b"\xff\xd8", b""],
    )
    loading = load(path)
    assert list(loading) == [
        Document("1", "x", "t", {"tenant": "acme", "day": "2024-01-31", "price": "1.50", "tags": ["p", "q"]}),
        Document("2", "y\0", metadata={"share": 0.5, "tags": []}),
    ]
    assert loading.notes == [f"{path}: binary columns are left out: picture."]


def test_without_an_id_column_rows_are_numbered(tmp_path: Path) -> None:
    assert [document.doc_id for document in load(written(tmp_path, text=["x", "y"]))] == [
        "c.parquet#1",
        "c.parquet#2",
    ]


def test_more_rows_than_one_batch(tmp_path: Path) -> None:
    path = written(tmp_path, id=[f"{n:04}" for n in range(1201)], text=["x"] * 1201)
    assert len(list(load(path))) == 1201


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["a"], "name": ["x"]}, r"c\.parquet: no text: expected .*found 'id', 'name'"),
        ({"id": ["a", "b"], "text": ["x", None]}, r"c\.parquet:2: the text of document 'b' is empty"),
        ({"id": ["a", "b", "a"], "text": ["x", "y", "z"]}, r"c\.parquet:3: the id 'a' stands twice.*line 1"),
        ({"id": ["a", None], "text": ["x", "y"]}, r"c\.parquet:2: there is no id"),
        ({"id": ["a"], "text": [5]}, r"c\.parquet:1: 'text' is a number"),
        ({"id": ["a"], "text": [b"caf\xe9"]}, r"c\.parquet:1: not valid UTF-8: byte 4"),
        ({"id": [1.5], "text": ["x"]}, r"c\.parquet:1: the id is 1\.5"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        list(load(written(tmp_path, **columns)))


def test_on_request_bad_rows_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, id=["a", None, "c"], text=["x", "y", "z"])
    loading = load(path, LoadOptions(skip_bad=True))
    assert [document.doc_id for document in loading] == ["a", "c"]
    assert loading.skipped == 1


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.parquet").write_bytes(b"PAR1 but then nothing that fits")
    with pytest.raises(CorpusError, match=r"c\.parquet: cannot be read as Parquet") as raised:
        list(load(tmp_path / "c.parquet"))
    assert "\n" not in str(raised.value)
