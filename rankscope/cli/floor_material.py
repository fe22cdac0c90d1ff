"""What the floor commands work on: the chosen scores, the judgments, and the floor in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rankscope.core.sanitize import one_line
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.floors import FloorState, Judged
    from rankscope.engine.workspace import Workspace
    from rankscope.insight.floors.drift import Drift
    from rankscope.insight.floors.gather import Gathered
    from rankscope.insight.floors.observations import Observations
    from rankscope.insight.floors.passport import PassportCheck
    from rankscope.insight.floors.quantile_map import Carried
    from rankscope.insight.floors.suggestion import Suggestion
    from rankscope.insight.floors.whatif import Consequences
    from rankscope.tracing.floor_log import FloorLog, StoredFloor

__all__ = ["Material", "load_material", "log_of", "stored_json"]


@dataclass(frozen=True)
class Material:
    """One source of scores out of a selection of stored traces."""

    workspace: Workspace
    log: FloorLog
    state: FloorState
    judged: Judged
    gathered: Gathered
    group: Observations
    selection: Mapping[str, Any]
    """The options that were given, for the evidence."""

    @property
    def baseline(self) -> float | None:
        """The floor in force, where it is on the scale of these scores: none applies otherwise."""
        settings = self.state.settings
        return settings.value if settings.score_scale == self.group.score_scale.value else None

    def heading(self) -> list[str]:
        """What is looked at, and what is not."""
        group = self.group
        lines = [
            f"scores    {one_line(group.source.label, 100)}",
            f"traces    {group.trace_count:,} traces, {group.query_count:,} queries, "
            f"{len(group.scores):,} documents",
        ]
        others = [other for other in self.gathered.groups if other is not group]
        if others:
            parts = "; ".join(
                f"{one_line(other.source.label, 70)} ({other.trace_count:,})" for other in others
            )
            lines.append(f"not mixed in: {parts}. --scale and --model choose.")
        if self.gathered.without_order:
            lines.append(f"left out: {self.gathered.without_order:,} traces in which no stage ran")
        judged = int(group.judged.sum())
        if judged:
            lines.append(
                f"judged    {judged:,} documents, {int(group.relevant.sum()):,} relevant (grade "
                f"{group.relevant_from} and above), by {one_line(self.judged.source, 80)}"
            )
        return lines

    def as_json(self) -> dict[str, Any]:
        """The heading as plain data."""
        group = self.group
        return {
            "scores": _source_json(group),
            "not_mixed_in": [_source_json(other) for other in self.gathered.groups if other is not group],
            "traces_without_scores": self.gathered.without_order,
            "floor_in_force": self.baseline,
        }

    def check(self) -> PassportCheck | None:
        """The stored floor's passport against these scores; None where no floor with one is stored."""
        from dataclasses import replace

        from rankscope.insight.floors.passport import Passport, check_source

        stored = self.state.stored
        if stored is None or stored.value is None or not stored.passport:
            return None
        source = self.group.source
        return check_source(
            Passport.from_json(stored.passport),
            stage=source.stage,
            score_scale=source.score_scale,
            model=replace(source.model, dtype=", ".join(self.group.dtypes)),
            windows=source.windows,
            corpus=", ".join(self.group.corpora),
        )

    def drift(self) -> Drift | None:
        """Scores since the floor was set against those it was set on; None where none is stored."""
        import numpy as np

        from rankscope.insight.floors.drift import drift, remembered_scores

        stored = self.state.stored
        if stored is None or stored.value is None:
            return None
        before, count = remembered_scores(dict(stored.evidence))
        tops = self.group.top_scores
        later = np.array([moment >= stored.created_at for moment in self.group.created_at], dtype=bool)
        return drift(before, tops[later & np.isfinite(tops)], counted_before=count)

    def carried(self) -> Carried | None:
        """The stored floor on these scores, where it was set on another model that scored the same pairs.

        Raises InputError where the two share too few pairs.
        """
        from rankscope.insight.floors.passport import Passport
        from rankscope.insight.floors.quantile_map import carry_between

        stored, check = self.state.stored, self.check()
        if stored is None or stored.value is None or check is None or check.verdict == "ok":
            return None
        passport = Passport.from_json(stored.passport)
        fitting = [
            group
            for group in self.gathered.groups
            if group is not self.group and passport.made_by(group.source)
        ]
        return carry_between(stored.value, fitting[0], self.group) if fitting else None

    def set_floor(
        self,
        value: float | None,
        said: Consequences,
        suggestion: Suggestion | None,
        *,
        replaces: int | None,
    ) -> StoredFloor:
        """Store the floor with what it was chosen on."""
        from rankscope.engine.floors import set_floor
        from rankscope.insight.floors.drift import remember_scores
        from rankscope.insight.floors.passport import passport_of

        method = "manual" if suggestion is None else suggestion.method
        passport = passport_of(self.group, method=method, created_at=datetime.now(UTC))
        evidence: dict[str, Any] = {
            **remember_scores(self.group),
            "traces": self.group.trace_count,
            "documents": len(self.group.scores),
            "selection": {name: str(given) for name, given in self.selection.items() if given is not None},
            "consequences": said.as_json(self.group, listed=0),
        }
        if suggestion is not None:
            evidence["suggestion"] = suggestion.as_json()
        return set_floor(
            self.workspace,
            self.log,
            value,
            self.group.score_scale,
            method,
            replaces=self.state.number if replaces is None else replaces or None,
            passport=passport.as_json(),
            evidence=evidence,
        )


