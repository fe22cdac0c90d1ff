"""``rankscope traces import``: bring traces in from wherever they are."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.core.counting import counted
from rankscope.core.sanitize import visible
from rankscope.errors import InputError, UsageError

if TYPE_CHECKING:
    from rankscope.tracing.formats.importer import Importer, ImportOptions
    from rankscope.tracing.formats.ingest import ImportReport, TraceSink

__all__ = ["import_traces"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_REDRAW_S = 0.2


@click.command(name="import")
@click.argument("files", nargs=-1, type=_FILE)
@click.option("--format", "format_name", metavar="NAME", help="Format of the files; default: found out.")
@click.option("--map", "mapping", type=_FILE, help="Mapping for a log of any shape (TOML).")
@click.option("--as", "staged", multiple=True, metavar="STAGE=FILE", help="A run as one stage; repeatable.")
@click.option("--queries", type=_FILE, help="Texts of the queries, with --as: JSONL or tab-separated.")
@click.option("--corpus", type=_FILE, help="Texts of the documents, with --as: JSONL or tab-separated.")
@click.option("--stage", default="retrieval", show_default=True, help="Stage of runs that name none.")
@click.option("--scale", "scales", multiple=True, metavar="STAGE=SCALE", help="Score scale of a stage.")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="Trace database to import into.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON document.")
@click.pass_obj
def import_traces(
    workspace: str | None,
    files: tuple[Path, ...],
    format_name: str | None,
    mapping: Path | None,
    staged: tuple[str, ...],
    queries: Path | None,
    corpus: Path | None,
    stage: str,
    scales: tuple[str, ...],
    db: Path | None,
    as_json: bool,
) -> None:
    """Import traces from files of a known format, or from any log by a mapping.

    What cannot be read is listed in FILE.rejected.jsonl with its line and reason. Importing a file again
    adds nothing; an import that was stopped is completed by running it again.

    \b
    Example:
      rankscope traces import phoenix-spans.jsonl
      rankscope traces import app.log --map app.map.toml
      rankscope traces import --as bm25=run1.trec --as rerank=run2.trec --queries q.jsonl --corpus c.jsonl
    """
    from rankscope.cli.traces import print_json, traces_path
    from rankscope.engine.checking import plan_for
    from rankscope.engine.examined_store import ExaminedStore
    from rankscope.engine.workspace import find_workspace
    from rankscope.tracing.store import TraceStore

    _check(files, format_name, mapping, staged, queries, corpus)
    options = _options(stage, scales)
    reports: list[ImportReport] = []
    database = traces_path(workspace, db)
    if db is None:
        database.parent.mkdir(parents=True, exist_ok=True)  # the sample's folder, before its first use
    with TraceStore(database) as raw:
        store = ExaminedStore(raw, plan_for(find_workspace(workspace), traces_path=database))
        if staged:
            reports.append(_import_staged(store, staged, options, format_name, queries, corpus))
        for path in files:
            importer = _importer(path, format_name, mapping)
            reports.append(_import_file(store, path, importer, options))
    _warn_of_scales(options, reports)
    if as_json:
        print_json([_as_json(report) for report in reports])
    else:
        click.echo("\n".join(line for report in reports for line in _lines(report)), err=True)
    if any(report.imported == 0 and report.rejected for report in reports):
        sys.exit(2)


def _check(
    files: tuple[Path, ...],
    format_name: str | None,
    mapping: Path | None,
    staged: tuple[str, ...],
    queries: Path | None,
    corpus: Path | None,
) -> None:
    """Refuse combinations that make no sense, before anything is read."""
    if not files and not staged:
        raise UsageError("nothing to import.", remedy="Name files, or runs with --as STAGE=FILE.")
    if mapping is not None and format_name is not None:
        raise UsageError("--map and --format exclude each other: a mapping is for logs of no known format.")
    if mapping is not None and staged:
        raise UsageError("--map and --as exclude each other.")
    if (queries or corpus) and not staged:
        raise UsageError("--queries and --corpus give texts to runs that --as names.")


def _options(stage: str, scales: tuple[str, ...]) -> ImportOptions:
    from rankscope.core.scales import ScoreScale
    from rankscope.tracing.formats.importer import ImportOptions

    known: dict[str, ScoreScale] = {}
    for item in scales:
        name, equals, value = item.partition("=")
        if not equals or value not in set(ScoreScale):
            raise UsageError(
                f"--scale {item!r:.80} is not STAGE=SCALE.", remedy=f"Scales: {', '.join(ScoreScale)}."
            )
        known[name] = ScoreScale(value)
    return ImportOptions(scales=known, stage=stage)


def _importer(path: Path, format_name: str | None, mapping: Path | None) -> Importer:
    from rankscope.tracing.formats.registry import importer_named, sniff

    if mapping is not None:
        from rankscope.tracing.formats.mapping.apply import MappedLog
        from rankscope.tracing.formats.mapping.model import load_mapping

        return MappedLog(load_mapping(mapping))
    if format_name is not None:
        return importer_named(format_name)
    found = sniff(path)
    if found is None:
        raise InputError(
            "no known format was recognised.",
            path=path,
            remedy=f"Name one with --format, or run `rankscope traces guess {path.name}` for a mapping.",
        )
    return found


def _import_file(store: TraceSink, path: Path, importer: Importer, options: ImportOptions) -> ImportReport:
    from rankscope.tracing.formats.ingest import ImportReport, ingest
    from rankscope.tracing.formats.rejected import rejected_path

    report = ImportReport(path.name, importer.name, importer.unit)
    with _Progress() as progress:
        return ingest(
            importer.read(path, options), store, report, rejected_path(path), progress=progress.show
        )


def _import_staged(
    store: TraceSink,
    staged: tuple[str, ...],
    options: ImportOptions,
    format_name: str | None,
    queries: Path | None,
    corpus: Path | None,
) -> ImportReport:
    from rankscope.tracing.formats.ingest import ImportReport, ingest
    from rankscope.tracing.formats.rejected import rejected_path
    from rankscope.tracing.formats.staged import read_staged

    runs: list[tuple[str, Path]] = []
    for item in staged:
        stage, equals, name = item.partition("=")
        if not equals or not stage or not name:
            raise UsageError(
                f"--as {item!r:.80} is not STAGE=FILE.", remedy="For example --as bm25=run.trec."
            )
        if not Path(name).is_file():
            raise UsageError(f"--as {stage}: {name} is no file.")
        runs.append((stage, Path(name)))
    report = ImportReport(" + ".join(path.name for _, path in runs), "staged", "record")
    outcomes = read_staged(runs, options, queries=queries, corpus=corpus, format_name=format_name)
    with _Progress() as progress:
        return ingest(outcomes, store, report, rejected_path(runs[0][1]), progress=progress.show)


class _Progress:
    """A line on a terminal's stderr with what was read and how fast; nothing elsewhere."""

    def __init__(self) -> None:
        self._started = self._drawn = time.monotonic()
        self._live = sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> _Progress:
        return self

    def show(self, report: ImportReport) -> None:
        """Redraw, at most five times a second."""
        now = time.monotonic()
        if not self._live or now - self._drawn < _REDRAW_S:
            return
        self._drawn = now
        rate = report.read / max(now - self._started, 1e-3)
        traces = report.new_traces + report.known_traces
        line = f"{counted(report.read, report.unit)} read, {counted(traces, 'trace')}, {rate:,.0f}/s"
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)
        self._shown = True

    def __exit__(self, *details: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)


