"""Differences of traces as aligned plain text. All text of a trace is made safe for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rankscope.cli.eval_tables import signed_interval, text_table
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line, pad

if TYPE_CHECKING:
    from rankscope.core.trace import Ranking
    from rankscope.engine.comparing import Comparison
    from rankscope.insight.diff import GroupDiff, PairDiff, TraceDiff
    from rankscope.insight.diff.groups import Spread
    from rankscope.insight.diff.trace_diff import StageDiff
    from rankscope.insight.movement import Move

__all__ = ["group_lines", "pair_lines"]

_ABSENT = "–"
_FLIPS = 20
"""Most flips that are told one by one."""


def pair_lines(diff: TraceDiff, *, width: int = 120) -> list[str]:
    """Two traces: what they were made with, each stage, the decision and why, then the documents."""
    before, after = diff.before, diff.after
    lines = [
        f"query     {one_line(after.query.text, width - 10)}",
        f"A         {_name(before.trace_id, before.origin)}",
        f"B         {_name(after.trace_id, after.origin)}",
    ]
    if not diff.same_query:
        lines.append(f"          A asked something else: {one_line(before.query.text, width - 34)}")
    if diff.coverage is not None:
        lines.append(f"replay    {diff.coverage.mode}: {diff.coverage.line}")
    lines += [
        f"changed   {one_line(change.what, 24)}: {one_line(change.before, 50)} → {one_line(change.after, 50)}"
        for change in diff.changes
    ]
    lines += ["", *_stage_table(diff), ""]
    where = diff.diverges_at
    lines.append(
        "diverges  " + (f"first at {one_line(where, 20)}" if where else "nowhere: all shared stages agree")
    )
    lines += _decision_lines(diff, width)
    if diff.incomparable:
        lines.append(f"scores    not compared: {one_line(diff.incomparable, width - 24)}")
    return [*lines, "", *_move_table(diff, width)]


def group_lines(
    diff: GroupDiff, comparison: Comparison, short: Callable[[str], str], *, width: int = 120
) -> list[str]:
    """Two groups: counts, distributions, times, measures, flips with reasons, the worst ten."""
    pairing = comparison.pairing
    names = f"{one_line(comparison.before.name, 40)} → {one_line(comparison.after.name, 40)}"
    lines = [
        f"{names}: {counted(len(diff.pairs), 'pair')}; without a partner {pairing.alone_before:,} before and "
        f"{pairing.alone_after:,} after"
        + (f"; {counted(pairing.older, 'older one')} left out" if pairing.older else "")
    ]
    lines += [
        f"changed   {one_line(change.what, 24)}: {one_line(change.before, 46)} → "
        f"{one_line(change.after, 46)}  ({count:,})"
        for change, count in list(diff.changes.items())[:12]
    ]
    partly = sum(pair.coverage is not None and not pair.coverage.complete for pair in diff.pairs)
    if partly:
        lines.append(f"replay    {counted(partly, 'trace')} could be run again only in part")
    lines += ["", *_spread_table(diff), ""]
    first = ", ".join(f"{one_line(stage, 20)} {count:,}" for stage, count in sorted(diff.divergence.items()))
    top = sum(pair.top_changed for pair in diff.pairs)
    lines.append(f"diverges  first at: {first}")
    of = f"of {len(diff.pairs):,}"
    lines.append(f"first     {counted(top, f'{of} has', f'{of} have')} another first document")
    lines += _latency_lines(diff)
    lines += _measure_lines(diff)
    lines += ["", *_flip_lines(diff, short, width)]
    return [*lines, "", *_worst_lines(diff.worst, short, width)]


def _name(trace_id: str, origin: str) -> str:
    return f"{one_line(trace_id, 60)}  {one_line(origin, 30)}"


def _stage_table(diff: TraceDiff) -> list[str]:
    rows = [["stage", "A ms", "B ms", "A", "B", f"overlap@{diff.top_k}", "RBO", "tau", ""]]
    for stage in diff.stages:
        moved = stage.movement
        rows.append(
            [
                one_line(stage.stage, 16),
                *(_ms(value) for value in stage.ms),
                _size(stage.before),
                _size(stage.after),
                *(
                    ["", "", ""]
                    if moved is None
                    else [_share(moved.overlap), _share(moved.rbo), _share(moved.tau)]
                ),
                _state(stage.before, stage.after, same=stage.same) + _timing(diff, stage),
            ]
        )
    moved = diff.movement
    final = ["in the end", "", "", "", "", _share(moved.overlap), _share(moved.rbo), _share(moved.tau), ""]
    return text_table([*rows, final], words=(0, 8))


def _timing(diff: TraceDiff, stage: StageDiff) -> str:
    """What must be known of the stage's times."""
    if stage.together:
        return "; not timed: scored together"
    return "; B ms as recorded" if stage.stage in diff.copied and stage.ms[1] is not None else ""


def _state(before: Ranking | None, after: Ranking | None, *, same: bool) -> str:
    if before is None or after is None:
        return "only in B" if before is None else "only in A"
    for side, ranking in (("A", before), ("B", after)):
        if ranking.status != "ok":
            return f"{side}: {one_line(ranking.status, 40)}"
    return "same" if same else "differs"


def _decision_lines(diff: TraceDiff, width: int) -> list[str]:
    old, new = (trace.decision or "not recorded" for trace in (diff.before, diff.after))
    flip = diff.flip
    if flip is None:
        lines = [f"decision  {old if old == new else f'{old} → {new}'}"]
    else:
        lines = [f"decision  {flip.before} → {flip.after}", f"  why     {one_line(flip.reason, 2 * width)}"]
    for word, ids in (("entered", diff.entered), ("left", diff.left)):
        if ids:
            shown = ", ".join(one_line(doc_id, 24) for doc_id in ids[:8])
            lines.append(f"{word:<9} {len(ids)} kept: {shown}{', ...' if len(ids) > 8 else ''}")
    return lines


