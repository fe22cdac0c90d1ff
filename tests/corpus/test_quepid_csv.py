from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.corpus.quepid_csv import read_quepid, write_quepid
from rankscope.errors import CorpusError

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip).filter(bool)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_ratings_are_read_and_blank_ones_counted(tmp_path: Path) -> None:
    text = '\ufeffquery,docid,rating\n"red, shoes",a,3\r\nred shoes,b,\nred shoes,a,2.0\n\n'
    grades, unrated = read_quepid(write(tmp_path / "r.csv", text))
    assert grades == {"red, shoes": {"a": 3}, "red shoes": {"a": 2}}
    assert unrated == 1


def test_a_case_export_with_more_columns_is_read(tmp_path: Path) -> None:
    text = "Team Name,Case Name,Query Text,Doc ID,Doc Position,Rating\nt,c,shoes,a,1,3\n"
    assert read_quepid(write(tmp_path / "r.csv", text))[0] == {"shoes": {"a": 3}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no column for the query"),
        ("query,id,rating\n", r":1: there is no column for the document; expected a header"),
        ("query,docid,rating\nq,a\n", "no ratings found"),
        ("query,docid,rating\nq,,1\n", r":2: the query or the document is empty"),
        ("query,docid,rating\nq,a,good\n", r":2: the rating is 'good', expected a whole number"),
        ("query,docid,rating\nq,a,1.5\n", r":2: the rating is '1.5'"),
        ("query,docid,rating\nq,a,nan\n", r":2: the rating is 'nan'"),
        ("query,docid,rating\nq,a,inf\n", r":2: the rating is 'inf'"),
        ("query,docid,rating\nq,a,1\nq,a,2\n", r":3: document 'a' has rating 2 for 'q', but 1 further up"),
        ('query,docid,rating\n"q"x,a,1\n', "cannot be read as CSV: ',' expected"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CorpusError, match=words):
        read_quepid(write(tmp_path / "r.csv", text))


@given(st.dictionaries(PLAIN, st.dictionaries(PLAIN, st.integers(0, 3), min_size=1), min_size=1))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, grades: dict[str, dict[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("quepid") / "r.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        write_quepid(grades, file)
    assert read_quepid(path) == (grades, 0)
