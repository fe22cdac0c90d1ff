"""Pairs files: read strictly, equal texts become one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rankscope.errors import CorpusError
from rankscope.training.pairs_file import read_pairs


def write(path: Path, *lines: object) -> Path:
    """A file of one JSON value or raw text a line."""
    rows = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_equal_texts_are_one_query_and_one_passage(tmp_path: Path) -> None:
    pairs = read_pairs(
        write(
            tmp_path / "p.jsonl",
            {"query": "q", "positive": "a", "negatives": ["c"], "source": "s", "licence": "MIT"},
            {"query": "q", "positive": "b", "source": "s", "licence": "MIT"},
            {"query": "r", "positive": "c"},
        )
    )
    assert [item.query.text for item in pairs.queries.values()] == ["q", "r"]
    assert sorted(pairs.passages.values()) == ["a", "b", "c"]
    first = next(iter(pairs.queries))
    assert sorted(pairs.grades[first].values()) == [0, 1, 1]
    assert pairs.origins == {("s", "MIT"): 2, ("", ""): 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not valid JSON"),
        ([1], "not an object"),
        ({"query": "q"}, "'positive' is not a text"),
        ({"query": " ", "positive": "p"}, "'query' is not a text"),
        ({"query": "q", "positive": "p", "negatives": "n"}, "'negatives' is not a list"),
        ({"query": "q", "positive": "p", "licence": 3}, "'licence' is not a text"),
        ({"query": "q", "positive": "p", "negatives": ["p"]}, "positive and negative"),
    ],
)
def test_a_bad_line_is_named(line: object, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", {"query": "fine", "positive": "fine"}, line)
    with pytest.raises(CorpusError, match=message) as caught:
        read_pairs(path)
    assert str(caught.value).startswith(f"{path}:2: ")
