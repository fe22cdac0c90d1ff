"""What the floors screen knows at one moment: one frozen value; a change is a new one. Pure, no textual."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from rankscope.core.scales import ScoreScale, logit, sigmoid
from rankscope.engine.floor_material import FloorMaterial, FloorReading, preferred
from rankscope.errors import InputError
from rankscope.insight.floors.distributions import KINDS, Axis, Kind
from rankscope.insight.floors.floor_table import FloorTable
from rankscope.insight.floors.suggestion import Suggestion
from rankscope.insight.floors.whatif import Consequences, consequences
from rankscope.tui.adjust import moved_floor

if TYPE_CHECKING:
    from rankscope.insight.floors.drift import Drift
    from rankscope.insight.floors.passport import PassportCheck
    from rankscope.insight.floors.quantile_map import Carried
    from rankscope.tracing.floor_log import StoredFloor

__all__ = ["AT_FLOOR", "FloorsPhase", "FloorsState", "Looked", "NearDocument", "Part"]

Part = Literal["plot", "list"]
"""Which part the arrow keys and enter belong to."""
Listed = Literal["queries", "documents"]
"""Queries that change, or documents at the floor."""
AT_FLOOR = 60
"""Documents listed around the floor, half on each side."""
_MOST_QUERIES = 100
"""Of those that change, this many are listed, the nearest to the floor first."""


class FloorsPhase(StrEnum):
    """How far the screen is."""

    READING = "reading"
    EMPTY = "empty"
    """No stored trace has scores."""
    READY = "ready"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NearDocument:
    """A document whose score lies near the floor."""

    hit: int
    """Its number among the group's hits."""
    trace: int
    doc_id: str
    score: float
    judged: str
    """``relevant``, ``borderline``, ``not relevant``, or empty."""


