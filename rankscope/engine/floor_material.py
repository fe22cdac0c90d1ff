"""What a floor is chosen on: a selection of stored scores with their judgments, and the floor in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankscope.engine.floors import FloorState, Judged, floor_state, judged_of, set_floor
from rankscope.insight.floors.gather import Gathered, Selection
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.passport import Passport, PassportCheck, check_source, passport_of
from rankscope.tracing.floor_log import FloorLog, StoredFloor

if TYPE_CHECKING:
    from rankscope.engine.workspace import Workspace
    from rankscope.insight.floors.drift import Drift
    from rankscope.insight.floors.quantile_map import Carried
    from rankscope.insight.floors.suggestion import Suggestion
    from rankscope.insight.floors.whatif import Consequences

__all__ = ["FloorMaterial", "FloorReading", "preferred", "read_floors"]


@dataclass(frozen=True)
class FloorReading:
    """The chosen traces, a group a source of scores, and what was stored when they were read."""

    workspace: Workspace
    log: FloorLog
    state: FloorState
    judged: Judged
    gathered: Gathered
    described: Mapping[str, str] = field(default_factory=dict)
    """How the traces were chosen, for the evidence of a stored floor."""

    def material(self, group: Observations) -> FloorMaterial:
        """One of the groups, to choose a floor on."""
        return FloorMaterial(self, group)


@dataclass(frozen=True)
class FloorMaterial:
    """One source of scores out of a reading."""

    reading: FloorReading
    group: Observations

    @property
    def state(self) -> FloorState:
        """The floor in force as it was when the traces were read."""
        return self.reading.state

    @property
    def baseline(self) -> float | None:
        """The floor in force, where it is on the scale of these scores: none applies otherwise."""
        settings = self.state.settings
        return settings.value if settings.score_scale == self.group.score_scale.value else None

    @property
    def passport(self) -> Passport | None:
        """The stored floor's passport; None where no floor with one is stored."""
        stored = self.state.stored
        if stored is None or stored.value is None or not stored.passport:
            return None
        return Passport.from_json(stored.passport)

    def check(self) -> PassportCheck | None:
        """The stored floor's passport against these scores; None where there is none."""
        passport, source = self.passport, self.group.source
        if passport is None:
            return None
        return check_source(
            passport,
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
        from rankscope.insight.floors.quantile_map import carry_between

        stored, passport, checked = self.state.stored, self.passport, self.check()
        if stored is None or stored.value is None or passport is None or checked is None:
            return None
        if checked.verdict == "ok":
            return None
        fitting = [
            group
            for group in self.reading.gathered.groups
            if group is not self.group and passport.made_by(group.source)
        ]
        return carry_between(stored.value, fitting[0], self.group) if fitting else None

    def store(
        self,
        value: float | None,
        said: Consequences,
        suggestion: Suggestion | None = None,
        *,
        replaces: int | None = None,
    ) -> StoredFloor:
        """Store the floor with what it was chosen on. ``suggestion`` is where the value comes from, if any.

        ``replaces`` is the number of the floor that was looked at, by default the newest one of the
        reading. Raises FloorChanged, and stores nothing, where another floor was set since then.
        """
        from rankscope.insight.floors.drift import remember_scores

        group, method = self.group, "manual" if suggestion is None else suggestion.method
        evidence: dict[str, Any] = {
            **remember_scores(group),
            "traces": group.trace_count,
            "documents": len(group.scores),
            "selection": dict(self.reading.described),
            "consequences": said.as_json(group, listed=0),
        }
        if suggestion is not None:
            evidence["suggestion"] = suggestion.as_json()
        return set_floor(
            self.reading.workspace,
            self.reading.log,
            value,
            group.score_scale,
            method,
            replaces=self.state.number if replaces is None else replaces or None,
            passport=passport_of(group, method=method, created_at=datetime.now(UTC)).as_json(),
            evidence=evidence,
        )


def read_floors(
    workspace: Workspace,
    selection: Selection | None = None,
    *,
    queries: Path | None = None,
    qrels: Path | None = None,
    relevant_from: int | None = None,
    unjudged_as: int | None = None,
    documents: bool = True,
    described: Mapping[str, str] | None = None,
) -> FloorReading:
    """Read the chosen traces of the workspace; a reading without groups where there are none.

    Without ``documents`` neither ids nor lengths of documents are read, which is faster.
    """
    from rankscope.insight.floors.stored import gather_stored

    log = FloorLog(workspace.traces_path)
    state = floor_state(workspace, log)
    judged = judged_of(workspace, queries, qrels)
    gathered = Gathered((), 0, 0)
    lowest = judged.relevant_from if relevant_from is None else relevant_from
    if workspace.traces_path.exists():
        gathered = gather_stored(
            workspace.traces_path,
            judgments=judged.judgments,
            strata=judged.strata,
            selection=selection,
            relevant_from=lowest,
            borderline_grade=None if judged.relevant_from is None else judged.relevant_from - 1,
            unjudged_as=unjudged_as,
            documents=documents,
        )
    return FloorReading(workspace, log, state, judged, gathered, described or {})


def preferred(groups: tuple[Observations, ...]) -> Observations | None:
    """The group to look at first: the reranker's, else the largest."""
    reranked = [group for group in groups if group.source.stage == "rerank"]
    return next(iter(reranked or groups), None)
