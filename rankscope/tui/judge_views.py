"""How the judge screen's parts are worded: candidates, the passage, and what was said about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.content import Content

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.insight.agreement import Agreement
from rankscope.insight.pooling import Candidate, Progress
from rankscope.stages.bm25.tokenizer import tokenize
from rankscope.tui import cells
from rankscope.tui.judge_sentences import grade_text
from rankscope.tui.judge_state import GRADE_WORDS, JudgeState

__all__ = [
    "agreement_text",
    "candidate_row",
    "passage",
    "progress_line",
    "remarks",
    "scale_line",
    "title_facts",
]


def title_facts(state: JudgeState) -> tuple[Content, Content]:
    """Who judges, at the left of the title line; which query, at its right."""
    judge = Content.assemble(("judge ", "$muted"), (one_line(state.judge, 24), "bold"))
    if not state.queries:
        return judge, Content("")
    here = Content.assemble(
        ("query ", "$muted"), (f"{state.place + 1:,}", "bold"), (f" of {len(state.queries):,}", "$muted")
    )
    if state.total > len(state.queries):
        here = Content.styled(f"the newest of {state.total:,}   ", "$fall") + here
    return judge, here


def progress_line(state: JudgeState, width: int) -> Content:
    """Progress on this query and over all, as gauges with figures."""
    if not state.queries:
        return Content("")
    gauge = 10 if width < 100 else 20
    parts = [_progress("here", state.here, gauge), _progress("all", state.overall, gauge)]
    pipelines = 0 if state.pool is None else state.pool.pipelines
    if pipelines:
        parts.append(Content.styled(f"pooled from {counted(pipelines, 'pipeline')}", "$muted"))
    line = cells.join_cells(parts, "   ")
    return Content(" ") + line.truncate(max(width - 1, 0), ellipsis=True)


def _progress(name: str, progress: Progress, width: int) -> Content:
    share = progress.done / progress.total if progress.total else 0.0
    figures = f" {progress.done:,} of {progress.total:,}"
    bar = cells.gauge(share, width, "$primary")
    return Content.assemble((f"{name} ", "$muted"), bar, (figures, "bold"))


def candidate_row(state: JudgeState, number: int, candidate: Candidate, width: int) -> Content:
    """``▶ 4 ibu-child-02   2 ≠ ✎``: the mark, the id, my grade, whether others differ, whether noted."""
    doc_id = candidate.doc_id
    mine = state.graded.get(doc_id)
    mark = "▶" if doc_id == state.chosen else " "
    grade = Content.styled("·", "$muted") if mine is None else Content.styled(str(mine.grade), "bold $rise")
    border = Content.styled("b" if mine is not None and mine.borderline else " ", "$muted")
    differs = Content.styled("≠" if state.differing(doc_id) else " ", "bold $fall")
    noted = mine.note if mine is not None else _waiting_note(state, doc_id)
    note = Content.styled("✎" if noted else " ", "$muted")
    name = cells.middle(doc_id, max(width - 13, 1))
    proposed = state.proposal(doc_id)
    model = Content.styled("?" if proposed is not None and mine is None else " ", "$muted")
    return Content.assemble(
        (f"{mark} ", "bold"), (f"{number:>3} ", "$muted"), name, " ", grade, border, differs, note, model
    )


def _waiting_note(state: JudgeState, doc_id: str) -> str:
    return "" if state.query is None else state.notes.get((state.query.text, doc_id), "")


def passage(state: JudgeState) -> tuple[Content, Content]:
    """Title and text of the chosen candidate, the query's terms marked."""
    candidate = state.candidate
    if candidate is None or state.query is None:
        return Content(""), Content("")
    document = candidate.document
    if document is None:
        words = "No trace recorded the text of this document, and the index does not hold it."
        return Content(""), Content.styled(words, "$fall")
    terms = frozenset(tokenize(state.query.text))
    pinned = cells.marked(document.title, terms, "bold") if document.title else Content("")
    body = cells.marked(document.text, terms)
    if document.metadata:
        body += Content.styled(f"\n\n{cells.metadata_text(document)}", "$muted")
    return pinned, body


def scale_line() -> Content:
    """The grades and their words."""
    parts = [
        Content.assemble((str(grade), "bold $primary"), (f" {words}", "$muted"))
        for grade, words in enumerate(GRADE_WORDS)
    ]
    parts.append(Content.assemble(("b", "bold $primary"), (" borderline", "$muted")))
    return Content(" ") + cells.join_cells(parts, "   ")


def remarks(state: JudgeState) -> Content:
    """What was said of the chosen candidate: my grade and note, who differs, what a model proposes."""
    parts: list[Content] = []
    mine = state.graded.get(state.chosen)
    if mine is not None:
        parts.append(cells.label("yours", grade_text(mine)))
    note = mine.note if mine is not None else _waiting_note(state, state.chosen)
    if note:
        parts.append(cells.label("note", one_line(note)))
    parts += [
        cells.label(f"≠ {one_line(item.judge, 24)}", grade_text(item), style="bold $fall")
        for item in state.differing(state.chosen)
    ]
    proposed = state.proposal(state.chosen)
    if proposed is not None:
        reason = f": {one_line(proposed.note)}" if proposed.note else ""
        parts.append(cells.label(f"? {one_line(proposed.judge, 32)} proposes", grade_text(proposed)))
        parts.append(Content.styled(reason.removeprefix(": "), "$muted"))
        if mine is None:
            parts.append(Content.assemble(("a", "bold $primary"), (" takes it", "$muted")))
    if not parts:
        parts.append(Content.styled("not judged by you yet", "$muted"))
    return Content(" ") + cells.join_cells([part for part in parts if part], "   ")


def agreement_text(found: Iterable[Agreement], unseen: Mapping[str, Agreement], width: int) -> Content:
    """Every two judges with a pair in common, and what kappa says; then what models are worth unseen."""
    lines: list[Content] = []
    for item in found:
        share = item.share or 0.0
        lines.append(
            Content.assemble(
                (one_line(item.one, 32), "bold"), (" and ", "$muted"), (one_line(item.other, 32), "bold")
            )
        )
        pairs = counted(item.pairs, "document")
        queries = counted(item.queries, "query", "queries")
        counts = "  ".join(f"{one}·{other} ×{count}" for (one, other), count in item.counts.items())
        for fact in (
            Content(f"{pairs} of {queries}; the same grade for {item.equal:,} ({share:.0%})"),
            Content(f"kappa {_kappa(item.kappa)}, weighted by distance {_kappa(item.weighted_kappa)}"),
            Content.styled(f"grades {counts}", "$muted"),
        ):
            lines += cells.hung(Content("  "), fact, width)
    for model, item in unseen.items():
        lines.append(
            Content.assemble(
                (one_line(model, 32), "bold"), (" and grades given before it proposed", "$muted")
            )
        )
        pairs = counted(item.pairs, "document")
        same = (
            f"; the same grade for {item.equal:,}" if item.pairs else ": grade some before you let it propose"
        )
        said = f"{pairs}{same}; kappa {_kappa(item.kappa)}" if item.pairs else f"{pairs}{same}"
        lines += cells.hung(Content("  "), Content(said), width)
    if not lines:
        return Content("No two judges have judged the same document of the same query yet.")
    lines.append(
        Content.styled(
            "Cohen's kappa: 1 is full agreement, 0 is what chance gives; weights are quadratic.", "$muted"
        )
    )
    return Content("\n").join(lines)


def _kappa(value: float | None) -> str:
    return "unknown (one grade throughout)" if value is None else f"{value:.2f}"
