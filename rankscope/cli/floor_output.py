"""The floor commands' answers as aligned lines of text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line

if TYPE_CHECKING:
    from rankscope.cli.floor_material import Material
    from rankscope.engine.floor_carry import CarriedFloor
    from rankscope.insight.floors.distributions import Histogram
    from rankscope.insight.floors.observations import Observations
    from rankscope.insight.floors.quantile_map import Carried
    from rankscope.insight.floors.suggestion import Suggestion
    from rankscope.insight.floors.whatif import Consequences
    from rankscope.insight.significance import Interval
    from rankscope.tracing.floor_log import StoredFloor

__all__ = [
    "bar",
    "carried_lines",
    "carry_lines",
    "histogram_lines",
    "history_lines",
    "show_json",
    "show_lines",
    "stored_line",
    "suggestion_lines",
    "whatif_lines",
]

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDTH = 40


def bar(share: float, width: int = _WIDTH) -> str:
    """A bar of eighth blocks; anything above 0 shows at least the thinnest."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def histogram_lines(counted: Histogram, floor: float | None) -> list[str]:
    """A line a bin, highest scores first, with the floor between those that it parts."""
    place = floor if floor is None else _placed(counted, floor)
    most = max(int(counted.counts.max(initial=0)), 1)
    relevant = counted.by_judgment.get("relevant")
    title = {"all": "all scores", "top": "best score of each query", "at-k": "score at rank K"}
    name = title.get(counted.kind, "fall from rank 1 to rank 10")
    axis = counted.score_scale.value if counted.axis == "native" else counted.axis
    lines = [f"{name}, {axis}" + ("" if relevant is None else "; relevant ones in the second column")]
    edges, drawn = counted.edges.tolist(), False
    for number in range(len(counted.counts) - 1, -1, -1):
        low, high = edges[number], edges[number + 1]
        if place is not None and not drawn and place >= high:
            lines.append(f"{'─' * 21} floor {floor:.4g} {'─' * 20}")
            drawn = True
        count = int(counted.counts[number])
        good = "" if relevant is None else f" {int(relevant[number]):>7,}"
        lines.append(f"{low:>9.4g} to {high:<8.4g} {count:>9,}{good}  {bar(count / most)}".rstrip())
        if place is not None and not drawn and low <= place < high:
            inside = (
                "" if abs(place - low) < 1e-9 * max(abs(high - low), 1e-300) else ", inside the bin above"
            )
            lines.append(f"{'─' * 21} floor {floor:.4g}{inside} {'─' * 20}")
            drawn = True
    if counted.left_out:
        lines.append(f"{counted.left_out:,} without such a score are left out")
    return lines


def _placed(counted: Histogram, floor: float) -> float | None:
    """The floor on the histogram's axis; None where it has no place there."""
    if counted.kind == "gap":
        return None
    import numpy as np

    from rankscope.insight.floors.distributions import on_axis

    return float(on_axis(np.array([floor]), counted.score_scale, counted.axis)[0])


def show_lines(material: Material, counted: Histogram) -> list[str]:
    """Everything about the floor in force."""
    from rankscope.insight.floors.whatif import whatif

    settings, stored = material.state.settings, material.state.stored
    value = "none" if settings.value is None else f"{settings.value:.6g}"
    lines = [f"floor     {value} ({settings.score_scale}, {settings.source}), K={settings.top_k}"]
    if settings.value is not None and settings.score_scale != material.group.score_scale.value:
        lines.append(
            f"          not applied to these scores: they are on the {material.group.score_scale} scale"
        )
    if stored is not None:
        lines.append(f"stored    {stored_line(stored)}")
        if not material.state.agrees:
            lines.append(
                "          rankscope.toml says otherwise: it was edited, or setting was interrupted."
            )
        check, drift = material.check(), material.drift()
        if check is not None:
            lines.append(f"passport  {'fits these scores' if check.verdict == 'ok' else check.line}")
        if drift is not None:
            lines.append(f"drift     {drift.line}")
    lines += [*material.heading(), ""]
    lines += histogram_lines(counted, material.baseline)
    said = whatif(material.group, material.baseline, baseline=material.baseline)
    return [*lines, "", *whatif_lines(said, material.group, 0)]


