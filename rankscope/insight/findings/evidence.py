"""A trace as the rules see it: the parts they share, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from rankscope.config import BudgetSettings, FindingsSettings
from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, ModelInfo, Ranking, Trace
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
        passport: ModelInfo | None = None,
        standings: Mapping[str, CorpusStanding] | None = None,
        exact: Ranking | None = None,
    ) -> None:
        """``relevant`` is None for a query that nobody judged, empty for one without an answer."""
        self.trace = trace
        self.settings = settings
        self.budget = budget
        self.relevant = relevant
        self.passport = passport if passport is not None else _recorded_passport(trace)
        self.standings = standings or {}
        self.exact = exact

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


def _recorded_passport(trace: Trace) -> ModelInfo | None:
    """``floor_passport`` of the attributes, where a program recorded what its floor was fitted on."""
    data = trace.attributes.get("floor_passport")
    if not isinstance(data, Mapping):
        return None
    texts = {name: str(data.get(name) or "") for name in ("name", "revision", "dtype", "activation")}
    longest = data.get("max_length")
    return ModelInfo(**texts, max_length=longest if isinstance(longest, int) else None)
