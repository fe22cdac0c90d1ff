"""The terms tab: what each query term gives under BM25; cosine, exact rank and the nearest sentence."""

from __future__ import annotations

from textual.content import Content

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.sanitize import one_line
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Trace
from rankscope.engine.explaining import Retrieved
from rankscope.insight.terms import term_rows, term_summary
from rankscope.stages.bm25.explain import Bm25Explanation
from rankscope.stages.bm25.tokenizer import tokenize
from rankscope.stages.dense.explain import DenseExplanation
from rankscope.tui import cells

__all__ = ["terms_view"]

_TERMS = 6
_BAR = 12
_WIDE = 90
"""From this width on bars have their full length."""


def terms_view(
    trace: Trace, doc_id: str, document: Document | None, found: Retrieved | None, width: int, note: str = ""
) -> Content:
    """Both retrievers' reasons; without a look-up, what the text alone tells, and ``note`` why."""
    lines: list[Content] = []
    if found is None:
        if note:
            lines.append(Content.styled(note, "$muted"))
        if not note or note.startswith("?"):  # no look-up is to be waited for
            lines += _from_text_alone(trace, document)
        return Content("\n").join(lines)
    if found.bm25 is not None:
        lines += _bm25_lines(found.bm25, _BAR if width >= _WIDE else _BAR // 2)
    else:
        lines.append(Content.styled("BM25 has no part in this pipeline.", "$muted"))
    lines += _dense_lines(trace, doc_id, found)
    return Content("\n").join(line.truncate(2 * width, ellipsis=True) for line in lines)


def _from_text_alone(trace: Trace, document: Document | None) -> list[Content]:
    """Which query terms an imported text holds: no index is needed for that, and nothing else is known."""
    if document is None:
        return [
            Content.styled(
                "? The trace holds no text for this document, so no term can be counted.", "$muted"
            )
        ]
    asked = list(dict.fromkeys(tokenize(trace.query.text)))
    held = tokenize(document.searchable)
    parts: list[Content] = []
    for term in asked:
        count = held.count(term)
        parts.append(Content.styled(one_line(term, 24), "bold" if count else "$fall") + Content(f" {count}×"))
    line = Content("In its text: ") + Content("  ").join(parts or [Content("the query has no terms")])
    known = "? Idf, length and cosine need the index of the corpus that it came from."
    return [line, Content.styled(known, "$muted")]


def _bm25_lines(bm25: Bm25Explanation, bar: int) -> list[Content]:
    """What each term gives, the largest first, with a bar of so many cells."""
    rows = term_rows(bm25)
    best = max((row.share for row in rows), default=0.0)
    wide = max([4, *(min(len(one_line(row.term)), 20) for row in rows[:_TERMS])])
    head = f"{'':<{wide}}  {'idf':>6} {'in docs':>8} {'here':>5} {'gives':>7}  "
    title = Content.assemble((f"BM25 {bm25.score:.2f}", "bold"), (f"  {term_summary(bm25)}", ""))
    lines = [title, Content.styled(head, "$muted")]
    for row in rows[:_TERMS]:
        found = row.document_frequency > 0
        lines.append(
            Content.assemble(
                (cells.fit(row.term, wide), "bold" if row.share else "$fall"),
                f"  {row.idf:>6.2f} " if found else f"  {'–':>6} ",
                f"{row.document_frequency:>8,} {row.term_frequency:>5} {row.share:>7.2f}  ",
                (cells.bar(row.share / best if best > 0 else 0.0, bar) if row.share else "", "$bar"),
                f" {row.part:>4.0%}  " if row.share else "",
                (one_line(row.note), "$fall" if not found else "$muted"),
            )
        )
    rest = rows[_TERMS:]
    if rest:
        given = sum(row.share for row in rest)
        lines.append(
            Content.styled(
                f"and {counted(len(rest), 'more term, which gives', 'more terms, which give')} {given:.2f}",
                "$muted",
            )
        )
    length = f"{counted(bm25.length, 'term')}, the average is {bm25.average_length:.0f}"
    lines.append(Content.styled(f"{length}: length factor {bm25.length_factor:.2f}", "$muted"))
    return lines


def _dense_lines(trace: Trace, doc_id: str, found: Retrieved) -> list[Content]:
    dense = found.dense
    if dense is None:
        return [Content.styled("Dense retrieval has no part in this pipeline.", "$muted")]
    cosine = cells.score_text(dense.cosine, ScoreScale.COSINE)
    line = Content.assemble(
        (f"Dense {cosine}", "bold"),
        f"  exact rank #{dense.rank} of {dense.of:,}",
        (f", {_listed(trace, doc_id, dense)}", "$muted"),
    )
    lines = [line]
    if dense.nearest is not None:
        start, end = found.sentences[dense.nearest]
        near = cells.score_text(dense.sentences[dense.nearest], ScoreScale.COSINE)
        text = found.document.text[start:end].strip()
        words = Content.assemble((f"nearest sentence {near} ", "$muted"))
        lines.append(words + cells.marked(text, tokenize(trace.query.text)))
    return lines


def _listed(trace: Trace, doc_id: str, dense: DenseExplanation) -> str:
    """The rank that the search gave, beside the exact one."""
    ranking = trace.ranking("dense")
    hit = ranking.hit(doc_id) if ranking is not None else None
    if hit is None:
        missed = dense.approximate and ranking is not None and dense.rank <= len(ranking.hits)
        return "missed by the approximate search" if missed else "beyond the depth of the list"
    if not dense.approximate:
        return f"listed #{hit.rank}; the search compares every vector"
    same = hit.rank == dense.rank
    return f"listed #{hit.rank} by the approximate search{'' if same else ', which missed some before it'}"