def show_json(material: Material, counted: Histogram) -> dict[str, Any]:
    """The same as plain data."""
    from dataclasses import asdict

    from rankscope.cli.floor_material import stored_json
    from rankscope.insight.floors.whatif import whatif

    stored, check, drift = material.state.stored, material.check(), material.drift()
    said = whatif(material.group, material.baseline, baseline=material.baseline)
    return {
        "settings": asdict(material.state.settings),
        "stored": None if stored is None else stored_json(stored),
        "settings_agree": material.state.agrees,
        "passport": None if check is None else {"verdict": check.verdict, "line": check.line},
        "drift": None if drift is None else drift.as_json(),
        **material.as_json(),
        "histogram": {
            "of": counted.kind,
            "axis": counted.axis,
            "edges": counted.edges.tolist(),
            "counts": counted.counts.tolist(),
            "by_judgment": {name: counts.tolist() for name, counts in counted.by_judgment.items()},
            "left_out": counted.left_out,
        },
        "consequences": said.as_json(material.group, listed=0),
    }


def suggestion_lines(found: Sequence[Suggestion]) -> list[str]:
    """A table of suggestions, each warning under its row."""
    lines = [f"{'method':<19}{'floor':>8}  {'95 % interval':<18}{'queries':>8}{'scores':>10}  elsewhere"]
    for item in found:
        value = "–" if item.value is None else f"{item.value:.4f}"
        interval = "" if item.low is None or item.high is None else f"{item.low:.4f} to {item.high:.4f}"
        reached = ", ".join(f"{name} {rate_text(rate)}" for name, rate in item.held_out.items())
        evidence = f"{item.queries:>8,}{item.observations:>10,}"
        row = f"{item.method:<19}{value:>8}  {interval:<18}{evidence}  {reached}"
        lines.append(row.rstrip())
        if item.warning:
            lines.append(f"{'':<19}{item.warning}")
    lines.append("")
    lines.append("elsewhere: what the method reaches on queries that it was not fitted on (five folds)")
    return lines


def carried_lines(carried: Carried | None) -> list[str]:
    """The stored floor of another model on this one, where there is one."""
    if carried is None:
        return []
    interval = "" if carried.low is None else f" ({carried.low:.4f} to {carried.high:.4f})"
    lines = [
        "",
        f"the stored floor carried over to this model: {carried.value:.4f}{interval}, from "
        f"{counted(carried.pairs, 'pair')} that both scored; it decides otherwise on "
        f"{rate_text(carried.disagreement)} of them",
    ]
    return [*lines, carried.warning] if carried.warning else lines


def carry_lines(result: CarriedFloor) -> list[str]:
    """A floor that was carried over to a model by scoring stored pairs with it, and its error."""
    carried = result.carried
    interval = "" if carried.low is None else f" ({carried.low:.4f} to {carried.high:.4f})"
    lines = [
        f"from      {one_line(result.old.source.label, 100)}",
        f"to        {one_line(result.new.source.label, 100)}",
        f"floor     {carried.value:.4f}{interval}, keeps {carried.kept_share:.1%} of "
        f"{counted(carried.pairs, 'pair')} of {counted(carried.queries, 'query', 'queries')}",
        f"error     decides otherwise on {rate_text(carried.disagreement)} of them",
    ]
    if result.f1 is not None and result.f1_afresh is not None:
        lines.append(
            f"judged    F1 {result.f1:.3f}; one fitted afresh (on other queries) {result.f1_afresh:.3f}"
        )
    if result.without_text:
        lines.append(f"left out  {counted(result.without_text, 'document')} without text or score")
    return [*lines, *([carried.warning] if carried.warning else [])]


