"""Traces as aligned plain text: one trace with its stages and top documents, and a list of many."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import datetime

from rankscope.cli.colour import coloured
from rankscope.core.counting import counted
from rankscope.core.sanitize import cell_width, one_line, pad
from rankscope.core.trace import Finding, Floor, Ranking, Trace
from rankscope.tracing.summaries import TraceSummary

__all__ = ["list_lines", "screen_width", "trace_lines"]

_ABSENT = "–"
_COLOURS = {"error": "red", "warning": "yellow", "refuse": "yellow"}


def screen_width() -> int:
    """Cells of a line: the terminal's, or 120 where the output goes elsewhere."""
    return shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 120


def trace_lines(trace: Trace, *, top: int | None = None, width: int = 120) -> list[str]:
    """What happened, a row a stage; then the ranks of the first ``top`` documents, a column a stage.

    ``top`` is K or 10 where not given. All text of the trace is made safe for a terminal.
    """
    parent = f"  replay of {one_line(trace.parent_id, 40)}" if trace.parent_id else ""
    filters = "  ".join(f"{key}={value}" for key, value in trace.query.filters.items())
    return [
        f"query     {one_line(trace.query.text, width - 10)}",
        *([f"where     {one_line(filters, width - 10)}"] if filters else []),
        f"trace     {one_line(trace.trace_id, 60)}  {_moment(trace)}  {one_line(trace.origin, 30)}{parent}",
        *_model_lines(trace, width),
        *(_stage_line(ranking, width) for ranking in trace.rankings),
        _decision_line(trace),
        *(_finding_line(finding, width) for finding in trace.findings),
        "",
        *_document_lines(trace, top or trace.top_k or 10, width),
    ]


def list_lines(rows: Sequence[TraceSummary], names: Sequence[str], *, width: int = 120) -> list[str]:
    """A heading and a line a trace; ``names`` are the ids as short as they stay unique."""
    id_width = max(8, *(cell_width(one_line(name)) for name in names))
    id_width = min(id_width, 36)
    heads = f"{'origin':<9} {'decision':<8} {'ms':>7} {'move':>6}  query → first"
    lines = [f"{'id':<{id_width}}  {'time':<19}  {heads}"]
    for row, name in zip(rows, names, strict=True):
        moved = "" if row.moved is None else _arrow(row.moved)
        head = " ".join(
            (
                pad(name, id_width) + " ",
                f"{_local(row.created_at):%Y-%m-%d %H:%M:%S} ",
                pad(row.origin, 9),
                coloured(pad(row.decision or "", 8), _COLOURS.get(row.decision or "")),
                f"{'' if row.total_ms is None else format(row.total_ms, '.0f'):>7}",
                f"{moved:>6} ",
            )
        )
        room = max(20, width - id_width - 57)
        first = f" → {row.top_doc}" if row.top_doc else ""
        tail = one_line(first, room // 2)
        found = f"  {counted(row.finding_count, 'finding')}" if row.finding_count else ""
        lines.append(
            f"{head} {one_line(row.query, room - cell_width(tail) - len(found))} {tail}{found}".rstrip()
        )
    return lines


def _moment(trace: Trace) -> str:
    return f"{_local(trace.created_at):%Y-%m-%d %H:%M:%S %z}"


def _local(moment: datetime) -> datetime:
    """In the local time zone; as it stands where the calendar ends first."""
    try:
        return moment.astimezone()
    except OverflowError:
        return moment


def _model_lines(trace: Trace, width: int) -> list[str]:
    models = [
        " ".join(filter(None, (role, model.name, model.revision[:12], model.dtype)))
        for role, model in trace.pipeline.models.items()
    ]
    return [f"models    {one_line('; '.join(models), width - 10)}"] if models else []


def _stage_line(ranking: Ranking, width: int) -> str:
    time = "" if ranking.ms is None else f"{ranking.ms:.1f} ms"
    status = ""
    if ranking.status != "ok":
        severity = "error" if ranking.status.startswith("failed") else "warning"
        status = "  " + coloured(one_line(ranking.status, width - 50), _COLOURS.get(severity))
    count = f"{counted(len(ranking.hits), 'document')}, {ranking.score_scale}"
    repeated = ranking.repeated_ids()
    twice = f", {len(repeated)} repeated" if repeated else ""
    reused = int(ranking.details.get("reused", 0))
    kept = (
        f", {reused} of {counted(int(ranking.details.get('scored', 0)), 'score')} kept from before"
        if reused
        else ""
    )
    return f"{pad(ranking.stage, 9)} {time:>11}  {count}{twice}{kept}{status}"


def _decision_line(trace: Trace) -> str:
    floor = "no floor" if trace.floor is None else _floor(trace.floor)
    kept = f"{len(trace.kept)} kept" + (f" (K={trace.top_k})" if trace.top_k is not None else "")
    decision = coloured(trace.decision or "not recorded", _COLOURS.get(trace.decision or ""))
    note = trace.attributes.get("floor_not_applied")
    applied = f"; not applied: {one_line(str(note), 80)}" if note else ""
    warning = trace.attributes.get("floor_warning")
    warned = f"\n          {coloured(one_line(str(warning), 160), _COLOURS['warning'])}" if warning else ""
    return f"decision  {decision}: {kept}; {floor}{applied}{warned}"


def _floor(floor: Floor) -> str:
    return f"floor {floor.value:g} ({floor.score_scale}, {one_line(floor.source, 30)})"


def _finding_line(finding: Finding, width: int) -> str:
    severity = coloured(finding.severity, _COLOURS.get(finding.severity))
    code = one_line(finding.code, 9)
    return f"{code:<9} {severity}: {one_line(finding.message, width - 20)}"


def _document_lines(trace: Trace, top: int, width: int) -> list[str]:
    final = trace.final
    if final is None or not final.hits:
        return ["No stage put out a document."]
    earlier = [ranking for ranking in trace.rankings if ranking.hits and ranking.stage != final.stage]
    tables = [ranking.by_id() for ranking in earlier]
    heads = " ".join(pad(ranking.stage, 9, right=True) for ranking in earlier)
    lines = [f"{'#':>3} {'kept':<4} {'score':>9} {heads}  document"]
    kept = set(trace.kept)
    shown = final.hits[:top]
    floor = trace.floor if trace.floor and trace.floor.score_scale == final.score_scale else None
    line_drawn = floor is None
    for hit in shown:
        if floor is not None and not line_drawn and (hit.score is None or hit.score < floor.value):
            lines.append(f"    ──── floor {floor.value:g} ────")
            line_drawn = True
        cells = []
        for table in tables:
            found = table.get(hit.doc_id)
            cells.append(f"{_ABSENT if found is None else found.rank:>9}")
        score = "" if hit.score is None else f"{hit.score:.4f}"
        mark = "yes" if hit.doc_id in kept else ""
        head = f"{hit.rank:>3} {mark:<4} {score:>9} {' '.join(cells)}"
        document = trace.documents.get(hit.doc_id)
        text = "" if document is None else document.title or document.text
        room = max(20, width - cell_width(head) - 2)
        doc_id = pad(hit.doc_id, min(28, room // 2))
        lines.append(f"{head}  {doc_id} {one_line(text[:400], room - cell_width(doc_id) - 1)}".rstrip())
    rest = len(final.hits) - len(shown)
    if rest:
        lines.append(f"    and {rest} more")
    return lines


def _arrow(places: int) -> str:
    return "=" if places == 0 else f"▲ {places}" if places > 0 else f"▼ {-places}"