def log_of(workspace: str | None) -> FloorLog:
    """The log of floors of a workspace."""
    from rankscope.engine.workspace import find_workspace
    from rankscope.tracing.floor_log import FloorLog

    return FloorLog(find_workspace(workspace).traces_path)


@contextmanager
def load_material(folder: str | None, chosen: Mapping[str, Any]) -> Iterator[Material]:
    """Read the traces that the options choose. Raises UsageError where they leave nothing to look at."""
    from rankscope.engine.floors import floor_state, judged_of
    from rankscope.engine.workspace import find_workspace
    from rankscope.insight.floors.stored import gather_stored
    from rankscope.tracing.floor_log import FloorLog

    workspace = find_workspace(folder)
    log = FloorLog(workspace.traces_path)
    state = floor_state(workspace, log)
    if not workspace.traces_path.exists():
        raise _no_traces()
    judged = judged_of(workspace, chosen["queries"], chosen["qrels"])
    gathered = gather_stored(
        workspace.traces_path,
        judgments=judged.judgments,
        strata=judged.strata,
        selection=_selection(chosen),
        relevant_from=chosen["relevant_from"],
        unjudged_as=0 if chosen["unjudged"] == "junk" else None,
    )
    if gathered.traces == 0:
        raise _no_traces()
    yield Material(workspace, log, state, judged, gathered, _group(gathered, chosen), dict(chosen))


def _no_traces() -> UsageError:
    return UsageError(
        "there are no traces to look at.",
        remedy="Run queries, `rankscope traces import` some, or choose more with fewer options.",
    )


def _selection(chosen: Mapping[str, Any]) -> Any:
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
    fitting = [
        group
        for group in gathered.groups
        if (scale is None or group.score_scale.value == scale)
        and (model is None or group.source.model.name.startswith(model))
    ]
    if not fitting:
        if not gathered.groups:
            raise UsageError("no stage ran in any of these traces, so they hold no scores.")
        known = "; ".join(one_line(group.source.label, 80) for group in gathered.groups)
        raise UsageError("no scores of that scale and model.", remedy=f"There are: {known}.")
    reranked = [group for group in fitting if group.source.stage == "rerank"]
    return (reranked or fitting)[0]


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
