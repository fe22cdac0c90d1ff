"""An evaluation's report as lines of text or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rankscope.cli.eval_notes import note_lines, reliability_block
from rankscope.core.sanitize import cell_width, one_line, pad
from rankscope.core.trace import Floor
from rankscope.insight.metrics import JUDGED_FIRST
from rankscope.insight.report import CollectionReport, MeanReport
from rankscope.insight.significance import Interval
from rankscope.insight.summary import Summary

__all__ = ["report_lines", "signed_interval", "text_table"]

Row = list[str]

_SAYS_NOTHING = "n/a"
_NAME = 24
"""Columns of a collection's name, with which the tables stay within 120."""
_ALWAYS_LIFTED = ("nDCG@5", "nDCG@10")


def report_lines(
    reports: Sequence[CollectionReport], mean: MeanReport | None, *, measure: str, markdown: bool = False
) -> list[str]:
    """Stages and measures, what reranking gained, who came first and who was refused, and then notes.

    ``measure`` is the one that is tested, and whose wins and losses are counted.
    """
    blocks = [
        ("", _measure_rows(reports, mean), (0, 2)),
        *_gained(reports, mean, measure),
        _shares(reports),
    ]
    lines: list[str] = []
    for title, rows, words in blocks:
        if len(rows) > 1:
            lines += [title, *([""] if markdown else [])] if title else []
            lines += [*(_markdown_table(rows, words) if markdown else text_table(rows, words)), ""]
    for report in reports:
        lines += note_lines(report, markdown=markdown)
    for report in reports:
        lines += reliability_block(report, markdown=markdown)
    return lines


def _summaries(report: CollectionReport) -> Iterator[tuple[str, Summary]]:
    """All queries of the collection under its name, then its strata."""
    yield one_line(report.name, _NAME), report.overall
    for summary in report.strata:
        yield one_line(f"· {summary.stratum or 'no stratum'}", _NAME), summary


def _measure_rows(reports: Sequence[CollectionReport], mean: MeanReport | None) -> list[Row]:
    measures = reports[0].evaluation.measures
    rows: list[Row] = [["collection", "queries", "stage", *measures]]
    for report in reports:
        for name, summary in _summaries(report):
            rows += _stage_rows(name, summary, measures)
    if mean is not None:
        for place, (stage, values) in enumerate(mean.means.items()):
            figures = [_figure(values.get(measure)) for measure in measures]
            rows.append([_mean_name(mean) if place == 0 else "", "", one_line(stage, 12), *figures])
    return rows


def _stage_rows(name: str, summary: Summary, measures: Sequence[str]) -> list[Row]:
    """A row a stage; names and counts stand on the first one only."""
    if not summary.means:
        return [[name, f"{summary.no_answer:,}", "no answer", *("" for _ in measures)]]
    rows: list[Row] = []
    for stage, values in summary.means.items():
        head = ["", ""] if rows else [name, f"{summary.answerable:,}"]
        known = (values.get(measure) for measure in measures)
        figures = [_figure(None if item is None else item.value) for item in known]
        rows.append([*head, one_line(stage, 12), *figures])
    return rows


def _gained(
    reports: Sequence[CollectionReport], mean: MeanReport | None, measure: str
) -> Iterator[tuple[str, list[Row], Sequence[int]]]:
    """The lift of the reranker over the stage before it: of the tested measure, and of those always given.

    A measure that is none of those has a table of its own, since three intervals and the counts of a long
    name are wider than a screen.
    """
    always = [name for name in _ALWAYS_LIFTED if name in reports[0].evaluation.measures]
    lift = "lift over the stage before [95%, paired bootstrap]"
    tested = always if measure in always else [measure]
    if tested is not always and always:
        yield lift, _lift_rows(reports, mean, always, None), (0,)
    title = f"{lift}; counts and p (permutation test): {measure}"
    yield title, _lift_rows(reports, mean, tested, measure), (0,)


