"""Damaged files of every format: nothing crashes, nothing is lost, every rejection has a line and a reason.

The suite reads a few hundred lines of each. More are read by
``RANKSCOPE_FUZZ_LINES=10000 pytest tests/tracing/formats/test_fuzz.py``.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from rankscope.tracing.formats.importer import Ignored, Imported, Importer, ImportOptions, Rejected
from rankscope.tracing.formats.ingest import ImportReport, ingest
from rankscope.tracing.formats.mapping.apply import MappedLog
from rankscope.tracing.formats.mapping.guess import guess
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.formats.registry import importer_named
from rankscope.tracing.formats.rejected import rejected_path
from rankscope.tracing.store import TraceStore
from tests.tracing.formats.mutate import mutated_lines
from tests.tracing.make import make_trace

FIXTURES = Path(__file__).with_name("fixtures")
LINES = int(os.environ.get("RANKSCOPE_FUZZ_LINES", "300"))
ONE_A_LINE = {
    "openinference": "openinference.jsonl",
    "otel-genai": "otel_genai.jsonl",
    "langfuse": "langfuse.jsonl",
    "langsmith": "langsmith.jsonl",
    "trec": "run_from_0.trec",
    "ranx": "ranx.json",
    "beir": "beir_results.json",
    "rankllm": "rankllm.jsonl",
}


_TRACE_ID = re.compile(r'af7651916cd43dd8448eb211c80319c|(?<=")[tr][1-4](?=")')


def _fuzzed(source: list[str], target: Path, seed: int) -> Path:
    lines = []
    for place, line in enumerate(mutated_lines(source, LINES, seed)):
        # Trace ids of their own every few lines: a span that comes again is left out.
        ending = f"{place // 7:06x}"
        lines.append(
            _TRACE_ID.sub(lambda match, ending=ending: (match.group()[:-6] or match.group()) + ending, line)
        )
    target.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))
    return target


def _check(importer: Importer, path: Path) -> int:
    """Read a file twice over: as outcomes, and into a store. Returns how many records were counted."""
    counted = 0
    for outcome in importer.read(path, ImportOptions()):
        counted += outcome.records
        if isinstance(outcome, Imported):
            dumps(outcome.trace)
        else:
            assert isinstance(outcome, Rejected | Ignored)
            assert outcome.reason
            assert outcome.line >= 1
    report = ImportReport(path.name, importer.name)
    with TraceStore(path.with_suffix(".db")) as store:
        ingest(importer.read(path, ImportOptions()), store, report, rejected_path(path))
        stored = store.count()
        again = ImportReport(path.name, importer.name)
        ingest(importer.read(path, ImportOptions()), store, again, rejected_path(path))
        assert store.count() == stored
    assert report.read == counted
    assert again.new_traces == 0
    assert (again.imported, again.rejected, again.ignored) == (
        report.imported,
        report.rejected,
        report.ignored,
    )
    assert report.new_traces == stored
    listed = 0
    if report.rejected_path is not None:
        for line in report.rejected_path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert row["line"] >= 1
            assert row["reason"]
            listed += row.get("records", 1)
    assert listed == report.rejected
    return counted


@pytest.mark.parametrize("name", ONE_A_LINE)
def test_damaged_lines_are_imported_or_listed(name: str, tmp_path: Path) -> None:
    text = (FIXTURES / ONE_A_LINE[name]).read_text(encoding="utf-8")
    path = _fuzzed(text.splitlines(), tmp_path / "fuzz.jsonl", seed=LINES)
    counted = _check(importer_named(name), path)
    # A line is a record; an envelope, or an object of several queries, is more than one.
    assert counted >= LINES


def test_damaged_native_lines_are_imported_or_listed(tmp_path: Path) -> None:
    path = _fuzzed([dumps(make_trace(number)) for number in (1, 2)], tmp_path / "fuzz.jsonl", seed=7)
    importer = importer_named("native")
    counted = sum(outcome.records for outcome in importer.read(path, ImportOptions()))
    assert counted == LINES


@pytest.mark.parametrize("name", ["openinference_otlp.json", "openinference_nested.json", "ranx.json"])
def test_damaged_documents_never_crash(name: str, tmp_path: Path) -> None:
    text = (FIXTURES / name).read_text(encoding="utf-8")
    importer = importer_named("ranx" if name == "ranx.json" else "openinference")
    for seed, document in enumerate(mutated_lines([text.replace("\n", " ")], max(20, LINES // 20), seed=3)):
        path = tmp_path / f"{seed}.json"
        path.write_bytes(document.encode("utf-8", "surrogatepass"))
        outcomes = list(importer.read(path, ImportOptions()))
        assert all(outcome.records >= 1 for outcome in outcomes)


@pytest.mark.parametrize("name", ["nested_sources.jsonl", "cell.csv", "rows.csv", "distances.jsonl"])
def test_damaged_logs_are_imported_or_listed_by_a_mapping(name: str, tmp_path: Path) -> None:
    original = FIXTURES / "logs" / name
    importer = MappedLog(guess(original).mapping)
    lines = original.read_text(encoding="utf-8").splitlines()
    path = tmp_path / name
    header = [] if name.endswith(".jsonl") else [lines.pop(0)]
    damaged = [*header, *mutated_lines(lines, LINES, seed=11)]
    path.write_bytes("\n".join(damaged).encode("utf-8", "surrogatepass"))
    counted = _check(importer, path)
    if name.endswith(".jsonl"):
        assert counted == LINES
