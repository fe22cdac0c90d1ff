"""How a comparison of two pipelines is worded: its sides, its measures, its queries. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace
from rankscope.insight.ab import AbQuery, Comparison, Side
from rankscope.insight.significance import Interval
from rankscope.tui import cells
from rankscope.tui.verdict_state import pipeline_name
from rankscope.tui.verdict_views import interval_text, signed_text

__all__ = ["difference_cell", "head", "query_heading", "query_row", "side_lists"]


WIDE = 90
"""From this width on both sides have their intervals."""


def head(found: Comparison, width: int) -> Content:
    """The two sides, what must be known, what is set otherwise, and the measures with paired differences."""
    lines = [_side("A", found.a, width), _side("B", found.b, width)]
    for statement in found.statements:
        said = Content.styled(one_line(statement, 400), "$fall")
        lines += cells.hung(Content.styled("! ", "$fall"), said, width)
    lines += _changes(found, width)
    wide = width >= WIDE
    value = 21 if wide else 7
    lines.append(
        _cells(("", 15, ""), ("A", value, "$muted"), ("B", value, "$muted"), ("B less A", 23, "$muted"))
    )
    lines[-1] += Content.styled("p", "$muted")
    for row in found.rows:
        p_value = "<.001" if row.p_value < 0.001 else f"{row.p_value:.3f}".removeprefix("0")
        a, b = (interval_text(side) if wide else _short(side.value) for side in (row.a, row.b))
        name = row.name.replace(", judged only", " judged")
        lines.append(
            _cells((name, 15, "bold"), (a, value, ""), (b, value, ""))
            + _cells((signed_text(row.difference), 23, _tone(row.difference)), (p_value, 5, "$muted"))
        )
    return Content("\n").join(line.truncate(max(width, 1), ellipsis=True) for line in lines)


def _cells(*parts: tuple[str, int, str]) -> Content:
    return Content("").join(Content.styled(cells.fit(text, width), style) for text, width, style in parts)


def _tone(difference: Interval) -> str:
    if difference.low is None or difference.high is None:
        return "$muted"
    return "bold $rise" if difference.low > 0 else "bold $fall" if difference.high < 0 else "$muted"


def _side(letter: str, side: Side, width: int) -> Content:
    """``B 3f2a… rankscope-ce-small  214 ms  98% of its top judged``; fewer words where there is less room."""
    model = side.pipeline.models.get("cross_encoder")
    parts = [
        Content.assemble(
            (f"{letter} ", "bold $primary"), (pipeline_name(side.pipeline.fingerprint or side.name), "bold")
        ),
        Content.styled(one_line(side.stage if model is None else model.name, 32), "$muted"),
        cells.label("median", f"{cells.ms_text(side.median_ms)} ms"),
        cells.label("judged", f"{side.judged.value:.0%}"),
    ]
    line = cells.join_cells(parts, "   ")
    if not side.unjudged_new:
        return line
    new = f"   {side.unjudged_new:,} unjudged that the other has not"
    short = f"   {side.unjudged_new:,} unjudged"
    return line + Content.styled(new if line.cell_length + len(new) <= width else short, "$fall")


def _changes(found: Comparison, width: int) -> list[Content]:
    if not found.changed_settings:
        return []
    changes = [
        f"{one_line(key, 40)} {one_line(str(a), 40)} → {one_line(str(b), 40)}"
        for key, (a, b) in found.changed_settings.items()
    ]
    line = Content.assemble(("set otherwise: ", "$muted"), "; ".join(changes))
    return [line.truncate(max(width, 1), ellipsis=True)]


def query_heading(width: int) -> Content:
    """Above the queries."""
    left = _cells(("", 2, ""), ("B less A", 10, "$muted"), ("A", 7, "$muted"), ("B", 7, "$muted"))
    return left + Content.styled(cells.fit("query", max(width - 26, 0)), "$muted")


def query_row(query: AbQuery, width: int, *, chosen: bool) -> Content:
    """``▶ ▲ +.412  .300   .712   the query's text  (stratum)``."""
    mark = Content.styled("▶ " if chosen else "  ", "bold")
    values = _cells((_short(query.a), 7, "$muted"), (_short(query.b), 7, ""))
    kind = f" ({one_line(query.stratum, 16)})" if query.stratum else ""
    room = max(width - 26 - len(kind), 0)
    text = cells.fit(query.text or query.query_id, room)
    return mark + difference_cell(query.difference) + values + Content.assemble(text, (kind, "$muted"))


def difference_cell(difference: float) -> Content:
    """``▲ +.412 ``: an arrow and a sign, never colour alone; ten cells."""
    if difference == 0:
        return Content.styled("= .000".ljust(10), "$muted")
    arrow, style = ("▲", "$rise") if difference > 0 else ("▼", "$fall")
    return Content.styled(
        f"{arrow} {'+' if difference > 0 else '-'}{_short(abs(difference))}".ljust(10), style
    )


def _short(value: float) -> str:
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


def side_lists(
    a: Trace | None, b: Trace | None, grades: Mapping[str, int], width: int, height: int
) -> Content:
    """Both final lists side by side, each document with its grade and its place in the other list."""
    column = max((width - 3) // 2, 10)
    left, right = (_final(trace) for trace in (a, b))
    lines = []
    for place in range(min(height, max(len(left), len(right), 1))):
        lines.append(
            _listed(place, left, right, grades, column)
            + Content.styled(" │ ", "$faint")
            + _listed(place, right, left, grades, column)
        )
    return Content("\n").join(lines)


def _final(trace: Trace | None) -> Sequence[str]:
    return () if trace is None or trace.final is None else trace.final.doc_ids


def _listed(
    place: int, ids: Sequence[str], other: Sequence[str], grades: Mapping[str, int], width: int
) -> Content:
    if place >= len(ids):
        return Content(" " * width)
    doc_id = ids[place]
    grade = grades.get(doc_id)
    known = Content.styled("·" if grade is None else str(grade), "$muted" if not grade else "bold $rise")
    there = f"#{other.index(doc_id) + 1}" if doc_id in other else "not there"
    name = cells.middle(doc_id, max(width - 18, 4))
    line = Content.assemble((f"{place + 1:>3} ", "$muted"), known, f" {name} ", (there.ljust(9), "$muted"))
    return line + Content(" " * max(width - line.cell_length, 0))
