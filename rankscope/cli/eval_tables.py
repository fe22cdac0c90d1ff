"""An evaluation's report as lines of text or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rankscope.core.sanitize import cell_width, one_line, pad
from rankscope.insight.report import CollectionReport, MeanReport
from rankscope.insight.significance import Interval
from rankscope.insight.summary import Summary

__all__ = ["report_lines", "signed_interval", "text_table"]

Row = list[str]


def report_lines(
    reports: Sequence[CollectionReport], mean: MeanReport | None, *, measure: str, markdown: bool = False
) -> list[str]:
    """The table of stages and measures, then refusals, times and what else must be known.

    ``measure`` is the one whose lift is shown in the last column.
    """
    measures = reports[0].evaluation.measures
    rows: list[Row] = [["collection", "queries", "stage", *measures, f"lift {measure} [95%]"]]
    for report in reports:
        rows += _summary_rows(report.name, report.overall, measures, measure)
        for summary in report.strata:
            rows += _summary_rows(f"· {summary.stratum or 'no stratum'}", summary, measures, measure)
    if mean is not None:
        rows += _mean_rows(mean, measures, measure)
    lines = _markdown_table(rows) if markdown else text_table(rows, words=(0, 2))
    lines.append("")
    for report in reports:
        lines += _notes(report, measure, "- " if markdown else "")
    return lines


def _summary_rows(name: str, summary: Summary, measures: Sequence[str], lift_of: str) -> list[Row]:
    """A row a stage; names and counts stand on the first one only."""
    if not summary.means:
        count = f"{summary.no_answer:,}"
        return [[one_line(name, 28), count, "no answer", *("" for _ in measures), ""]]
    rows: list[Row] = []
    last = list(summary.means)[-1]
    for stage, values in summary.means.items():
        first = not rows
        lift = summary.lifts.get(lift_of) if stage == last else None
        rows.append(
            [
                one_line(name, 28) if first else "",
                f"{summary.answerable:,}" if first else "",
                one_line(stage, 12),
                *(_figure(values[measure].value) for measure in measures),
                "" if lift is None else signed_interval(lift.interval),
            ]
        )
    return rows


def _mean_rows(mean: MeanReport, measures: Sequence[str], lift_of: str) -> list[Row]:
    rows: list[Row] = []
    last = list(mean.means)[-1]
    for stage, values in mean.means.items():
        lift = mean.lifts.get(lift_of) if stage == last else None
        rows.append(
            [
                "mean" if not rows else "",
                "",
                one_line(stage, 12),
                *(_figure(values[measure]) for measure in measures),
                "" if lift is None else signed_interval(lift),
            ]
        )
    return rows


def _notes(report: CollectionReport, lift_of: str, bullet: str) -> list[str]:
    """What stands below the table for one collection."""
    name, overall = one_line(report.name, 28), report.overall
    notes: list[str] = []
    if overall.refused_no_answer is not None:
        notes.append(f"refused, no answer in the corpus (right): {_rate(overall.refused_no_answer)}")
    if overall.refused_answerable is not None:
        notes.append(f"refused, although there is an answer (wrong): {_rate(overall.refused_answerable)}")
    if report.median_ms:
        times = "  ".join(f"{one_line(stage, 12)} {value:.1f}" for stage, value in report.median_ms.items())
        notes.append(f"median ms: {times}")
    models = [
        f"{one_line(model.name, 40)} in {one_line(model.dtype, 12)}"
        for model in report.pipeline.models.values()
        if model.name and model.dtype
    ]
    if models:
        notes.append(f"models: {', '.join(models)}")
    lift = overall.lifts.get(lift_of)
    if lift is not None:
        notes.append(
            f"{lift_of}, reranked against before: {lift.won:,} won, {lift.lost:,} lost, {lift.tied:,} tied; "
            f"p {lift.p_value:.4f} (paired permutation test)"
        )
    if report.evaluation.stood_fused:
        notes.append(
            f"reranking was skipped for {report.evaluation.stood_fused:,} queries: their fused order stood"
        )
    notes += [f"{count:,} {_COUNTS[key]}" for key, count in report.counts.items() if key in _COUNTS and count]
    return [f"{bullet}{name}: {note}" for note in notes]


_COUNTS = {
    "left_out_of_corpus": "bad or empty records of the corpus were left out",
    "left_out_by_limit": "judged queries were left out by --limit",
    "unjudged": "queries have no judgment and were left out",
    "unknown_queries": "judged queries are not in the file of queries",
    "unknown_relevant": "relevant documents are not in the corpus, so recall cannot reach 1",
}


def _figure(value: float) -> str:
    return f"{value:.3f}"


def _rate(interval: Interval) -> str:
    successes = round(interval.value * interval.n)
    span = f"{interval.low or 0.0:.0%}, {interval.high or 0.0:.0%}"
    return f"{successes:,} of {interval.n:,}, {interval.value:.0%} [{span}]"


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


def _markdown_table(rows: Sequence[Row]) -> list[str]:
    marks = ["---" if place in (0, 2) else "---:" for place in range(len(rows[0]))]
    table = [rows[0], marks, *rows[1:]]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