@dataclass(frozen=True, eq=False)
class Looked:
    """One group of scores, prepared: sorting once makes every step of the floor a few searches."""

    material: FloorMaterial
    top_k: int | None = None

    @cached_property
    def table(self) -> FloorTable:
        """The sorted columns."""
        return FloorTable(self.material.group, self.top_k)

    def consequences(self, floor: float | None) -> Consequences:
        """What the floor does, beside the floor in force."""
        return consequences(self.table, floor, baseline=self.material.baseline)

    @cached_property
    def checked(self) -> PassportCheck | None:
        """The stored floor's passport against these scores."""
        return self.material.check()

    @cached_property
    def drift(self) -> Drift | None:
        """Scores since the floor was stored against those it was stored on."""
        return self.material.drift()

    @cached_property
    def carried(self) -> Carried | None:
        """The stored floor on these scores, where another model made those it was stored on."""
        try:
            return self.material.carried()
        except InputError:  # too few pairs in common: `floor carry` scores more
            return None

    def prepare(self) -> None:
        """Sort, compare and carry over, beside the screen, so that no step of the floor need do it."""
        self.consequences(0.0)
        _ = self.query_count, self.judged, self.tops, self.checked, self.drift

    @cached_property
    def query_count(self) -> int:
        """Different queries."""
        return self.material.group.query_count

    @cached_property
    def judged(self) -> bool:
        """Whether anything is judged."""
        return bool(self.material.group.judged.any())

    @cached_property
    def tops(self) -> np.ndarray:
        """Best score of each trace."""
        return self.material.group.top_scores

    @cached_property
    def _within(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the scored hits that K lets through, by score."""
        group = self.material.group
        hits = np.flatnonzero(group.scored & (group.positions <= np.repeat(self.table.top_ks, group.lengths)))
        order = np.argsort(group.scores[hits], kind="stable")
        return hits[order], group.scores[hits][order]

    def near(self, floor: float | None, most: int = AT_FLOOR) -> tuple[list[NearDocument], int]:
        """Documents within K around the floor, best first, and how many of them are above it."""
        group = self.material.group
        if not group.doc_ids or floor is None:
            return [], 0
        hits, scores = self._within
        middle = int(np.searchsorted(scores, floor, side="left"))
        low, high = max(middle - most // 2, 0), min(middle + most // 2, len(hits))
        found = []
        for hit in hits[low:high][::-1].tolist():
            trace = int(np.searchsorted(group.offsets, hit, side="right")) - 1
            grade = int(group.grades[hit]) if group.judged[hit] else None
            words = "" if grade is None else self._words(grade)
            found.append(NearDocument(hit, trace, group.doc_ids[hit], float(group.scores[hit]), words))
        return found, high - middle

    def _words(self, grade: int) -> str:
        group = self.material.group
        if grade >= group.relevant_from:
            return "relevant"
        return "borderline" if grade == group.borderline_grade else "not relevant"


@dataclass(frozen=True, slots=True)
class FloorsState:
    """What was read, how it is looked at, the floor on the screen, and what methods suggest."""

    phase: FloorsPhase = FloorsPhase.READING
    problem: str = ""
    reading: FloorReading | None = None
    looked: Looked | None = None
    place: int = 0
    """Which of the groups, from 0."""
    described: str = ""
    """How the traces were chosen, for a person; empty for all of them."""
    floor: float | None = None
    method: str = ""
    """The method that the floor came from, as long as it is not moved."""
    kind: Kind = "all"
    axis: Axis = "native"
    curve: bool = False
    listed: Listed = "queries"
    part: Part = "plot"
    row: int = 0
    """The chosen row of the list."""
    suggestions: tuple[Suggestion, ...] = ()
    suggesting: bool = False
    said: Consequences | None = None
    """What the floor does."""
    changed: tuple[tuple[int, bool], ...] = ()
    """Traces that change and whether they become refusals, the nearest to the floor first of each."""
    near: tuple[NearDocument, ...] = ()
    above: int = 0
    """How many of those are above the floor."""
    marks: dict[tuple[str, str], str] = field(default_factory=dict)
    """Judgments given here since the last reading, by query and document; empty for one taken back."""
    note: str = ""
    """What happened last, for the status line."""
    busy: bool = False
    """Whether traces are being read again."""

    # Reading

    def with_reading(
        self, reading: FloorReading, looked: Looked | None, *, counted: bool = True
    ) -> FloorsState:
        """Traces were read; the floor on the screen stays where it is once it was chosen.

        With ``counted`` False the scores are not sorted yet: the plot is there before what the floor does.
        """
        groups = reading.gathered.groups
        if looked is None or not groups:
            return FloorsState(FloorsPhase.EMPTY, reading=reading, described=self.described)
        material = looked.material
        place = next(number for number, group in enumerate(groups) if group is material.group)
        same = self.looked is not None and self.looked.material.group.source == material.group.source
        state = replace(
            self,
            phase=FloorsPhase.READY,
            problem="",
            reading=reading,
            looked=looked,
            place=place,
            busy=False,
            marks={},
            axis=self.axis if same else "native",
            suggestions=self.suggestions if same else (),
        )
        floor, method = (self.floor, self.method) if same else (starting_floor(material), "")
        if not counted:
            return replace(state, floor=floor, method=method, said=None, changed=(), near=(), above=0, row=0)
        return replace(state.at(floor, method=method), note=self.note)

    def refused(self, reason: str) -> FloorsState:
        """The store cannot be read; what was read before stays on the screen."""
        if self.looked is not None:
            return replace(self, busy=False, note=reason)
        return replace(self, phase=FloorsPhase.REFUSED, problem=reason, busy=False)

    # The floor

    def at(self, floor: float | None, *, method: str = "") -> FloorsState:
        """The floor on the screen; everything that follows from it."""
        if self.looked is None:
            return self
        near, above = self.looked.near(floor) if self.listed == "documents" else ([], 0)
        said = self.looked.consequences(floor)
        lost = [(number, True) for number in said.new_refusals[:_MOST_QUERIES].tolist()]
        gained = [(number, False) for number in said.new_answers[:_MOST_QUERIES].tolist()]
        return replace(
            self,
            floor=floor,
            method=method,
            said=said,
            changed=tuple((lost + gained)[:_MOST_QUERIES]),
            near=tuple(near),
            above=above,
            row=max(above - 1, 0),
            note="",
        )

    def stepped(self, direction: int, *, fine: bool) -> FloorsState:
        """The next floor on the grid of the axis that is shown."""
        if self.looked is None:
            return self
        scale = self.scale
        if self.axis == "logit" and scale is ScoreScale.PROBABILITY:
            inside = min(max(self.floor if self.floor is not None else 0.5, 1e-6), 1 - 1e-6)
            return self.at(sigmoid(moved_floor(logit(inside), ScoreScale.LOGIT, direction, fine=fine)))
        if self.axis == "probability" and scale is ScoreScale.LOGIT:
            now = sigmoid(self.floor if self.floor is not None else 0.0)
            moved = moved_floor(now, ScoreScale.PROBABILITY, direction, fine=fine)
            return self.at(logit(min(max(moved, 1e-6), 1 - 1e-6)))
        return self.at(moved_floor(self.floor, scale, direction, fine=fine))

    def next_suggestion(self, direction: int = 1) -> FloorsState:
        """The floor of the next method that suggests one."""
        known = [item for item in self.suggestions if item.value is not None]
        if not known:
            return self
        names = [item.method for item in known]
        here = names.index(self.method) if self.method in names else (-1 if direction > 0 else 0)
        chosen = known[(here + direction) % len(known)]
        return self.at(chosen.value, method=chosen.method)

    @property
    def suggestion(self) -> Suggestion | None:
        """What the floor came from, where a method suggested it."""
        return next((item for item in self.suggestions if item.method == self.method and self.method), None)

    @property
    def scale(self) -> ScoreScale:
        """Of the scores on the screen."""
        return ScoreScale.UNKNOWN if self.looked is None else self.looked.material.group.score_scale

    # Looking

    def next_kind(self) -> FloorsState:
        """The next distribution."""
        return replace(self, kind=KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)], curve=False)

    @property
    def other_axis(self) -> Axis | None:
        """What the axis can be turned to: only logits and probabilities turn into one another."""
        axes: dict[ScoreScale, Axis] = {ScoreScale.PROBABILITY: "logit", ScoreScale.LOGIT: "probability"}
        other = axes.get(self.scale)
        return "native" if self.axis != "native" else other

    def turned_axis(self) -> FloorsState:
        """The other axis."""
        other = self.other_axis
        return self if other is None else replace(self, axis=other)

    def listing(self, listed: Listed) -> FloorsState:
        """The other list."""
        if self.looked is None:
            return self
        near, above = self.looked.near(self.floor) if listed == "documents" else ([], 0)
        # The chosen document is the last one above the floor.
        row = max(above - 1, 0)
        return replace(self, listed=listed, near=tuple(near), above=above, row=row, part="list")

    @property
    def rows(self) -> int:
        """Rows of the list that can be chosen."""
        if self.listed == "documents":
            return len(self.near)
        said = self.said
        return 0 if said is None else len(self.changed)

    def row_moved(self, by: int) -> FloorsState:
        """Another row; from the plot into the list first."""
        if self.part == "plot":
            return replace(self, part="list", row=min(self.row, max(self.rows - 1, 0)))
        return replace(self, row=min(max(self.row + by, 0), max(self.rows - 1, 0)))

    @property
    def chosen_trace(self) -> int | None:
        """Number of the trace of the chosen row."""
        if self.part != "list" or not self.rows:
            return None
        if self.listed == "documents":
            return self.near[self.row].trace
        return self.changed[self.row][0]

    @property
    def chosen_document(self) -> NearDocument | None:
        """The document of the chosen row."""
        if self.listed != "documents" or not self.near:
            return None
        return self.near[self.row]

    def mark_of(self, document: NearDocument) -> str:
        """The judgment of a document, those just given included."""
        if self.looked is None:
            return ""
        query = self.looked.material.group.texts[document.trace]
        return self.marks.get((query, document.doc_id), document.judged)

    def marked(self, document: NearDocument, mark: str) -> FloorsState:
        """A judgment was stored; the next document that nobody judged comes up."""
        assert self.looked is not None
        query = self.looked.material.group.texts[document.trace]
        state = replace(self, marks={**self.marks, (query, document.doc_id): mark}, note="")
        return replace(state, row=state.next_unjudged())

    def next_unjudged(self) -> int:
        """The nearest row after, else before, that nobody judged; the same one where none is left."""
        later = [row for row in range(self.row + 1, self.rows) if not self.mark_of(self.near[row])]
        earlier = [row for row in range(self.row - 1, -1, -1) if not self.mark_of(self.near[row])]
        return next(iter((*later[:1], *earlier[:1])), self.row)

    # Storing

    def stored(self, stored: StoredFloor) -> FloorsState:
        """A floor was stored: it is the one in force now."""
        value = "none" if stored.value is None else f"{stored.value:.4g}"
        return replace(self, note=f"Stored as number {stored.number}: {value} ({stored.source}). u undoes.")


def starting_floor(material: FloorMaterial) -> float | None:
    """The floor in force; without one on this scale, the median of the best scores."""
    if material.baseline is not None:
        return material.baseline
    tops = material.group.top_scores
    tops = tops[np.isfinite(tops)]
    return float(np.median(tops)) if len(tops) else None


def look(reading: FloorReading, place: int | None = None, top_k: int | None = None) -> Looked | None:
    """The group at ``place``, else the preferred one, prepared; None where nothing has scores."""
    groups = reading.gathered.groups
    group = preferred(groups) if place is None or place >= len(groups) else groups[place]
    return None if group is None else Looked(reading.material(group), top_k)
