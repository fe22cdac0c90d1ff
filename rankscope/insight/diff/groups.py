"""Two groups of traces, pair by pair: how much moved, which decisions flipped, what measures say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from rankscope.core.trace import Trace
from rankscope.insight.coverage import Coverage
from rankscope.insight.diff.flip import Flip
from rankscope.insight.diff.setup import Change
from rankscope.insight.diff.trace_diff import TraceDiff, diff_traces
from rankscope.insight.judgments import Judgments
from rankscope.insight.significance import Interval, paired_bootstrap, paired_permutation_test

__all__ = ["GroupDiff", "Measured", "PairDiff", "Spread", "diff_groups"]

_ROUNDING = 1e-9
"""Equal lists have a rank-biased overlap of 1 but for rounding."""


@dataclass(frozen=True, slots=True)
class PairDiff:
    """What is kept of one pair: numbers and the flip, no texts."""

    before_id: str
    after_id: str
    query: str
    overlap: float
    rbo: float
    tau: float | None
    top_changed: bool
    diverges_at: str | None
    flip: Flip | None
    ms: Mapping[str, tuple[float | None, float | None]]
    """Milliseconds before and after, by stage; ``total`` is the whole query's."""
    copied: tuple[str, ...]
    """Stages whose times the later trace took over from the earlier one."""
    together: tuple[str, ...]
    """Stages without a time of their own, as traces were scored together."""
    coverage: Coverage | None


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are distributed; all None of no values."""

    count: int
    mean: float | None
    lowest: float | None
    p10: float | None
    median: float | None
    p90: float | None
    highest: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure over the judged pairs."""

    name: str
    before: float
    after: float
    difference: Interval
    """Mean of after less before, with the paired bootstrap's interval."""
    p_value: float
    """Of the paired permutation test: how likely so large a difference is where there is none."""


@dataclass(frozen=True, slots=True)
class GroupDiff:
    """What changed from one group of traces to another."""

    pairs: tuple[PairDiff, ...]
    top_k: int | None
    """K of the pairs; None where they have several."""
    changes: Mapping[Change, int]
    """What pairs were made with differently, by how many of them."""
    measured: tuple[Measured, ...]
    judged: int
    """Pairs whose query has a relevant document."""
    unanswerable: int
    """Pairs whose query is judged to have no answer: measures say nothing of them, refusals do."""
    refusals: tuple[int, int]
    """How many of those were refused before and after."""

    @property
    def flips(self) -> tuple[PairDiff, ...]:
        """Pairs whose decision changed."""
        return tuple(pair for pair in self.pairs if pair.flip is not None)

    @property
    def causes(self) -> Mapping[str, int]:
        """How many decisions flipped by each cause."""
        return Counter(pair.flip.cause for pair in self.pairs if pair.flip is not None)

    @property
    def worst(self) -> tuple[PairDiff, ...]:
        """The ten pairs whose orders are least alike, by rank-biased overlap; none that did not change."""
        changed = [pair for pair in self.pairs if pair.rbo < 1 - _ROUNDING]
        return tuple(sorted(changed, key=lambda pair: pair.rbo)[:10])

    @property
    def divergence(self) -> Mapping[str, int]:
        """In how many pairs each stage is the first that differs; ``none`` of those that are alike."""
        return Counter(pair.diverges_at or "none" for pair in self.pairs)

    def spread(self, name: str) -> Spread:
        """Distribution of ``overlap``, ``rbo`` or ``tau``."""
        return _spread([value for pair in self.pairs if (value := getattr(pair, name)) is not None])

    def latency(self) -> Mapping[str, tuple[Spread, Spread]]:
        """Milliseconds by stage, before and after, of the pairs that were timed on both sides."""
        stages = dict.fromkeys(stage for pair in self.pairs for stage in pair.ms)
        found = {}
        for stage in stages:
            both = [pair.ms[stage] for pair in self.pairs if stage in pair.ms]
            timed = [(old, new) for old, new in both if old is not None and new is not None]
            if timed:
                found[stage] = (_spread([old for old, _ in timed]), _spread([new for _, new in timed]))
        return found

    @property
    def recorded(self) -> frozenset[str]:
        """Stages whose later times were not measured again, and the total that contains them."""
        stages = {stage for pair in self.pairs for stage in pair.copied}
        return frozenset(stages | {"total"} if stages else stages)

    @property
    def together(self) -> tuple[str, ...]:
        """Stages that have no time of their own in some pair, as traces were scored together."""
        return tuple(dict.fromkeys(stage for pair in self.pairs for stage in pair.together))


