"""Records of JSON files, tables and odd texts, with the line each starts on."""

from __future__ import annotations

import gzip
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rankscope.errors import InputError
from rankscope.tracing.formats.literals import parse_literal
from rankscope.tracing.formats.mapping.model import load_mapping
from rankscope.tracing.formats.records import read_json
from rankscope.tracing.formats.tables import read_csv, read_sqlite
from rankscope.tracing.formats.values import as_id, as_moment, as_number, as_rank, as_text, plain


def _json(path: Path, content: str | bytes) -> list[tuple[int, Any, str]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return [(record.line, record.value, record.error.split(":")[0]) for record in read_json(path)]


def test_lines_with_a_broken_one_and_a_blank_one(tmp_path: Path) -> None:
    content = b'{"a": 1}\n{"a": \n\n{"a": "\xff"}\n[2]\n'
    assert _json(tmp_path / "x", content) == [
        (1, {"a": 1}, ""),
        (2, None, "not valid JSON"),
        (3, None, ""),
        (4, None, "not valid JSON"),
        (5, [2], ""),
    ]


def test_a_list_over_several_lines_knows_where_each_element_starts(tmp_path: Path) -> None:
    content = '[\n  {"a": 1},\n  {\n    "a": 2\n  },\n  3\n]\n'
    assert _json(tmp_path / "x", content) == [(2, {"a": 1}, ""), (3, {"a": 2}, ""), (6, 3, "")]


def test_pretty_objects_one_after_another_and_a_broken_one_between(tmp_path: Path) -> None:
    content = '{\n  "a": 1\n}\n{\n  "a": oops\n}\n{\n  "a": 3\n}\n'
    assert _json(tmp_path / "x", content) == [
        (1, {"a": 1}, ""),
        (4, None, "not valid JSON"),
        (7, {"a": 3}, ""),
    ]


def test_one_object_gzip_utf16_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = '{\n "ä": 1\n}'
    expected = [(1, {"ä": 1}, "")]
    assert _json(tmp_path / "a", text) == expected
    assert _json(tmp_path / "b", gzip.compress(text.encode())) == expected
    assert _json(tmp_path / "c", text.encode("utf-16")) == expected
    assert _json(tmp_path / "d", text.encode("utf-8-sig")) == expected


def test_damaged_gzip_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:40])
    with pytest.raises(InputError, match="gzip data is damaged"):
        list(read_json(path))


def test_deep_nesting_is_rejected(tmp_path: Path) -> None:
    (record,) = _json(tmp_path / "x", "[" * 200_000)
    assert record[2] == "not valid JSON"


def test_csv_rows_of_another_width_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'a;b\n1;"x\ny"\n1\n\n2;\xff\n3;4\n')
    found = [(record.line, record.value, record.error) for record in read_csv(path)]
    assert found == [
        (3, {"a": "1", "b": "x\ny"}, ""),
        (4, None, "1 cell where the header has 2"),
        (5, None, ""),
        (6, None, "not valid UTF-8"),
        (7, {"a": "3", "b": "4"}, ""),
    ]
    path.write_text("a,a\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="names 'a' twice"):
        list(read_csv(path))


def test_sqlite_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE "odd ""name" (a, b)')
        connection.execute('INSERT INTO "odd ""name" VALUES (1, x\'ff\')')
    connection.close()
    (record,) = read_sqlite(path, 'odd "name')
    assert record.value == {"a": 1, "b": "\\xff"}
    with pytest.raises(InputError, match="cannot read"):
        list(read_sqlite(path, sql='DELETE FROM "odd ""name"'))
    path.write_bytes(b"SQLite format 3\0 and then nothing")
    with pytest.raises(InputError, match="not a SQLite database"):
        list(read_sqlite(path, "t"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"a": 1}]', [{"a": 1}]),
        ("{'a': None, 'b': (1, 2)}", {"a": None, "b": [1, 2]}),
        ("['one' 'two\\nlines'\n 'three']", ["one", "two\nlines", "three"]),
        ("[np.float64(0.5), nan]", [0.5, None]),
        ("[1] says the text", "[1] says the text"),
        ("__import__('os').getcwd()", "__import__('os').getcwd()"),
        ("[open('x')]", "[open('x')]"),
        ("", ""),
    ],
)
def test_structures_written_into_text(text: str, expected: Any) -> None:
    assert parse_literal(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00:00,250", datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-01-31 07:00:00 EST", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("Sat, 31 Jan 2026 12:00:00 +0000", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (1769860800, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("1769860800000", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (1769860800000000000, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("yesterday", None),
        (12, None),
        (True, None),
    ],
)
def test_moments(value: Any, expected: datetime | None) -> None:
    assert as_moment(value) == expected


def test_numbers_ranks_ids_and_texts() -> None:
    assert [as_number(v) for v in ("0.5", 2, True, "nan", None, 10**400, [1.5], "x")] == [
        *(0.5, 2.0, None, None, None, None, 1.5, None)
    ]
    assert [as_rank(v) for v in ("3", 3.0, "#4", 2.5, -1, 2**60)] == [3, 3, 4, None, None, None]
    assert [as_id(v) for v in (7, 7.0, "a", "", None, float("nan"), {"b": 1})] == [
        *("7", "7", "a", None, None, None, '{"b": 1}')
    ]
    assert as_text([{"type": "text", "text": "a"}, "b", {"type": "image"}]) == "a\nb"
    assert plain({1: float("inf"), "b": b"\xff", "c": {1}}) == {"1": "inf", "b": "\\xff", "c": [1]}


def test_the_mapping_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "traces" / "mapping.md"
    text = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    saved = tmp_path / "map.toml"
    saved.write_text(text, encoding="utf-8")
    mapping = load_mapping(saved)
    assert [stage.name for stage in mapping.stages] == ["dense", "rerank"]
    assert json.dumps(mapping.trace.attributes) == '{"answer": "answer"}'
