"""Two traces side by side, and what a replay changed, as styled lines and columns. Pure, but for Content."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from rankscope.core.counting import counted
from rankscope.core.documents import Query
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Ranking, Trace
from rankscope.insight.diff import GroupDiff, PairDiff, TraceDiff
from rankscope.tui import cells
from rankscope.tui.views import Column, standing_column
from rankscope.tui.widgets.trace_columns import time_text

__all__ = [
    "columns_of_diff",
    "diff_head",
    "document_line",
    "pair_row",
    "side_title",
    "stage_lines",
    "summary_lines",
]


def columns_of_diff(diff: TraceDiff) -> tuple[Column | None, Column | None]:
    """The orders that stand in both traces; the later one with the places that each document moved."""
    old, new = diff.before.final, diff.after.final
    left = standing_column(diff.before, None, side="before")
    return left if old is not None and old.hits else None, (
        standing_column(diff.after, old, side="after") if new is not None and new.hits else None
    )


def diff_head(diff: TraceDiff, width: int) -> Content:
    """How alike they are, where they part, what they were made with."""
    movement = diff.movement
    figures = [
        cells.label(f"overlap@{diff.top_k}", f"{movement.overlap:.2f}"),
        cells.label("RBO", f"{movement.rbo:.2f}"),
        cells.label("tau", "–" if movement.tau is None else f"{movement.tau:.2f}"),
        cells.label("first differs at", one_line(diff.diverges_at or "nowhere", 20)),
    ]
    lines = [Content(" ") + cells.join_cells(figures, "   ")]
    if not diff.same_query:
        lines.append(_queries_differ(diff.before.query, diff.after.query))
    if diff.flip is not None:
        words = f" ! {diff.flip.before} → {diff.flip.after}: "
        lines.append(Content.assemble((words, "bold $fall"), one_line(diff.flip.reason, max(width * 2, 40))))
    elif diff.before.decision is not None and diff.before.decision == diff.after.decision:
        lines.append(Content.styled(f" Both {diff.after.decision}.", "$muted"))
    changes = [
        f"{one_line(c.what, 24)} {one_line(c.before, 40)} → {one_line(c.after, 40)}" for c in diff.changes
    ]
    if changes:
        lines.append(Content.assemble((" changed ", "$muted"), ";  ".join(changes)))
    if diff.coverage is not None and not diff.coverage.complete:
        lines.append(Content.styled(f" {one_line(diff.coverage.line, 300)}", "$fall"))
    return Content("\n").join(_folded(lines, width))


def _folded(lines: Iterable[Content], width: int) -> list[Content]:
    """Lines that begin with a space, or with a sign in spaces; what is folded stands behind it."""
    found: list[Content] = []
    for line in lines:
        beside = 3 if line.plain.startswith(" ! ") else 1
        found += cells.hung(line[:beside], line[beside:], width)
    return found


def _queries_differ(before: Query, after: Query) -> Content:
    """What is not the same; the later query stands in the title."""
    if before.text == after.text:
        return Content.styled(" ! The filters of the query are not the same.", "$fall")
    earlier = one_line(before.text, 120) or "without text"
    return Content.assemble((" ! The queries are not the same", "$fall"), f"; the earlier one: {earlier}")


def stage_lines(diff: TraceDiff, width: int) -> Content:
    """Milliseconds by stage, earlier and later."""
    parts = []
    for stage in diff.stages:
        old, new = stage.ms
        status = (
            ""
            if stage.after is None or stage.after.status == "ok"
            else f" {one_line(stage.after.status, 24)}"
        )
        if stage.together:
            words = f"not timed: scored together{status}"
        elif stage.stage in diff.copied and new is not None:
            words = f"{cells.ms_text(new)} as recorded{status}"
        else:
            words = f"{cells.ms_text(old)} → {cells.ms_text(new)}{status}"
        parts.append(cells.label(one_line(stage.stage, 12), words))
    line = Content.styled(" ms  ", "$muted") + cells.join_cells(parts, "   ")
    return Content("\n").join(line.wrap(max(width, 1)))


def side_title(name: str, trace: Trace, *, focused: bool, width: int) -> Content:
    """Whose column it is."""
    mark = "▶ " if focused else " "
    origin = one_line(trace.origin, 18)
    kept = f"kept {len(trace.kept)}" if trace.decision != "refuse" else "refused"
    facts = f"{origin} {time_text(trace.created_at, 19 if width > 50 else 11)}  {kept} "
    return Content.assemble((f"{mark}{name} ", "bold $primary" if focused else "bold"), (facts, "$muted"))


def document_line(diff: TraceDiff, doc_id: str) -> Content:
    """A document's place and score in both."""
    parts: list[Content] = []
    for ranking in (diff.before.final, diff.after.final):
        parts.append(_place(ranking, doc_id))
    line = parts[0] + Content.styled("  →  ", "$muted") + parts[1]
    change = diff.score_change(doc_id)
    if change is not None:
        line += Content.styled(f"   score {change:+.3f}", "$muted")
    elif diff.incomparable:
        line += Content.styled(f"   scores not comparable: {one_line(diff.incomparable, 80)}", "$muted")
    return line


