"""Imports into a real store: counts that add up, twice is once, killed in the middle is completed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rankscope.tracing.formats.importer import ImportOptions, Outcome
from rankscope.tracing.formats.ingest import ImportReport, ingest
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.formats.registry import importer_named
from rankscope.tracing.formats.rejected import rejected_path
from rankscope.tracing.store import TraceStore
from tests.tracing.formats.reading import FIXTURES, write_lines
from tests.tracing.make import make_trace


def _import(path: Path, name: str, db: Path) -> ImportReport:
    importer = importer_named(name)
    with TraceStore(db) as store:
        report = ImportReport(path.name, name, importer.unit)
        return ingest(importer.read(path, ImportOptions()), store, report, rejected_path(path))


def test_counts_add_up_and_a_second_import_adds_nothing(tmp_path: Path) -> None:
    lines = (FIXTURES / "rankllm.jsonl").read_text(encoding="utf-8").splitlines()
    path = write_lines(tmp_path / "r.jsonl", [*lines, "{", "", lines[0]])
    first = _import(path, "rankllm", tmp_path / "t.db")
    assert (first.read, first.imported, first.rejected, first.ignored.total()) == (5, 3, 1, 1)
    # The repeated line is a request of its own, in both imports.
    assert (first.new_traces, first.known_traces) == (3, 0)
    assert first.odd == {"repeated_ids": 1, "missing_scores": 1}
    assert first.rejected_path is not None
    (row,) = map(json.loads, first.rejected_path.read_text(encoding="utf-8").splitlines())
    assert (row["line"], row["raw"]) == (3, "{")
    assert first.rejected_path.stat().st_mode & 0o777 == 0o600
    os.utime(path, (0, 0))  # another time for traces that have none must not make others of them
    second = _import(path.rename(tmp_path / "moved.jsonl"), "rankllm", tmp_path / "t.db")
    assert (second.new_traces, second.known_traces) == (0, 3)


def test_a_file_that_has_grown_adds_what_is_new(tmp_path: Path) -> None:
    lines = (FIXTURES / "rankllm.jsonl").read_text(encoding="utf-8").splitlines()
    path = write_lines(tmp_path / "r.jsonl", lines[:1])
    assert _import(path, "rankllm", tmp_path / "t.db").new_traces == 1
    assert _import(write_lines(path, lines), "rankllm", tmp_path / "t.db").new_traces == 1


def test_a_mended_file_leaves_no_list_of_rejections(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.trec", ["q Q0 a 1 1 t", "x"])
    assert _import(path, "trec", tmp_path / "t.db").rejected_path == rejected_path(path)
    assert _import(write_lines(path, ["q Q0 a 1 1 t"]), "trec", tmp_path / "t.db").rejected_path is None
    assert not rejected_path(path).exists()


def test_another_native_trace_under_a_stored_id_is_rejected(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "n.jsonl", [dumps(make_trace(1))])
    assert _import(path, "native", tmp_path / "t.db").new_traces == 1
    assert _import(path, "native", tmp_path / "t.db").rejected == 0
    changed = write_lines(tmp_path / "n.jsonl", [dumps(make_trace(1, candidates=2))])
    report = _import(changed, "native", tmp_path / "t.db")
    assert (report.imported, report.rejected) == (0, 1)


class _Stopped(Exception):
    pass


def test_what_was_read_before_an_interruption_is_stored(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.trec", [f"q{n} Q0 a 1 1 t" for n in range(700)])
    importer = importer_named("trec")

    def stopping() -> Iterator[Outcome]:
        for place, outcome in enumerate(importer.read(path, ImportOptions())):
            if place == 600:
                raise _Stopped
            yield outcome

    with TraceStore(tmp_path / "t.db") as store:
        with pytest.raises(_Stopped):
            ingest(stopping(), store, ImportReport("r", "trec"), rejected_path(path))
        store.flush()
        assert store.count() == 512  # two batches
    report = _import(path, "trec", tmp_path / "t.db")
    assert (report.new_traces, report.known_traces) == (188, 512)


def test_killed_in_the_middle_and_run_again(tmp_path: Path) -> None:
    rows = [f"q{n} Q0 d{n} 1 {n} t" for n in range(3000)]
    path = write_lines(tmp_path / "r.trec", rows)
    db = tmp_path / "t.db"
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from rankscope.tracing.formats.importer import ImportOptions\n"
        "from rankscope.tracing.formats.ingest import ImportReport, ingest\n"
        "from rankscope.tracing.formats.registry import importer_named\n"
        "from rankscope.tracing.store import TraceStore\n"
        "def kill(report):\n"
        "    if report.new_traces > 1000: os.kill(os.getpid(), 9)\n"
        "path = Path(sys.argv[1])\n"
        "ingest(importer_named('trec').read(path, ImportOptions()), TraceStore(sys.argv[2]),\n"
        "       ImportReport('r', 'trec'), path.with_suffix('.rejected'), progress=kill)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path), str(db)], check=False)
    assert done.returncode == -9
    with TraceStore(db) as store:
        before = store.count()
    assert 1000 < before < 3000
    report = _import(path, "trec", db)
    assert (report.new_traces, report.known_traces) == (3000 - before, before)
    with TraceStore(db) as store:
        assert store.count() == 3000
