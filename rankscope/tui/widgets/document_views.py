"""What the document pane shows of the chosen document: its way through the stages, and its text."""

from __future__ import annotations

from textual.content import Content, Span

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Ranking, Trace
from rankscope.insight.truncation import lens
from rankscope.stages.bm25.tokenizer import tokenize
from rankscope.stages.rerank.reading import Reading
from rankscope.tui import cells
from rankscope.tui.views import where_absent
from rankscope.tui.widgets.biography_view import arithmetic

__all__ = ["journey", "text_view"]


def journey(
    trace: Trace, doc_id: str, *, k: int | None = None, total: int = 0, width: int = 1_000
) -> Content:
    """``bm25 #2 9.41 → dense #4 .712 → fusion #3 .0318 (1/62 + 1/64) → rerank #1 .974 ▲ 2 → kept +.574``."""
    steps: list[Content] = []
    for ranking in trace.rankings:
        hit = ranking.hit(doc_id)
        if hit is None:
            steps.append(_absent(trace, ranking, total))
            continue
        score = cells.score_text(hit.score, ranking.score_scale)
        name = Content.styled(f"{one_line(ranking.stage, 16)} ", "$muted")
        step = name + Content.assemble((f"#{hit.rank}", "bold"), f" {score}")
        if made := arithmetic(hit, k):
            step += Content.styled(f" ({made})", "$muted")
        if ranking.stage == "rerank" and trace.before is not None and (before := trace.before.hit(doc_id)):
            moved = cells.move(before.rank - hit.rank, dim=ranking.status != "ok")
            step += Content(" ") + moved
        steps.append(step)
    steps.append(_fate(trace, doc_id))
    return _on_lines([step for step in steps if step], width)


def _on_lines(steps: list[Content], width: int) -> Content:
    """Steps with arrows between, broken only before an arrow."""
    arrow = Content.styled("→ ", "$muted")
    lines: list[Content] = []
    for step in steps:
        piece = arrow + step if lines else step
        if lines and lines[-1].cell_length + 1 + piece.cell_length <= width:
            lines[-1] = lines[-1] + " " + piece
        else:
            lines.append(piece)
    return Content("\n").join(lines)


def _absent(trace: Trace, ranking: Ranking, total: int) -> Content:
    words = where_absent(trace, ranking.stage, total=total)
    return Content.assemble((f"{one_line(ranking.stage, 16)} ", "$muted"), (words, "$fall"))


def _fate(trace: Trace, doc_id: str) -> Content:
    """Kept or dropped, by how much."""
    final = trace.final
    if trace.decision is None or final is None:
        return Content("")
    hit = final.hit(doc_id)
    if hit is None:
        return Content.styled("not in the final order", "$fall")
    floor = None if "floor_not_applied" in trace.attributes else trace.floor
    margin = cells.floor_margin(hit.score, floor)
    if doc_id in trace.kept:
        return Content.assemble(
            ("kept", "bold $rise"), (f" {margin} above the floor" if margin else "", "$muted")
        )
    if floor is not None and (hit.score is None or hit.score < floor.value):
        return Content.assemble(
            ("below the floor", "bold $fall"), (f" by {margin}" if margin else "", "$muted")
        )
    return Content.styled(f"beyond K={trace.top_k}", "bold $fall")


def text_view(
    trace: Trace, doc_id: str, document: Document | None, reading: Reading | None = None, note: str = ""
) -> Content:
    """Title and text with the query's words marked, and which part of it the cross-encoder saw."""
    if document is None:
        return Content.styled("The trace holds no text for this document.", "$muted")
    lines = [told] if (told := _seen(trace, doc_id, reading, note)) else []
    lines.append(_lens(trace, doc_id, document, reading))
    if document.metadata:
        lines.append(Content.styled(cells.metadata_text(document), "$muted"))
    return Content("\n").join(lines)


def _winner(trace: Trace, doc_id: str) -> int | None:
    """The window whose score counted, from 1; None where the trace does not say."""
    hit = trace.after.hit(doc_id) if trace.after is not None else None
    window = None if hit is None else hit.details.get("window")
    return None if window is None else int(window)


def _seen(trace: Trace, doc_id: str, reading: Reading | None, note: str) -> Content | None:
    """How much of the passage the cross-encoder read, and which window gave the score."""
    if reading is None:
        warning = _cut(trace, doc_id)
        return (
            Content.styled(f"{warning} {note}".strip(), "$fall" if warning else "$muted")
            if (warning or note)
            else None
        )
    tokens, cut = len(reading.tokens), reading.tokens_cut
    if len(reading.windows) == 1 and not cut:
        words = f"The cross-encoder reads all {counted(tokens, 'token')} of it."
        return Content.styled(words + _query_cut(reading), "$fall" if reading.query_tokens_cut else "$muted")
    words = f"The cross-encoder reads {tokens - cut:,} of {counted(tokens, 'token')}"
    if len(reading.windows) > 1:
        winner = _winner(trace, doc_id)
        first, last = reading.windows[winner - 1] if winner else (0, 0)
        won = f"window {winner} won: tokens {first + 1:,} to {last:,}" if winner else "none was scored here"
        words += f" in {len(reading.windows)} windows; {won}"
    words += f"; the last {counted(cut, 'is', 'are')} cut, from the mark on" if cut else ""
    return Content.styled(f"{'! ' if cut else ''}{words}.{_query_cut(reading)}", "$fall" if cut else "$muted")


def _query_cut(reading: Reading) -> str:
    cut = reading.query_tokens_cut
    return f" The query's last {counted(cut, 'token is', 'tokens are')} not read." if cut else ""


def _lens(trace: Trace, doc_id: str, document: Document, reading: Reading | None) -> Content:
    """The text as the model was given it; what it did not see is struck out, other windows are dim."""
    text = document.searchable
    shown = cells.marked(text, tokenize(trace.query.text))
    spans = [Span(0, len(document.title), "bold")] if document.title else []
    marks: list[tuple[int, str]] = []
    if reading is not None and (len(reading.windows) > 1 or reading.tokens_cut):
        winner = _winner(trace, doc_id)
        for part in lens(text, reading.tokens, reading.windows, None if winner is None else winner - 1):
            if part.kind == "cut":
                spans.append(Span(part.start, part.end, "strike $muted"))
                marks.append((part.start, "✂ "))
            elif part.kind == "read" and winner is not None:
                spans.append(Span(part.start, part.end, "$muted"))
            elif part.kind == "scored" and winner is not None and len(reading.windows) > 1:
                marks += [(part.start, "⟦"), (part.end, "⟧")]
    shown = shown.add_spans(spans)
    marks.sort(key=lambda entry: entry[0])  # of those at one place, the end of a window first
    for place, mark in reversed(marks):
        shown = shown[:place] + Content.styled(mark, "bold $fall") + shown[place:]
    return shown


def _cut(trace: Trace, doc_id: str) -> str:
    after = trace.after
    hit = None if after is None else after.hit(doc_id)
    cut = 0 if hit is None else int(hit.details.get("tokens_cut", 0))
    if hit is None or cut <= 0:
        return ""
    tokens = hit.details.get("tokens")
    missed = f"{cut:,} of {counted(int(tokens), 'token')}" if tokens else counted(cut, "token")
    return f"! The cross-encoder did not see the last {missed} of this passage."