def _place(ranking: Ranking | None, doc_id: str) -> Content:
    hit = None if ranking is None else ranking.hit(doc_id)
    if ranking is None or hit is None:
        return Content.styled("not in this order", "$fall")
    score = cells.score_text(hit.score, ranking.score_scale)
    return Content.assemble((f"#{hit.rank}", "bold"), f" {score}")


def summary_lines(group: GroupDiff, width: int) -> list[Content]:
    """What a replay changed, as a whole."""
    count = len(group.pairs)
    if not count:
        return [Content.styled(" Nothing was replayed.", "$fall")]
    top = sum(pair.top_changed for pair in group.pairs)
    at_k = "overlap@K" if group.top_k is None else f"overlap@{group.top_k}"
    lines = [
        Content.assemble(
            (f" {top:,}", "bold"),
            f" of {counted(count, 'trace')} {'has' if top == 1 else 'have'} another first document",
        ),
        Content.assemble(
            (f" {len(group.flips):,}", "bold $fall" if group.flips else "bold"),
            " decision flipped" if len(group.flips) == 1 else " decisions flipped",
            (_causes(group), "$muted"),
        ),
        _spread_line(group, "overlap", at_k),
        _spread_line(group, "rbo", "RBO"),
        _spread_line(group, "tau", "Kendall tau"),
    ]
    for stage, (old, new) in group.latency().items():
        if old.median is not None and new.median is not None:
            words = f"{cells.ms_text(old.median)} → {cells.ms_text(new.median)} ms median"
            tail = f"   {cells.ms_text(old.p90)} → {cells.ms_text(new.p90)} p90"
            if stage in group.recorded:
                tail += "   in part as recorded" if stage == "total" else "   as recorded"
            lines.append(
                Content.assemble((f" {one_line(stage, 14):<14}", "$muted"), (words, "bold"), (tail, "$muted"))
            )
    lines += [
        Content.assemble((f" {one_line(stage, 14):<14}", "$muted"), "not timed: scored together")
        for stage in group.together
    ]
    for change, pairs in sorted(group.changes.items(), key=lambda item: -item[1])[:4]:
        words = f"{one_line(change.what, 24)}: {one_line(change.before, 40)} → {one_line(change.after, 40)}"
        lines.append(Content.assemble((" changed ", "$muted"), words, (f" in {pairs:,}", "$muted")))
    return _folded(lines, width)


def _causes(group: GroupDiff) -> str:
    causes = ", ".join(f"{cause.replace('_', ' ')} {count}" for cause, count in group.causes.items())
    return f"  by {causes}" if causes else ""


def _spread_line(group: GroupDiff, name: str, shown: str) -> Content:
    spread = group.spread(name)
    if spread.mean is None or spread.lowest is None or spread.p10 is None:
        return Content.assemble((f" {shown:<14}", "$muted"), "–")
    words = f"{spread.mean:.3f} mean"
    tail = f"   {spread.p10:.3f} p10   {spread.lowest:.3f} lowest"
    return Content.assemble((f" {shown:<14}", "$muted"), (words, "bold"), (tail, "$muted"))


def pair_row(pair: PairDiff, width: int) -> Content:
    """One of the pairs that changed most."""
    flip = "" if pair.flip is None else f"{pair.flip.before} → {pair.flip.after}"
    query = cells.fit(pair.query, max(width - 52, 10))
    return Content.assemble(
        f"{pair.rbo:6.3f} {pair.overlap:7.2f} ",
        ("yes  " if pair.top_changed else "no   ", "$fall" if pair.top_changed else "$muted"),
        (cells.fit(flip, 17), "bold $fall"),
        (cells.fit(pair.diverges_at or "nowhere", 9), "$muted"),
        " ",
        query,
    )


PAIR_HEADING = "   RBO overlap first flipped          differs   query"
