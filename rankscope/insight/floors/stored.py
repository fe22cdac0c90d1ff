"""Observations straight from the trace database."""

from __future__ import annotations

from collections.abc import Mapping

from rankscope.insight.floors.gather import Gathered, Selection, gather
from rankscope.insight.judgments import Judgments
from rankscope.tracing.store import TraceStore
from rankscope.tracing.summaries import TraceFilter

__all__ = ["gather_stored"]


def gather_stored(
    store: TraceStore,
    *,
    judgments: Judgments | None = None,
    strata: Mapping[str, str] | None = None,
    selection: Selection | None = None,
    relevant_from: int | None = None,
    borderline_grade: int | None = None,
    unjudged_as: int | None = None,
) -> Gathered:
    """What :func:`gather` makes of the stored traces that the selection accepts, oldest first."""
    chosen = selection or Selection()
    filtered = TraceFilter(origin=chosen.origin, since=chosen.since, before=chosen.before)
    return gather(
        store.iter_traces(filtered, oldest_first=True),
        judgments=judgments,
        strata=strata,
        selection=selection,
        relevant_from=relevant_from,
        borderline_grade=borderline_grade,
        unjudged_as=unjudged_as,
    )
