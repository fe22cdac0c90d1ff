"""The parts of the floors screen as styled text and pictures. Pure: a state in, content out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from textual.content import Content

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.core.scales import ScoreScale
from rankscope.insight.floors.distributions import GAP_RANK, Axis, Histogram, Kind, histogram, on_axis
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.whatif import Curve, curve
from rankscope.tui import cells
from rankscope.tui.floors_state import FloorsState, Looked
from rankscope.tui.verdict_views import interval_text
from rankscope.tui.widgets.score_plot import Bars, Curves, Picture, Tick, bins_for

if TYPE_CHECKING:
    from numpy.typing import NDArray


__all__ = [
    "consequence_lines",
    "floor_title",
    "floor_words",
    "legend",
    "list_row",
    "picture",
    "plot_title",
    "source_line",
]

LAYERS = (
    ("relevant", "█", "$rise"),
    ("borderline", "▓", "$mark"),
    ("not relevant", "▒", "$fall"),
    ("unjudged", "░", "$muted"),
)
"""Judgments from the axis upward, each with a glyph of its own."""
CURVES = (("precision", "p", "$fall"), ("recall", "r", "$rise"), ("answer rate", "a", "$mark"))
_KINDS: dict[Kind, str] = {
    "all": "ALL SCORES",
    "top": "BEST SCORE OF EACH QUERY",
    "at-k": "SCORE AT RANK K",
    "gap": f"FALL FROM RANK 1 TO {GAP_RANK}",
}
_SHORT = {"borderline": "border", "not relevant": "not"}
_SKEWED = 20.0
"""Heights are drawn by their roots where the highest bar is so many times the middle one."""
_MARKS = {"relevant": ("y", "$rise"), "borderline": ("b", "$mark"), "not relevant": ("x", "$fall")}


@lru_cache(maxsize=4)
def _binned(group: Observations, kind: Kind, axis: Axis, bins: int) -> Histogram:
    return histogram(group, kind, axis=axis, bins=bins)


def _curve(looked: Looked, axis: Axis, width: int) -> tuple[Curve, float, float]:
    """The shares at a floor for every column of the axis, and the ends of the axis."""
    group = looked.material.group
    ends = _binned(group, "all", axis, 2).edges[[0, -1]]
    low, high = float(ends[0]), float(ends[1])
    places = low + (high - low) * (np.arange(width) + 0.5) / width
    return curve(looked.table, floors=_from_axis(places, group.score_scale, axis)), low, high


def _from_axis(places: NDArray, scale: ScoreScale, axis: Axis) -> NDArray:
    """Scores from their places on an axis: what ``on_axis`` does, backwards."""
    if axis == "logit" and scale is ScoreScale.PROBABILITY:
        found: NDArray = 1 / (1 + np.exp(-places))
        return found
    return on_axis(places, ScoreScale.PROBABILITY, "logit") if axis == "probability" else places


def picture(state: FloorsState, width: int) -> Picture | None:
    """The histogram or the curves, with the floor at its place."""
    if state.looked is None or width < 8:
        return None
    made: Picture
    if state.curve:
        made, edges = _curves(state.looked, state.axis, width)
    else:
        layered = state.looked.judged and state.kind != "gap"
        made, edges = _bars(state.looked.material.group, state.kind, state.axis, width, layered)
        if state.kind == "gap":  # no floor is held to a gap
            return made
    floor, other = (_place(state, value, edges) for value in (state.floor, _other_floor(state)))
    return replace(made, floor=floor, baseline=other)


@lru_cache(maxsize=4)
def _bars(
    group: Observations, kind: Kind, axis: Axis, width: int, layered: bool
) -> tuple[Bars, tuple[float, float]]:
    """The histogram without floors, and the ends of its axis."""
    binned = _binned(group, kind, axis, bins_for(width, layered=layered))
    edges = (float(binned.edges[0]), float(binned.edges[-1]))
    shown = np.sqrt if _skewed(binned) else np.asarray
    layers: list[tuple[NDArray, str, str]] = [(shown(binned.counts), "", "$bar")]
    if layered:
        stacked = np.cumsum([binned.by_judgment[name] for name, _, _ in LAYERS], axis=0)
        layers = [
            (np.where(binned.by_judgment[name] > 0, shown(high), 0), glyph, style)
            for high, (name, glyph, style) in zip(stacked[::-1], LAYERS[::-1], strict=True)
        ]
    return Bars(layers, _ticks(*edges)), edges


def _skewed(binned: Histogram) -> bool:
    """Whether a few bins are so high that the others would not be seen."""
    present = binned.counts[binned.counts > 0]
    return bool(len(present)) and float(present.max()) > _SKEWED * float(np.median(present))


@lru_cache(maxsize=4)
def _curves(looked: Looked, axis: Axis, width: int) -> tuple[Curves, tuple[float, float]]:
    """The curves without floors, and the ends of their axis."""
    found, *ends = _curve(looked, axis, width)
    edges = (ends[0], ends[1])
    shares = {"precision": found.precision, "recall": found.recall, "answer rate": found.answer_rate}
    series = [(shares[name], letter, style) for name, letter, style in CURVES]
    return Curves((np.arange(width) + 0.5) / width, series, _ticks(*edges)), edges


def _other_floor(state: FloorsState) -> float | None:
    baseline = None if state.looked is None else state.looked.material.baseline
    return None if baseline == state.floor else baseline


def _place(state: FloorsState, floor: float | None, edges: tuple[float, float]) -> float | None:
    """The floor between the ends of the axis, 0 to 1."""
    if floor is None:
        return None
    value = float(on_axis(np.array([floor]), state.scale, state.axis)[0])
    return min(max((value - edges[0]) / (edges[1] - edges[0]), 0.0), 1.0)


def _ticks(low: float, high: float, most: int = 6) -> list[Tick]:
    """Round values within the axis."""
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * times for times in (1, 2, 2.5, 5, 10) if power * times >= rough * (1 - 1e-9))
    values = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return [((value - low) / (high - low), f"{value + 0.0:.4g}") for value in values.tolist()]


def plot_title(state: FloorsState, width: int) -> Content:
    """What is counted, on which axis, and how high the highest bar is."""
    if state.looked is None:
        return Content("")
    scale = state.scale.value
    axis = scale if state.axis == "native" else f"{scale} on a {state.axis} axis"
    title = "CURVES" if state.curve else _KINDS[state.kind]
    if not state.curve and width >= 8:
        group = state.looked.material.group
        layered = state.looked.judged and state.kind != "gap"
        binned = _binned(group, state.kind, state.axis, bins_for(width, layered=layered))
        axis += f", at most {int(binned.counts.max(initial=0)):,} a bar"
        axis += ", heights by square root" if _skewed(binned) else ""
    return Content.assemble((f" {title} ", "bold $primary"), (f"{axis} ", "$muted"))


def legend(state: FloorsState, width: int) -> Content:
    """What the glyphs of the plot mean, in short where there is little room."""
    if state.looked is None:
        return Content("")
    group = state.looked.material.group
    parts: list[tuple[str, str]] = []
    if state.curve:
        parts = [(letter, name) for name, letter, _ in CURVES]
    elif state.looked.judged and state.kind != "gap":
        known = [name for name, _, _ in LAYERS if name != "borderline" or group.borderline_grade is not None]
        parts = [(glyph, name) for name, glyph, _ in LAYERS if name in known]
    styles = {sign: style for _, sign, style in (*LAYERS, *CURVES)}
    floors = [Content.assemble(("┃", "bold $accent"), (" floor", "$muted"))]
    if _other_floor(state) is not None:
        floors.append(Content.assemble(("┊", "$muted"), (" in force", "$muted")))

    def named(shorter: Mapping[str, str]) -> list[Content]:
        return [
            Content.assemble((sign, styles[sign]), (f" {shorter.get(name, name)}", "$muted"))
            for sign, name in parts
        ]

    lines = [Content("  ").join([*named({}), *floors]), Content("  ").join([*named(_SHORT), *floors])]
    fitting = (line for line in lines if line.cell_length <= width - 2)  # a cell stays free at each end
    return next(fitting, Content(" ").join(named(_SHORT)) if parts else lines[-1])


def source_line(state: FloorsState, width: int) -> Content:
    """Which scores are looked at, and which are kept apart."""
    whole = _source_line(state, brief=False)
    return whole if whole.cell_length <= width else _source_line(state, brief=True)


def _source_line(state: FloorsState, *, brief: bool) -> Content:
    if state.looked is None or state.reading is None:
        return Content("")
    group = state.looked.material.group
    source = group.source
    name = f"  {one_line(source.model.name, 40)}" if source.model.name else ""
    queries = counted(state.looked.query_count, "query", "queries")
    # Of a query with several traces each counts.
    repeated = group.trace_count != state.looked.query_count
    traces = counted(group.trace_count, "trace")
    said = queries if not repeated else traces if brief else f"{traces} of {queries}"
    line = Content.assemble((f"{source.stage} scores, {source.score_scale}{name}", "bold"))
    line += Content.styled(f"  {said}", "$muted")
    if state.described:
        line += Content.assemble(("  where ", "$muted"), (one_line(state.described, 60), "$mark"))
    sources = len(state.reading.gathered.groups)
    if sources > 1:
        mixed = f"  source {state.place + 1} of {sources}: "
        line += Content.assemble((mixed, "$muted"), ("c", "bold $primary"))
    return line


def floor_title(state: FloorsState, width: int) -> Content:
    """The floor on the screen and the one in force; the method it comes from where there is room."""
    words = Content.styled(f" FLOOR {floor_words(state.floor)}", "bold $accent")
    in_force = state.said is not None and state.floor == state.said.baseline
    baseline = None if state.said is None else state.said.baseline
    tail = Content.styled(", in force " if in_force else f", now {floor_words(baseline)} ", "$muted")
    by = Content.styled(f" by {state.method}", "$accent") if state.method else Content("")
    return (
        words + tail if words.cell_length + by.cell_length + tail.cell_length > width else words + by + tail
    )


def consequence_lines(state: FloorsState, width: int) -> list[Content]:
    """What the floor on the screen does."""
    said = state.said
    if said is None or state.looked is None:
        return []
    digits = 3 if width >= 36 else 2
    per_answer, characters = said.kept_per_answer, said.characters_per_answer
    context = "–" if per_answer is None else f"{per_answer:.1f} docs"
    if characters is not None:
        context += f", {characters:,.0f} chars"
    rows = [
        ("answered", f"{said.answered:,} of {counted(said.traces, 'trace')}"),
        ("", interval_text(said.answer_rate, digits=digits)),
        ("kept", f"{said.kept:,}, dropped {said.dropped:,}"),
        ("context", context),
    ]
    if said.relevant:
        rows += [
            ("relevant", f"{said.relevant_kept:,} of {said.relevant:,} kept"),
            ("", f"{said.relevant_below_floor:,} below, {said.relevant_beyond_top_k:,} past K"),
            ("junk kept", f"{said.junk_kept:,}, unjudged {said.unjudged_kept:,}"),
            ("precision", interval_text(said.precision, digits=digits)),
            ("recall", interval_text(said.recall, digits=digits)),
        ]
    else:
        rows.append(("judged", "none; e lists some"))
    if said.answerable_answered is not None:
        rows.append(("answerable", interval_text(said.answerable_answered, digits=digits)))
    if said.unanswerable_answered is not None:
        rows.append(("no answer", interval_text(said.unanswerable_answered, digits=digits)))
    return [
        Content.assemble((f"{name:<11}", "$muted"), (cells.shorten(value, width - 11), ""))
        for name, value in rows
    ]


def floor_words(value: float | None) -> str:
    """A floor in at most five digits."""
    return "none" if value is None else f"{value:.4g}"


def list_row(state: FloorsState, row: int, width: int) -> Content:
    """One row of the list: a query that changes, or a document at the floor."""
    assert state.looked is not None
    group = state.looked.material.group
    if state.listed == "documents":
        document = state.near[row]
        sign, style = _MARKS.get(state.mark_of(document), ("·", "$muted"))
        above = row < state.above
        score = cells.score_text(document.score, group.score_scale)
        parts = [
            Content.styled("▲" if above else "▽", "$rise" if above else "$fall"),
            Content.styled(f"{score:>6}", "bold" if above else ""),
            Content.styled(sign, f"bold {style}"),
            Content.styled(cells.fit(document.doc_id, max(width // 3, 8)), ""),
            Content.styled(cells.shorten(group.texts[document.trace], width), "$muted"),
        ]
        return cells.join_cells(parts).truncate(width, ellipsis=True)
    number, lost = state.changed[row]
    best = float(state.looked.tops[number])
    score = cells.score_text(best if np.isfinite(best) else None, group.score_scale)
    word, style = ("refused", "$fall") if lost else ("answered", "$rise")
    parts = [
        Content.styled(f"{'-' if lost else '+'} {word:<8}", style),
        Content.styled(f"{score:>6}", "bold"),
        Content.styled(cells.shorten(group.texts[number], width), ""),
    ]
    return cells.join_cells(parts).truncate(width, ellipsis=True)
