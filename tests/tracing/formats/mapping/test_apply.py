"""Mappings written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.errors import UsageError
from rankscope.tracing.formats.mapping.apply import MappedLog
from rankscope.tracing.formats.mapping.expressions import compile_expression, path_expression
from rankscope.tracing.formats.mapping.model import load_mapping
from tests.tracing.formats.reading import pairs, read, write_lines

MAPPING = """
[source]
kind = "json"

[trace]
query = "ask"
time = "at"
floor = "cut"
filters = "where"
kept = "used[].key"
cross_encoder = "model"
attributes = { who = "user.name" }

[[stage]]
name = "dense"
candidates = "found"
id = "key"
score = "far"
distance = "cosine"
order = "score"
ms = "took"
ms_unit = "s"

[[stage]]
name = "rerank"
candidates = "found[?final]"
id = "key"
score = "final"
scale = "probability"
rank = "place"
order = "rank"
"""
ROW = {
    "ask": "q",
    "at": "2026-01-01T00:00:00Z",
    "cut": 0.5,
    "where": {"tenant": "acme", "year": 2024, "none": None},
    "model": "ce",
    "user": {"name": "ann"},
    "took": 0.25,
    "found": [
        {"key": "a", "far": 0.5, "final": 0.25, "place": 1},
        {"key": "b", "far": 0.25, "final": 0.75, "place": 0},
        {"key": "c", "far": None},
    ],
    "used": [{"key": "b"}],
}


def _log(tmp_path: Path, text: str = MAPPING) -> MappedLog:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    return MappedLog(load_mapping(path))


def test_every_part_of_a_mapping(tmp_path: Path) -> None:
    found, rejected, _ = read(_log(tmp_path), write_lines(tmp_path / "l.jsonl", [ROW]))
    (trace,) = found
    assert rejected == []
    assert pairs(trace.before) == [("b", 1 - 0.25), ("a", 1 - 0.5), ("c", None)]
    assert trace.rankings[0].score_scale is ScoreScale.COSINE
    assert trace.rankings[0].ms == 250.0
    assert [(hit.doc_id, hit.rank, hit.score) for hit in trace.rankings[1].hits] == [
        ("b", 1, 0.75),
        ("a", 2, 0.25),
    ]
    assert trace.floor is not None
    assert (trace.floor.value, trace.floor.score_scale) == (0.5, ScoreScale.PROBABILITY)
    assert trace.query.filters == {"tenant": "acme", "year": "2024"}
    assert trace.kept == ("b",)
    assert trace.pipeline.models["cross_encoder"].name == "ce"
    assert trace.attributes["who"] == "ann"


def test_a_record_without_anything_is_rejected_and_a_list_that_is_none_is_told(tmp_path: Path) -> None:
    rows = [{"other": 1}, {"ask": "q", "found": "overloaded"}, ["x"], {"found": [{"key": "a", "far": 1}]}]
    found, rejected, _ = read(_log(tmp_path), write_lines(tmp_path / "l.jsonl", rows))
    assert [(item.line, item.reason) for item in rejected] == [
        (1, "no query (ask) and no candidates"),
        (3, "['x'] is not an object"),
    ]
    told, nameless = found
    assert told.attributes["import"]["notes"][0] == "dense: expected a list under found, found 'overloaded'"
    assert nameless.query.text == ""
    assert "no query under ask" in str(nameless.attributes["import"]["notes"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trace]\nquery = 'q'", "no \\[\\[stage\\]\\]"),
        ("[[stage]]\nname = 'a'", "candidates is missing"),
        ("[[stage]]\nname = 'a'\ncandidates = 'x['", "not a JMESPath expression"),
        ("[[stage]]\nname = 'a'\ncandidates = 'x'\nscale = 'percent'", "expected bm25"),
        ("[[stage]]\nname = 'a'\ncandidates = 'x'\nscor = 's'", "scor is not a known key"),
        ("[[stage]]\nname = 'a'\nlayout = 'columns'\nscore = 's'", "columns need id or text"),
        ("[[stage]]\nname = 'a'\ncandidates = 'x'\n[[stage]]\nname = 'a'\ncandidates = 'y'", "two stages"),
        ("[source]\ndecode = 'x'\n[[stage]]\nname = 'a'\ncandidates = 'x'", "source.decode is 'x'"),
        ("[trace]\nquery = 3\n[[stage]]\nname = 'a'\ncandidates = 'x'", "trace.query is 3"),
        ("stage = ", "not TOML"),
    ],
)
def test_a_wrong_mapping_is_one_clear_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        _log(tmp_path, text)
    assert "map.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_with_odd_names_are_quoted() -> None:
    value = {"a b": [{"c.d": {"@x": 1}}]}
    text = path_expression(("a b", 0, "c.d", "@x"))
    assert text == '"a b"[0]."c.d"."@x"'
    assert compile_expression(text)(value) == 1
    assert compile_expression("length(a)")({"a": 3}) is None