def _move_table(diff: TraceDiff, width: int) -> list[str]:
    """The documents of both top Ks: ranks before and after, and the score's change where it has a meaning."""
    moves = [
        move
        for move in diff.movement.moves
        if (move.after or diff.top_k + 1) <= diff.top_k or (move.before or diff.top_k + 1) <= diff.top_k
    ]
    if not moves:
        return ["No document stands in either."]
    lines = [f"{'A':>5} {'B':>5} {'move':>6} {'score':>8}  document"]
    for move in moves:
        change = diff.score_change(move.doc_id)
        head = (
            f"{_ABSENT if move.before is None else move.before:>5} "
            f"{_ABSENT if move.after is None else move.after:>5} "
            f"{_arrow(move):>6} {'' if change is None else format(change, '+.3f'):>8}  "
        )
        document = diff.after.documents.get(move.doc_id) or diff.before.documents.get(move.doc_id)
        text = "" if document is None else document.title or document.text
        doc_id = pad(move.doc_id, 24)
        lines.append(f"{head}{doc_id} {one_line(text[:400], max(10, width - len(head) - 25))}".rstrip())
    rest = len(diff.movement.moves) - len(moves)
    return [*lines, f"      and {rest} below K in both"] if rest else lines


def _arrow(move: Move) -> str:
    if move.kind in ("new", "gone"):
        return move.kind
    return "=" if move.places == 0 else f"▲ {move.places}" if move.places > 0 else f"▼ {-move.places}"


def _spread_table(diff: GroupDiff) -> list[str]:
    k = "K" if diff.top_k is None else str(diff.top_k)
    rows = [["", "pairs", "mean", "lowest", "p10", "median", "p90", "highest"]]
    for name, label in (("overlap", f"overlap@{k}"), ("rbo", "RBO"), ("tau", "Kendall tau")):
        rows.append([label, *_spread_cells(diff.spread(name), _share)])
    return text_table(rows, words=(0,))


def _spread_cells(spread: Spread, shown: Callable[[float | None], str]) -> list[str]:
    values = (spread.mean, spread.lowest, spread.p10, spread.median, spread.p90, spread.highest)
    return [f"{spread.count:,}", *(shown(value) for value in values)]


def _latency_lines(diff: GroupDiff) -> list[str]:
    latency = diff.latency()
    untimed = [f"times     {one_line(stage, 16)} not timed: scored together" for stage in diff.together]
    if not latency:
        return untimed or ["times     no stage was timed on both sides"]
    rows = [["ms", "pairs", "A median", "B median", "A p90", "B p90"]]
    for stage, (old, new) in latency.items():
        cells = (old.median, new.median, old.p90, new.p90)
        name = one_line(stage, 16)
        if stage in diff.recorded:
            name += ", in part as recorded" if stage == "total" else ", as recorded"
        rows.append([name, f"{old.count:,}", *(_ms(value) for value in cells)])
    return ["", *text_table(rows, words=(0,)), *untimed]


def _measure_lines(diff: GroupDiff) -> list[str]:
    lines = []
    if diff.measured:
        rows = [["measure", "A", "B", "difference [95%]", "p"]]
        for item in diff.measured:
            rows.append(
                [
                    one_line(item.name, 24),
                    f"{item.before:.4f}",
                    f"{item.after:.4f}",
                    signed_interval(item.difference),
                    f"{item.p_value:.3f}",
                ]
            )
        lines = [
            "",
            f"{counted(diff.judged, 'judged pair')}, resampled as pairs",
            *text_table(rows, words=(0,)),
        ]
    if diff.unanswerable:
        old, new = diff.refusals
        lines.append(
            f"refused   {old} → {new} of {counted(diff.unanswerable, 'query', 'queries')} without an answer"
        )
    return lines


def _flip_lines(diff: GroupDiff, short: Callable[[str], str], width: int) -> list[str]:
    flips = diff.flips
    if not flips:
        return ["No decision flipped."]
    causes = ", ".join(f"{cause} {count:,}" for cause, count in sorted(diff.causes.items()))
    lines = [f"{counted(len(flips), 'decision')} flipped, by cause: {causes}"]
    for pair in flips[:_FLIPS]:
        assert pair.flip is not None
        head = f"  {short(pair.before_id)} → {short(pair.after_id)}  {pair.flip.before} → {pair.flip.after}"
        lines.append(f"{head}  {one_line(pair.query, max(20, width - len(head) - 2))}")
        lines.append(f"      {one_line(pair.flip.reason, 2 * width)}")
    if len(flips) > _FLIPS:
        lines.append(f"  and {len(flips) - _FLIPS:,} more; --json has them all")
    return lines


def _worst_lines(worst: Sequence[PairDiff], short: Callable[[str], str], width: int) -> list[str]:
    if not worst:
        return ["Every order is as it was."]
    rows = [["least alike", "", "RBO", "overlap", "tau", "first at", "query"]]
    for pair in worst:
        rows.append(
            [
                short(pair.before_id),
                short(pair.after_id),
                _share(pair.rbo),
                _share(pair.overlap),
                _share(pair.tau),
                one_line(pair.diverges_at or "", 12),
                one_line(pair.query, max(20, width - 70)),
            ]
        )
    return text_table(rows, words=(0, 1, 5, 6))


def _size(ranking: Ranking | None) -> str:
    return _ABSENT if ranking is None else str(len(ranking.hits))


def _ms(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.1f}"


def _share(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.3f}"
