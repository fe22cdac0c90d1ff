"""What the document pane shows of the chosen document: its way through the stages, its text, its scores."""

from __future__ import annotations

from textual.content import Content

from rankscope.core.sanitize import one_line
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.stages.bm25.tokenizer import tokenize
from rankscope.tui import cells
from rankscope.tui.views import where_absent

__all__ = ["VIEWS", "journey", "scores_view", "text_view"]

VIEWS = ("text", "scores")


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
        if arithmetic := _arithmetic(hit, k):
            step += Content.styled(f" ({arithmetic})", "$muted")
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


def _arithmetic(hit: Hit, k: int | None) -> str:
    """How reciprocal rank fusion made the score; empty for other hits."""
    ranks = {key[5:]: int(value) for key, value in hit.details.items() if key.startswith("rank:")}
    shares = {key[6:]: value for key, value in hit.details.items() if key.startswith("share:")}
    if not ranks:
        return ""
    return cells.fused_shares(ranks, shares, k)


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


def text_view(trace: Trace, doc_id: str) -> Content:
    """Title and text with the query's words marked; before them what the cross-encoder did not see."""
    document = trace.documents.get(doc_id)
    terms = tokenize(trace.query.text)
    lines: list[Content] = []
    if document is not None and document.title:
        lines.append(cells.marked(document.title, terms, style="bold"))
    if warning := _cut(trace, doc_id):
        lines.append(Content.styled(warning, "$fall"))
    if document is None:
        return Content.styled("The trace holds no text for this document.", "$muted")
    lines.append(cells.marked(document.text, terms))
    if document.metadata:
        lines.append(Content.styled(cells.metadata_text(document), "$muted"))
    return Content("\n").join(lines)


def _cut(trace: Trace, doc_id: str) -> str:
    after = trace.after
    hit = None if after is None else after.hit(doc_id)
    cut = 0 if hit is None else int(hit.details.get("tokens_cut", 0))
    if hit is None or cut <= 0:
        return ""
    tokens = hit.details.get("tokens")
    of = f" of {int(tokens):,}" if tokens else ""
    return f"! The cross-encoder did not see the last {cut:,}{of} tokens of this passage."


def scores_view(trace: Trace, doc_id: str, width: int, *, k: int | None = None) -> Content:
    """A line a stage: rank, score, a bar on the stage's own scale, and what the figure is made of."""
    lines = [Content.styled(f"{'stage':<8} {'rank':<12} {'score':>8}  {'':<12}  {'scale':<12} ms", "$muted")]
    for ranking in trace.rankings:
        lines.append(_score_line(trace, ranking, doc_id, k))
    lines.append(Content.assemble((f"{'floor':<8} ", "$muted"), _fate(trace, doc_id) or Content("–")))
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)


def _score_line(trace: Trace, ranking: Ranking, doc_id: str, k: int | None) -> Content:
    hit = ranking.hit(doc_id)
    name = Content.styled(f"{cells.fit(ranking.stage, 8)} ", "$muted")
    time = cells.ms_text(ranking.ms)
    scale = f"{ranking.score_scale:<12} {time}"
    if hit is None:
        words = where_absent(trace, ranking.stage)
        last = ranking.hits[-1].score if ranking.hits else None
        edge = f"; the last one there scores {cells.score_text(last, ranking.score_scale)}" if last else ""
        return Content.assemble(name, (words, "bold $fall"), (edge, "$muted"))
    best = max((other.score for other in ranking.hits if other.score is not None), default=0.0)
    share = cells.bar_fraction(hit.score, ranking.score_scale, best)
    rank = Content.assemble((f"#{hit.rank}", "bold"), (f" of {len(ranking.hits)}", "$muted"))
    line = Content.assemble(
        name,
        rank + Content(" " * max(12 - rank.cell_length, 0)),
        f" {cells.score_text(hit.score, ranking.score_scale):>8}  ",
        (cells.bar(share, 12), "$bar"),
        (f"  {scale:<20}", "$muted"),
    )
    return line + Content.styled(_made_of(hit, k), "$muted")


def _made_of(hit: Hit, k: int | None) -> str:
    """Fusion: each list's rank and share. Reranker: logit and tokens, where it reports them."""
    if arithmetic := _arithmetic(hit, k):
        names = " + ".join(key[5:] for key in hit.details if key.startswith("rank:"))
        return f"  {one_line(names)}: {arithmetic}"
    parts = []
    if "logit" in hit.details:
        parts.append(f"logit {hit.details['logit']:+.2f}")
    if tokens := hit.details.get("tokens"):
        cut = hit.details.get("tokens_cut", 0)
        parts.append(f"{int(tokens)} tokens, {f'{int(cut)} not seen' if cut else 'all seen'}")
    if (windows := hit.details.get("windows", 1)) > 1:
        parts.append(f"best of {int(windows)} windows: {int(hit.details.get('window', 1))}")
    return f"  {', '.join(parts)}" if parts else ""