def whatif_lines(said: Consequences, group: Observations, limit: int) -> list[str]:
    """What a floor does, and which queries change."""
    floor = "none" if said.floor is None else f"{said.floor:.6g}"
    base = "none" if said.baseline is None else f"{said.baseline:.6g}"
    lines = [
        f"floor     {floor} ({said.score_scale}); in force: {base}",
        f"documents {said.kept:,} kept, {said.below_floor:,} below the floor, {said.beyond_top_k:,} beyond K",
        f"context   {_number(said.kept_per_answer)} documents, "
        f"{_number(said.characters_per_answer)} characters an answer",
        f"answers   {said.answered:,} of {counted(said.traces, 'trace')}, {rate_text(said.answer_rate)}",
    ]
    if said.relevant:
        lines.append(
            f"judged    {said.relevant_kept:,} of {said.relevant:,} relevant kept "
            f"({said.relevant_below_floor:,} below the floor, {said.relevant_beyond_top_k:,} beyond K), "
            f"{said.junk_kept:,} not relevant kept, "
            f"{said.unjudged_kept:,} unjudged kept"
        )
        lines.append(f"          precision {rate_text(said.precision)}, recall {rate_text(said.recall)}")
    for name, rate in (
        ("with an answer", said.answerable_answered),
        ("without one", said.unanswerable_answered),
    ):
        if rate is not None:
            lines.append(f"          queries {name}: answered {rate_text(rate)}")
    if said.floor != said.baseline:
        lines += _changed(("becomes a refusal", "become refusals"), said.new_refusals.tolist(), group, limit)
        lines += _changed(
            ("stops being refused", "stop being refused"), said.new_answers.tolist(), group, limit
        )
    return lines


def _changed(verb: tuple[str, str], numbers: list[int], group: Observations, limit: int) -> list[str]:
    """How many traces do that and which; the verb in singular and plural."""
    lines = [f"changes   {counted(len(numbers), f'trace {verb[0]}', f'traces {verb[1]}')}"]
    tops = group.top_scores if limit else ()
    for number in numbers[:limit]:
        name = one_line(group.trace_ids[number], 36)
        lines.append(f"          {tops[number]:>8.4f}  {name:<36}  {one_line(group.texts[number], 60)}")
    if limit and len(numbers) > limit:
        lines.append(f"          and {len(numbers) - limit:,} more; --limit shows them")
    return lines


def stored_line(stored: StoredFloor) -> str:
    """One entry of the log in a line."""
    value = "none" if stored.value is None else f"{stored.value:.6g}"
    when = f"{stored.created_at:%Y-%m-%d %H:%M} UTC"
    undone = "" if stored.undone_to is None else f", brought back from number {stored.undone_to}"
    kind = f"{stored.score_scale}, {one_line(stored.source, 40)}"
    return f"number {stored.number}: {value} ({kind}) at {when}{undone}"


def history_lines(entries: Sequence[StoredFloor]) -> list[str]:
    """A line an entry."""
    lines = [f"{'number':>6}  {'set at (UTC)':<17} {'floor':>9}  {'scale':<12} {'source':<24} note"]
    for item in entries:
        value = "none" if item.value is None else f"{item.value:.6g}"
        note = "" if item.undone_to is None else f"undo, back to {item.undone_to or 'the settings file'}"
        traces = item.evidence.get("traces")
        if not note and isinstance(traces, int):
            note = f"on {counted(traces, 'trace')}"
        lines.append(
            f"{item.number:>6}  {item.created_at:%Y-%m-%d %H:%M}  {value:>9}  {item.score_scale.value:<12} "
            f"{one_line(item.source, 24):<24} {note}".rstrip()
        )
    return lines


def rate_text(rate: Interval | None) -> str:
    """A rate with its interval; a dash where nothing is known."""
    if rate is None:
        return "–"
    if rate.low is None or rate.high is None:
        return f"{rate.value:.3f}"
    return f"{rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"
