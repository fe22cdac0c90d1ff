"""The evidence behind a verdict as blocks of lines, in as many columns as there is room for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content

from rankscope.core.sanitize import one_line
from rankscope.insight.significance import Interval
from rankscope.insight.verdict.model import (
    MEASURE,
    DepthCurve,
    Diagnosis,
    Evidence,
    GatePoint,
    Verdict,
    said_once,
)
from rankscope.tui import cells

__all__ = [
    "KIND_WORDS",
    "Block",
    "blocks",
    "evidence_text",
    "headline",
    "in_columns",
    "interval_text",
    "reasons",
    "signed_text",
]

BLOCK_WIDTH = 56
"""Cells that every table fits in; the screen holds one, two or three of them side by side."""
GAP = 3
_WIDEST = 90
"""Cells in which a sentence still reads well."""

KIND_WORDS = {
    "rerank": "RERANK",
    "fix_retrieval": "FIX RETRIEVAL FIRST",
    "gate": "GATE",
    "leave": "LEAVE IT",
    "label": "LABEL MORE",
}
_TONES = {"rerank": "$rise", "gate": "$rise", "leave": "$muted", "fix_retrieval": "$fall", "label": "$fall"}


@dataclass(frozen=True, slots=True)
class Block:
    """A titled group of lines."""

    title: str
    lines: tuple[Content, ...]
    aside: str = ""
    """Behind the title, what the figures are."""


def headline(verdict: Verdict, width: int) -> list[Content]:
    """The verdict in a word and a sentence."""
    word = Content.styled(f" {KIND_WORDS[verdict.kind]} ", f"bold reverse {_TONES[verdict.kind]}")
    line = word + Content.styled(f" {one_line(verdict.sentence, 400)}", "bold")
    return list(line.wrap(max(width, 20)))


def reasons(verdict: Verdict, width: int) -> list[Content]:
    """Why, a point each."""
    sign = Content.styled("· ", "$muted")
    points = (Content(one_line(reason, 400)) for reason in verdict.reasons)
    return [line for point in points for line in cells.hung(sign, point, width)]


def interval_text(interval: Interval | None, *, digits: int = 3) -> str:
    """``.612 [.540, .683]``; without the bounds where one observation has none."""
    if interval is None:
        return "–"
    value = _number(interval.value, digits)
    if interval.low is None or interval.high is None:
        return value
    return f"{value} [{_number(interval.low, digits)}, {_number(interval.high, digits)}]"


def signed_text(interval: Interval | None) -> str:
    """A difference: ``+.041 [+.020, +.060]``."""
    if interval is None:
        return "–"
    value = _signed(interval.value)
    if interval.low is None or interval.high is None:
        return value
    return f"{value} [{_signed(interval.low)}, {_signed(interval.high)}]"


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text


def _signed(value: float) -> str:
    shown = 0.0 if abs(value) < 0.0005 else value
    sign = "-" if shown < 0 else "+"
    return sign + _number(abs(shown), 3)


def _share(interval: Interval | None) -> str:
    """``92% [86, 96]``."""
    if interval is None:
        return "–"
    value = f"{interval.value:.0%}"
    if interval.low is None or interval.high is None:
        return value
    return f"{value} [{interval.low * 100:.0f}, {interval.high * 100:.0f}]"


def evidence_text(verdict: Verdict, width: int, *, why: bool) -> Content:
    """All that the verdict rests on, in columns; with ``why`` also the reasons."""
    column = (width + GAP) // _columns(width) - GAP
    return in_columns(blocks(verdict, min(max(column, BLOCK_WIDTH), _WIDEST), why=why), width)


def blocks(verdict: Verdict, width: int, *, why: bool = False) -> tuple[Block, ...]:
    """Everything that the verdict rests on, the most telling first, its sentences folded in ``width``."""
    evidence = verdict.evidence
    found = (
        Block("WHY", tuple(reasons(verdict, width)) if why else ()),
        _measures(evidence),
        _recall(evidence, width),
        _depth(evidence.depth),
        _gates(evidence.gates, verdict.gate),
        _strata(evidence),
        _latency(evidence),
        _coverage(evidence, width),
        *_diagnoses(evidence.diagnoses, width),
    )
    return tuple(block for block in found if block.lines)


def _row(*parts: tuple[str, int, str]) -> Content:
    """Cells of fixed widths; a negative width aligns right."""
    return Content("").join(
        Content.styled(cells.fit(text, abs(width), right=width < 0), style) for text, width, style in parts
    )


def _measures(evidence: Evidence) -> Block:
    head = _row(("", 8, ""), ("before", 7, "$muted"), ("after", 6, "$muted"), ("lift", 23, "$muted"))
    head += _row(("p", 6, "$muted"), ("best", 5, "$muted"))
    lines = [head]
    for row in evidence.measures:
        tone = _tone(row.lift)
        after = "–" if row.after is None else _number(row.after.value, 3)
        p_value = "–" if row.p_value is None else "<.001" if row.p_value < 0.001 else _number(row.p_value, 3)
        lines.append(
            _row(
                (row.name, 8, "bold"),
                (_number(row.before.value, 3), 7, ""),
                (after, 6, "bold"),
                (signed_text(row.lift), 23, tone),
                (p_value, 6, "$muted"),
                (_number(row.best.value, 3), 5, "$muted"),
            )
        )
    if not evidence.measures:
        return Block("BEFORE AND AFTER", ())
    return Block("BEFORE AND AFTER", tuple(lines), "95% intervals; best: of any order")


def _tone(difference: Interval | None) -> str:
    """Only what excludes zero has a tone; the sign says the same without colour."""
    if difference is None or difference.low is None or difference.high is None:
        return "$muted"
    return "bold $rise" if difference.low > 0 else "bold $fall" if difference.high < 0 else "$muted"


def _recall(evidence: Evidence, width: int) -> Block:
    lines: list[Content] = []
    if evidence.recall:
        lines.append(_row(("N", 7, "$muted"), ("recall@N", 32, "$muted"), ("relevant found", 16, "$muted")))
    for point in evidence.recall:
        bar = cells.bar(point.recall.value, 10)
        lines.append(
            _row((f"{point.n}", 7, "bold"), (bar, 11, "$bar"), (interval_text(point.recall), 21, ""))
            + _row((_share(point.found), 16, ""))
        )
    rule = evidence.rule
    if rule is not None:
        word = ("met", "bold $rise") if rule.met else ("not met", "bold $fall")
        words = f": in {rule.found_in} {_share(rule.found)}, in {rule.top_in} {_share(rule.top)}"
        lines += Content.assemble(("rule of thumb ", "$muted"), word, words).wrap(width)
    return Block("RECALL AHEAD OF THE RERANKER", tuple(lines))


def _depth(curve: DepthCurve | None) -> Block:
    if curve is None:
        return Block("DEPTH", ())
    slowest = max((point.ms or 0.0 for point in curve.points), default=0.0)
    lines = [_row(("N", 5, "$muted"), (f"gain in {MEASURE}", 23, "$muted"), ("rerank ms", 9, "$muted"))]
    priced = any(point.monthly_cost is not None for point in curve.points)
    if priced:
        lines[0] += _row(("a month", -9, "$muted"))
    for point in curve.points:
        share = 0.0 if point.ms is None or slowest <= 0 else point.ms / slowest
        ms = f"{'' if point.measured else '~'}{cells.ms_text(point.ms)}"
        mark = " ◀ enough" if point.n == curve.enough else ""
        line = _row((str(point.n), 5, "bold"), (signed_text(point.gain), 23, _tone(point.gain)))
        if not priced:
            line += _row((cells.bar(share, 9), 10, "$bar"))
        line += _row((ms, -8, ""))
        if priced:
            cost = "–" if point.monthly_cost is None else f"{point.monthly_cost:,.0f}"
            line += _row((cost, -10, ""))
        lines.append(line + Content.styled(mark, "bold $rise"))
    if curve.enough is None:
        lines.append(Content.styled("no depth is shown to gain anything", "$fall"))
    return Block("DEPTH AND LATENCY", tuple(lines), "~ reckoned from the deepest time")


def _gates(points: Sequence[GatePoint], chosen: GatePoint | None) -> Block:
    lines: list[Content] = []
    if points:
        lines.append(
            _row(
                ("list", 8, "$muted"),
                ("gap from", 10, "$muted"),
                ("calls saved", 13, "$muted"),
                (f"change in {MEASURE}", 23, "$muted"),
            )
        )
    for point in _thinned(points, chosen):
        mark = " ◀" if point == chosen else ""
        line = _row((point.signal, 8, "$muted"), (f"{point.gap:.4g}", 10, "bold"))
        line += _row((cells.bar(point.saved, 5), 6, "$bar"), (f"{point.saved:.0%}", -5, ""), ("", 2, ""))
        line += _row((signed_text(point.change), 23, _tone(point.change)))
        lines.append(line + Content.styled(mark, "bold $rise"))
    if points and chosen is None:
        lines.append(Content.styled("no gate saves enough calls at a bearable loss", "$muted"))
    return Block("GATING ON THE FIRST-STAGE GAP", tuple(lines), "rank 1 less rank 10")


def _thinned(points: Sequence[GatePoint], chosen: GatePoint | None, most: int = 8) -> list[GatePoint]:
    """Not more than ``most`` of the gates, evenly, and the chosen one among them."""
    if len(points) <= most:
        return list(points)
    places = {round(step * (len(points) - 1) / (most - 1)) for step in range(most)}
    return [point for place, point in enumerate(points) if place in places or point == chosen]


def _strata(evidence: Evidence) -> Block:
    lines = [
        _row((row.name or "(none)", 12, "bold"), (f"{row.queries:,}", -5, "$muted"), ("", 2, ""))
        + _row((_number(row.before.value, 3), 7, ""))
        + _row(("–" if row.after is None else _number(row.after.value, 3), 6, "bold"))
        + _row((signed_text(row.lift), 24, _tone(row.lift)))
        for row in evidence.strata
    ]
    if lines:
        head = _row(("", 12, ""), ("n", -5, "$muted"), ("", 2, ""), ("before", 7, "$muted"))
        lines.insert(0, head + _row(("after", 6, "$muted"), ("lift", 24, "$muted")))
    return Block("BY KIND OF QUERY", tuple(lines), MEASURE)


def _latency(evidence: Evidence) -> Block:
    lines = []
    for row in evidence.latency:
        over = row.budget_ms is not None and row.p95_ms > row.budget_ms
        budget = "" if row.budget_ms is None else f"budget {row.budget_ms:g}"
        lines.append(
            _row((row.stage, 10, "bold"), (cells.ms_text(row.median_ms), -7, ""), ("", 2, ""))
            + _row((f"p95 {cells.ms_text(row.p95_ms)}", 13, "bold $fall" if over else ""))
            + _row((budget + (" over" if over else ""), 20, "bold $fall" if over else "$muted"))
        )
    return Block("LATENCY", tuple(lines), "median and 95th percentile, ms")


def _coverage(evidence: Evidence, width: int) -> Block:
    lines = [
        Content.assemble(
            ("answerable ", "$muted"),
            (f"{evidence.queries:,}", "bold"),
            ("   no answer ", "$muted"),
            (f"{evidence.no_answer:,}", "bold"),
        )
    ]
    if evidence.refused_answerable is not None or evidence.refused_no_answer is not None:
        lines.append(
            Content.assemble(
                ("refused: answerable ", "$muted"),
                _share(evidence.refused_answerable),
                ("   no answer ", "$muted"),
                _share(evidence.refused_no_answer),
            )
        )
    lines += [
        _row((f"judged of {stage}'s top", 26, "$muted"), (_share(share), 20, ""))
        for stage, share in evidence.judged.items()
    ]
    for note in evidence.notes:
        lines += cells.hung(
            Content.styled("! ", "$fall"), Content.styled(one_line(note, 400), "$fall"), width
        )
    return Block("JUDGMENTS", tuple(lines))


def _diagnoses(found: Iterable[Diagnosis], width: int) -> Iterable[Block]:
    lines: list[Content] = []
    for codes, item in said_once(found):
        mark, style = {"found": ("!", "bold $fall"), "fine": ("✓", "$rise"), "unknown": ("?", "$muted")}[
            item.state
        ]
        words = Content.assemble((codes, "bold"), f": {one_line(item.measure, 400)}")
        if item.remedy:
            words += Content.styled(f" → {one_line(item.remedy, 400)}", "$fall")
        lines += cells.hung(Content.styled(f"{mark} ", style), words, width)
    yield Block("WHAT A RERANKER MAY HIDE", tuple(lines))


def in_columns(found: Sequence[Block], width: int) -> Content:
    """The blocks one below the other, in as many columns as fit, of heights as even as their order allows."""
    count = _columns(width)
    apart = (width + GAP) // count
    texts = [_titled(block) for block in found]
    columns = _balanced(texts, count)
    if count == 1:
        return Content("\n").join(columns[0])
    height = max(map(len, columns))
    lines = []
    for place in range(height):
        parts = [column[place] if place < len(column) else Content("") for column in columns]
        last = parts.pop()
        lines.append(Content("").join([*(_padded(part, apart) for part in parts), last]))
    return Content("\n").join(lines)


def _columns(width: int) -> int:
    return max(1, min(3, (width + GAP) // (BLOCK_WIDTH + GAP)))


def _titled(block: Block) -> list[Content]:
    title = Content.styled(block.title, "bold $primary")
    if block.aside:
        aside = Content.styled(f"  {block.aside}", "$muted")
        title = (title + aside).truncate(BLOCK_WIDTH, ellipsis=True)
    return [title, *block.lines, Content("")]


def _padded(line: Content, width: int) -> Content:
    cut = line.truncate(width - GAP, ellipsis=True)
    return cut + Content(" " * (width - cut.cell_length))


def _balanced(texts: Sequence[list[Content]], count: int) -> list[list[Content]]:
    """The blocks in order, dealt to columns so that the tallest column is as low as that allows."""
    low, high = max(map(len, texts), default=0), sum(map(len, texts))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _dealt(texts, middle, count) is not None else (middle + 1, high)
    return _dealt(texts, low, count) or [[] for _ in range(count)]


def _dealt(texts: Sequence[list[Content]], height: int, count: int) -> list[list[Content]] | None:
    columns: list[list[Content]] = [[]]
    for text in texts:
        if columns[-1] and len(columns[-1]) + len(text) > height:
            columns.append([])
        columns[-1] += text
    return None if len(columns) > count else columns + [[] for _ in range(count - len(columns))]
