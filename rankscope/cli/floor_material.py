"""What the floor commands work on: the scores that their options choose, as a heading and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.engine.floor_material import FloorMaterial, preferred, read_floors
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.insight.floors.gather import Gathered, Selection
    from rankscope.insight.floors.observations import Observations
    from rankscope.tracing.floor_log import FloorLog, StoredFloor

__all__ = ["Material", "load_material", "log_of", "stored_json"]


@dataclass(frozen=True)
class Material(FloorMaterial):
    """One source of scores out of a selection of stored traces, and how to say so."""

    def heading(self) -> list[str]:
        """What is looked at, and what is not."""
        group, gathered = self.group, self.reading.gathered
        lines = [
            f"scores    {one_line(group.source.label, 100)}",
            f"traces    {counted(group.trace_count, 'trace')}, "
            f"{counted(group.query_count, 'query', 'queries')}, {counted(len(group.scores), 'document')}",
        ]
        others = [other for other in gathered.groups if other is not group]
        if others:
            parts = "; ".join(
                f"{one_line(other.source.label, 70)} ({other.trace_count:,})" for other in others
            )
            lines.append(f"not mixed in: {parts}. --scale and --model choose.")
        if gathered.without_order:
            lines.append(f"left out: {counted(gathered.without_order, 'trace')} in which no stage ran")
        judged = int(group.judged.sum())
        if judged:
            lines.append(
                f"judged    {counted(judged, 'document')}, {int(group.relevant.sum()):,} relevant (grade "
                f"{group.relevant_from} and above), by {one_line(self.reading.judged.source, 160)}"
            )
        return lines

    def as_json(self) -> dict[str, Any]:
        """The heading as plain data."""
        group, gathered = self.group, self.reading.gathered
        return {
            "scores": _source_json(group),
            "not_mixed_in": [_source_json(other) for other in gathered.groups if other is not group],
            "traces_without_scores": gathered.without_order,
            "floor_in_force": self.baseline,
        }


def log_of(workspace: str | None) -> FloorLog:
    """The log of floors of a workspace."""
    from rankscope.engine.workspace import find_workspace
    from rankscope.tracing.floor_log import FloorLog

    return FloorLog(find_workspace(workspace).traces_path)


def load_material(folder: str | None, chosen: Mapping[str, Any]) -> Material:
    """Read the traces that the options choose. Raises UsageError where they leave nothing to look at."""
    from rankscope.engine.workspace import find_workspace

    reading = read_floors(
        find_workspace(folder),
        _selection(chosen),
        queries=chosen["queries"],
        qrels=chosen["qrels"],
        relevant_from=chosen["relevant_from"],
        unjudged_as=0 if chosen["unjudged"] == "junk" else None,
        described={name: str(given) for name, given in chosen.items() if given is not None},
    )
    if reading.gathered.traces == 0:
        raise UsageError(
            "there are no traces to look at.",
            remedy="Run queries, `rankscope traces import` some, or choose more with fewer options.",
        )
    return Material(reading, _group(reading.gathered, chosen))


def _selection(chosen: Mapping[str, Any]) -> Selection:
    from rankscope.cli.traces import parse_moment
    from rankscope.insight.floors.gather import Selection

    moments = {
        name: None if chosen[name] is None else parse_moment(chosen[name], f"--{name}")
        for name in ("since", "before")
    }
    return Selection(
        **moments,
        origin=chosen["origin"],
        fingerprint=chosen["pipeline"],
        stratum=chosen["stratum"],
        judged=chosen["judged"],
    )


def _group(gathered: Gathered, chosen: Mapping[str, Any]) -> Observations:
    """The group that --scale and --model choose, else the reranker's, else the largest."""
    scale, model = chosen["scale"], chosen["model"]
    fitting = tuple(
        group
        for group in gathered.groups
        if (scale is None or group.score_scale.value == scale)
        and (model is None or group.source.model.name.startswith(model))
    )
    found = preferred(fitting)
    if found is None:
        if not gathered.groups:
            raise UsageError("no stage ran in any of these traces, so they hold no scores.")
        known = "; ".join(one_line(group.source.label, 80) for group in gathered.groups)
        raise UsageError("no scores of that scale and model.", remedy=f"There are: {known}.")
    return found


def _source_json(group: Observations) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "stage": group.source.stage,
        "score_scale": group.score_scale.value,
        "model": asdict(group.source.model),
        "windows": group.source.windows,
        "dtypes": list(group.dtypes),
        "corpora": list(group.corpora),
        "traces": group.trace_count,
        "queries": group.query_count,
        "documents": len(group.scores),
        "judged": int(group.judged.sum()),
        "relevant": int(group.relevant.sum()),
        "relevant_from": group.relevant_from,
    }


def stored_json(stored: StoredFloor) -> dict[str, Any]:
    """An entry of the log as plain data, without the remembered scores."""
    evidence = {name: value for name, value in stored.evidence.items() if name != "top_scores"}
    return {
        "number": stored.number,
        "created_at": stored.created_at.isoformat(),
        "value": stored.value,
        "score_scale": stored.score_scale.value,
        "method": stored.method,
        "source": stored.source,
        "replaces": stored.replaces,
        "undone_to": stored.undone_to,
        "passport": dict(stored.passport),
        "evidence": evidence,
    }