def _lift_rows(
    reports: Sequence[CollectionReport], mean: MeanReport | None, shown: Sequence[str], tested: str | None
) -> list[Row]:
    """Lifts of the measures shown, with counts and p of the one that is tested."""
    counts = ["won", "lost", "tied", "p"] if tested is not None else []
    rows: list[Row] = [["collection", "queries", *shown, *counts]]
    for report in reports:
        for name, summary in _summaries(report):
            lifts = [summary.lifts[key] for key in shown if key in summary.lifts]
            if len(lifts) < len(shown):
                continue
            row = [name, f"{lifts[0].interval.n:,}", *(signed_interval(lift.interval) for lift in lifts)]
            if tested is not None:
                lift = summary.lifts[tested]
                row += [f"{count:,}" for count in (lift.won, lift.lost, lift.tied)] + [f"{lift.p_value:.4f}"]
            rows.append(row)
    if mean is not None and mean.lifts and len(rows) > 1:
        known = [mean.lifts.get(key) for key in shown]
        cells = [_SAYS_NOTHING if item is None else signed_interval(item) for item in known]
        rows.append([_mean_name(mean), "", *cells, *("" for _ in counts)])
    return rows


def _shares(reports: Sequence[CollectionReport]) -> tuple[str, list[Row], Sequence[int]]:
    """Whether the right one of those judged stands first, before and after; and what was refused."""
    last = list(reports[0].evaluation.stages[-2:])
    stages = last if JUDGED_FIRST in reports[0].evaluation.measures else []
    title = f"share of queries [95%]: the best judged document first; refused{_floor_of(reports)}"
    firsts = [f"best first: {one_line(stage, 12)}" for stage in stages]
    rows: list[Row] = [["collection", *firsts, "rightly refused", "wrongly refused"]]
    for report in reports:
        for name, summary in _summaries(report):
            first = [summary.means.get(stage, {}).get(JUDGED_FIRST) for stage in stages]
            unknown = _SAYS_NOTHING if summary.answerable else ""
            refused = [share_text(item) for item in (summary.refused_no_answer, summary.refused_answerable)]
            rows.append([name, *(share_text(item) or unknown for item in first), *refused])
    return title, rows, (0,)


def _floor_of(reports: Sequence[CollectionReport]) -> str:
    floors = {floor for report in reports for floor in report.floors}
    return f" {floor_text(floors.pop())}" if len(floors) == 1 else ""


def floor_text(floor: Floor | None) -> str:
    """The floor that decided, with its scale and where it comes from."""
    if floor is None:
        return "without a floor"
    source = f" ({one_line(floor.source, 30)})" if floor.source else ""
    return f"at the floor {floor.value:.4g} on the {floor.score_scale} scale{source}"


def _mean_name(mean: MeanReport) -> str:
    return f"mean of {len(mean.collections)}"


def _figure(value: float | None) -> str:
    return _SAYS_NOTHING if value is None else f"{value:.3f}"


def share_text(share: Interval | None) -> str:
    """Counts, share and interval; empty where nothing is known."""
    if share is None:
        return ""
    span = f"{100 * (share.low or 0.0):.0f}, {100 * (share.high or 0.0):.0f}"
    return f"{round(share.value * share.n):,}/{share.n:,} {share.value:.1%} [{span}]"


def signed_interval(interval: Interval) -> str:
    """A difference and its interval; what rounds to zero has no minus."""
    value, *bounds = (
        "" if known is None else f"{round(known, 3) + 0.0:+.3f}"
        for known in (interval.value, interval.low, interval.high)
    )
    return f"{value} [{', '.join(bounds)}]" if all(bounds) else value


def text_table(rows: Sequence[Row], words: Sequence[int] = (0,)) -> list[str]:
    """Columns aligned by display width: those of ``words`` to the left, figures to the right."""
    widths = [max(cell_width(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            pad(cell, width) if place in words else " " * (width - cell_width(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _markdown_table(rows: Sequence[Row], words: Sequence[int]) -> list[str]:
    marks = ["---" if place in words else "---:" for place in range(len(rows[0]))]
    table = [rows[0], marks, *rows[1:]]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
