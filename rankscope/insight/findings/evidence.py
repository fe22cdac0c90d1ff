"""A trace as the rules see it: the parts they share, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from rankscope.config import BudgetSettings, FindingsSettings
from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, ModelInfo, Ranking, Trace
from rankscope.insight.floors.passport import Passport, passport_in
from rankscope.insight.fused_order import FusionRecipe, input_lists, recipe_of
from rankscope.insight.standing import CorpusStanding

__all__ = ["Evidence"]

DEFAULT_TOP_K = 10


class Evidence:
    """One trace, and what is known about its query and its floor from elsewhere."""

    def __init__(
        self,
        trace: Trace,
        *,
        settings: FindingsSettings,
        budget: BudgetSettings,
        relevant: frozenset[str] | None = None,
        passport: Passport | ModelInfo | None = None,
        standings: Mapping[str, CorpusStanding] | None = None,
        exact: Ranking | None = None,
        not_looked_up: str = "",
    ) -> None:
        """``relevant`` is None for a query that nobody judged, empty for one without an answer.

        ``passport`` is that of the trace's floor, or the model alone; by default the one the trace carries.
        """
        self.trace = trace
        self.settings = settings
        self.budget = budget
        self.relevant = relevant
        self._passport = passport
        self.standings = standings or {}
        self.exact = exact
        self.not_looked_up = not_looked_up
        """Why the index was not asked about this trace; empty where it was, or nobody wanted that."""

    @cached_property
    def passport(self) -> Passport | None:
        """What the trace's floor was fitted on, where that is known."""
        given, floor = self._passport, self.trace.floor
        if not isinstance(given, ModelInfo):
            return given if given is not None else passport_in(self.trace)
        if floor is None:
            return None
        return Passport(floor.score_scale, "rerank", given, None, "", floor.source, self.trace.created_at)

    @cached_property
    def before(self) -> Ranking | None:
        """The order that the reranker was given."""
        return self.trace.before

    @cached_property
    def after(self) -> Ranking | None:
        """The complete reranked order; None where there is none or it was stopped half-way."""
        after = self.trace.after
        return after if after is not None and after.status == "ok" else None

    @cached_property
    def final(self) -> Ranking | None:
        """The order that stands."""
        return self.trace.final

    @cached_property
    def lists(self) -> tuple[Ranking, ...]:
        """The first-stage lists."""
        return input_lists(self.trace)

    @cached_property
    def fusion(self) -> Ranking | None:
        """The fused list."""
        fused = self.trace.ranking("fusion")
        return fused if fused is not None and fused.ran else None

    @cached_property
    def recipe(self) -> FusionRecipe | None:
        """k and weights of the fusion, recorded or inferred."""
        return recipe_of(self.trace)

    @cached_property
    def top_k(self) -> int:
        """K of the trace."""
        return self.trace.top_k if self.trace.top_k is not None else DEFAULT_TOP_K

    @cached_property
    def top(self) -> tuple[Hit, ...]:
        """The first K hits of the order that stands, whatever the floor says."""
        return self.final.hits[: self.top_k] if self.final is not None else ()

    @cached_property
    def top_documents(self) -> tuple[Document, ...]:
        """Those documents of the top K whose text the trace holds, best first."""
        known = self.trace.documents
        found = (known.get(hit.doc_id) for hit in self.top)
        return tuple(document for document in found if document is not None and document.text.strip())

    @cached_property
    def ids_before(self) -> frozenset[str]:
        """Documents that the reranker was given."""
        return frozenset(self.before.doc_ids) if self.before is not None else frozenset()

    @cached_property
    def retrieved(self) -> frozenset[str]:
        """Documents that any first-stage list holds."""
        return frozenset(hit.doc_id for ranking in self.lists for hit in ranking.hits)

    @cached_property
    def comparable_floor(self) -> Floor | None:
        """The floor, where it is on the scale of the scores that stand."""
        floor = self.trace.floor
        if floor is None or self.final is None or floor.score_scale is ScoreScale.UNKNOWN:
            return None
        return floor if floor.score_scale == self.final.score_scale else None
