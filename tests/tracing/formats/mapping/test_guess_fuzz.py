"""Damaged logs: the guess proposes something or says that it found nothing, and never anything else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankscope.errors import InputError
from rankscope.tracing.formats.mapping.apply import MappedLog
from rankscope.tracing.formats.mapping.guess import guess
from rankscope.tracing.formats.mapping.model import dump_mapping, load_mapping
from tests.tracing.formats.mutate import mutated_lines
from tests.tracing.formats.reading import FIXTURES, read

LOGS = FIXTURES / "logs"
ROUNDS = int(os.environ.get("RANKSCOPE_FUZZ_LINES", "300")) // 20


def _try(path: Path) -> None:
    try:
        proposal = guess(path)
    except InputError:
        return
    saved = path.with_suffix(".toml")
    saved.write_text(dump_mapping(proposal.mapping), encoding="utf-8", errors="backslashreplace")
    assert proposal.mapping.stages
    read(MappedLog(proposal.mapping), path)


@pytest.mark.parametrize("name", ["nested_sources.jsonl", "cell.csv", "rows.csv", "distances.jsonl"])
def test_damaged_logs(name: str, tmp_path: Path) -> None:
    lines = (LOGS / name).read_text(encoding="utf-8").splitlines()
    for seed in range(ROUNDS):
        path = tmp_path / f"{seed}{Path(name).suffix}"
        damaged = mutated_lines(lines, 12, seed=seed)
        path.write_bytes("\n".join(damaged).encode("utf-8", "surrogatepass"))
        _try(path)


_WORDS = st.sampled_from(
    [
        *("query", "question", "hits", "sources", "id", "chunk_id", "text", "score", "rerank_score"),
        *("distance", "rank", "ids", "scores", "name", "steps", "a b", "é", "0", "doc_1", "score_1"),
        *("error", "ts", "@", "''"),
    ]
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.sampled_from(["a b c?", "d1", "[1]", "bm25"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=25,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(records=st.lists(st.dictionaries(_WORDS, _VALUES, max_size=6), min_size=1, max_size=6))
def test_any_records(records: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "any.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    _try(path)


def test_a_saved_mapping_with_odd_names_is_read_back(tmp_path: Path) -> None:
    rows = [
        {"the query": f"what is {n}?", 'odd "list"': [{"doc.id": f"d{n}", "the-score": 1.5}]}
        for n in range(4)
    ]
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    mapping = guess(path).mapping
    saved = tmp_path / "map.toml"
    saved.write_text(dump_mapping(mapping, ("line\none",)), encoding="utf-8")
    assert load_mapping(saved) == mapping
