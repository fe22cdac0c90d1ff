"""What stands below the tables of an evaluation: times, models, what is left out, and the reliability."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.insight.metrics import JUDGED_FIRST
from rankscope.insight.reliability import reliability_lines
from rankscope.insight.report import CollectionReport

__all__ = ["note_lines", "reliability_block"]

_COUNTS = {
    "left_out_of_corpus": (
        "bad or empty record of the corpus was left out",
        "bad or empty records of the corpus were left out",
    ),
    "left_out_by_limit": ("judged query was left out by --limit", "judged queries were left out by --limit"),
    "unjudged": ("query has no judgment and was left out", "queries have no judgment and were left out"),
    "unknown_queries": (
        "judged query is not in the file of queries",
        "judged queries are not in the file of queries",
    ),
    "unknown_relevant": (
        "relevant document is not in the corpus, so recall cannot reach 1",
        "relevant documents are not in the corpus, so recall cannot reach 1",
    ),
}


def note_lines(report: CollectionReport, *, markdown: bool = False) -> list[str]:
    """One line for each thing that must be known to read one collection's figures."""
    notes: list[str] = []
    if len(report.floors) > 1:
        notes.append(f"{len(report.floors)} different floors decided over these queries")
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
    if report.evaluation.stood_fused:
        stood = counted(
            report.evaluation.stood_fused,
            "query: its fused order stood",
            "queries: their fused order stood",
        )
        notes.append(f"reranking was skipped for {stood}")
    if report.evaluation.unrivalled and JUDGED_FIRST in report.evaluation.measures:
        notes.append(
            f"judged_first leaves {report.evaluation.unrivalled:,} of "
            f"{counted(report.overall.answerable, 'query', 'queries')} out: no candidate there was judged to "
            "be worse"
        )
    notes += [
        counted(count, *_COUNTS[key]) for key, count in report.counts.items() if key in _COUNTS and count
    ]
    bullet, name = "- " if markdown else "", one_line(report.name, 28)
    return [f"{bullet}{name}: {note}" for note in notes]


def reliability_block(report: CollectionReport, *, markdown: bool = False) -> list[str]:
    """The reliability of the reranker's probabilities as a picture of text; nothing where none was asked."""
    known = report.reliability
    if known is None:
        return []
    name = one_line(report.name, 28)
    if isinstance(known, str):
        return ["", f"{name}: no reliability: {one_line(known, 200)}"]
    share = known.pairs / known.reranked
    lines = [
        "",
        f"{name}: expected calibration error {known.error:.3f} over "
        f"{counted(known.pairs, 'judged pair')}, of which "
        f"{known.relevant / known.pairs:.1%} are relevant; said on average: {known.said:.1%}",
        f"judged: {known.pairs:,} of {counted(known.reranked, 'reranked passage')} ({share:.0%}); "
        "of the others it says nothing",
    ]
    plot = [*reliability_lines(known.table), "bar: share that was relevant; |: what was said"]
    return [*lines, "", "```text", *plot, "```"] if markdown else [*lines, *plot]