def diff_groups(
    pairs: Iterable[tuple[Trace, Trace]],
    *,
    judgments: Judgments | None = None,
    measures: Sequence[str] = (),
    top_k: int | None = None,
) -> GroupDiff:
    """Compare pairs of traces, which are read one at a time and not kept.

    ``measures`` are computed on the orders that stand, of the pairs whose query is judged: by its
    text, else by its id. Raises UsageError for an unknown measure.
    """
    kept: list[PairDiff] = []
    changes: Counter[Change] = Counter()
    depths: set[int] = set()
    judged = _Judged(judgments)
    for before, after in pairs:
        diff = diff_traces(before, after, top_k=top_k)
        kept.append(_slim(diff))
        changes.update(diff.changes)
        depths.add(diff.top_k)
        judged.add(diff)
    return GroupDiff(
        pairs=tuple(kept),
        top_k=depths.pop() if len(depths) == 1 else None,
        changes=dict(changes.most_common()),
        measured=judged.measured(measures),
        judged=len(judged.before),
        unanswerable=judged.unanswerable,
        refusals=(judged.refused_before, judged.refused_after),
    )


class _Judged:
    """Orders of the judged pairs, before and after."""

    def __init__(self, judgments: Judgments | None) -> None:
        self.judgments = judgments
        self.before: dict[str, tuple[str, ...]] = {}
        self.after: dict[str, tuple[str, ...]] = {}
        self.keys: dict[str, str] = {}
        self.unanswerable = self.refused_before = self.refused_after = 0

    def add(self, diff: TraceDiff) -> None:
        if self.judgments is None:
            return
        asked = (diff.after.query.text, diff.after.query.query_id, diff.before.query.query_id)
        key = next((name for name in asked if name and self.judgments.is_judged(name)), None)
        if key is None:
            return
        if not self.judgments.is_answerable(key):
            self.unanswerable += 1
            self.refused_before += diff.before.decision == "refuse"
            self.refused_after += diff.after.decision == "refuse"
            return
        # One query may stand in several pairs (with other filters): each is an observation of its own.
        name = f"{len(self.keys)}"
        self.keys[name] = key
        self.before[name] = _ids(diff.before)
        self.after[name] = _ids(diff.after)

    def measured(self, measures: Sequence[str]) -> tuple[Measured, ...]:
        from rankscope.insight.metrics import measure_run

        if self.judgments is None or not self.keys or not measures:
            return ()
        known = Judgments(
            {name: self.judgments.grades[key] for name, key in self.keys.items()},
            self.judgments.relevant_from,
        )
        old, new = (measure_run(run, known, measures) for run in (self.before, self.after))
        return tuple(_measured(name, old[name], new[name]) for name in measures if old[name])


def _measured(name: str, before: Mapping[str, float], after: Mapping[str, float]) -> Measured:
    old = [before[key] for key in before]
    new = [after[key] for key in before]
    return Measured(
        name=name,
        before=sum(old) / len(old),
        after=sum(new) / len(new),
        difference=paired_bootstrap(old, new),
        p_value=paired_permutation_test(old, new),
    )


def _ids(trace: Trace) -> tuple[str, ...]:
    return () if trace.final is None else tuple(trace.final.by_id())


def _slim(diff: TraceDiff) -> PairDiff:
    times = {stage.stage: stage.ms for stage in diff.stages}
    times["total"] = (_whole_ms(diff.before), _whole_ms(diff.after))
    return PairDiff(
        before_id=diff.before.trace_id,
        after_id=diff.after.trace_id,
        query=diff.after.query.text,
        overlap=diff.movement.overlap,
        rbo=diff.movement.rbo,
        tau=diff.movement.tau,
        top_changed=diff.movement.top_changed,
        diverges_at=diff.diverges_at,
        flip=diff.flip,
        ms=times,
        copied=diff.copied,
        together=tuple(stage.stage for stage in diff.stages if stage.together),
        coverage=diff.coverage,
    )


def _whole_ms(trace: Trace) -> float | None:
    """The query's time where every stage was timed; a sum without one of them says nothing."""
    times = [ranking.ms for ranking in trace.rankings]
    return None if not times or None in times else trace.total_ms


def _spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0, None, None, None, None, None, None)
    if len(values) == 1:
        only = values[0]
        return Spread(1, only, only, only, only, only, only)
    tenths = quantiles(values, n=10, method="inclusive")
    return Spread(
        len(values), sum(values) / len(values), min(values), tenths[0], tenths[4], tenths[8], max(values)
    )