def _warn_of_scales(options: ImportOptions, reports: list[ImportReport]) -> None:
    """A scale for a stage that no trace has was meant for another."""
    found = {stage for report in reports for stage in report.stages}
    for stage in options.scales:
        if stage not in found:
            known = ", ".join(sorted(found)) or "none"
            line = f"--scale {stage}: no trace has this stage; there are {known}."
            click.echo(visible(line), err=True)


def _lines(report: ImportReport) -> list[str]:
    """What a person wants to know after an import: the counts, why some were left, what was odd."""
    from rankscope.core.sanitize import one_line

    lines = [
        f"{one_line(report.name)} ({report.format}): {counted(report.read, report.unit)} read, "
        f"{report.imported:,} imported, "
        f"{report.rejected:,} rejected, {report.ignored.total():,} ignored; "
        f"{counted(report.new_traces, 'new trace')}, {report.known_traces:,} stored before"
    ]
    stages = ", ".join(f"{one_line(stage)} in {count:,}" for stage, count in report.stages.most_common(12))
    lines += [f"  stages: {stages}"] if stages else []
    lines += [f"  ignored {count:,}: {reason}" for reason, count in report.ignored.most_common()]
    lines += [f"  rejected {count:,}: {one_line(reason)}" for reason, count in report.reasons.most_common(10)]
    lines += [
        f"  {counted(count, 'trace')} with {what.replace('_', ' ')}"
        for what, count in report.odd.most_common()
    ]
    if report.rejected_path is not None:
        lines.append(f"  rejected records: {one_line(str(report.rejected_path))}")
    return lines


def _as_json(report: ImportReport) -> dict[str, Any]:
    return {
        "file": report.name,
        "format": report.format,
        "unit": report.unit,
        "read": report.read,
        "imported": report.imported,
        "rejected": report.rejected,
        "ignored": report.ignored.total(),
        "ignored_reasons": dict(report.ignored),
        "rejected_reasons": dict(report.reasons),
        "new_traces": report.new_traces,
        "known_traces": report.known_traces,
        "odd": dict(report.odd),
        "stages": dict(report.stages),
        "rejected_file": None if report.rejected_path is None else str(report.rejected_path),
    }
