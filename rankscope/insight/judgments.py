"""Judgments (qrels): which documents answer which query, and how well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

__all__ = ["Judgments"]


@dataclass(frozen=True, slots=True)
class Judgments:
    """Grades by query id and document id, 0 for not relevant, usually up to 3.

    A query is *judged* when it has a grade at all, *answerable* when one of them is ``relevant_from`` or
    more. A judged query without a relevant document is a no-answer query: the right output is a refusal.
    A query without any grade says nothing and is never counted.
    """

    grades: Mapping[str, Mapping[str, int]]
    relevant_from: int = 1
    """Lowest grade that counts as relevant in measures that know only relevant or not."""

    def is_judged(self, query_id: str) -> bool:
        """Whether anything is known about this query."""
        return bool(self.grades.get(query_id))

    def is_answerable(self, query_id: str) -> bool:
        """Whether some document is known to be relevant."""
        return any(grade >= self.relevant_from for grade in self.grades.get(query_id, {}).values())

    def relevant(self, query_id: str) -> frozenset[str]:
        """Ids of the relevant documents."""
        known = self.grades.get(query_id, {})
        return frozenset(doc_id for doc_id, grade in known.items() if grade >= self.relevant_from)

    def best(self, query_id: str) -> frozenset[str]:
        """Ids of the relevant documents of the query's highest grade: the ones that should stand first."""
        known = self.grades.get(query_id, {})
        highest = max(known.values(), default=0)
        if highest < self.relevant_from:
            return frozenset()
        return frozenset(doc_id for doc_id, grade in known.items() if grade == highest)

    def has_rivals(self, query_id: str, among: Iterable[str]) -> bool:
        """Whether one of these was judged to be worse than the best; else no judged one can stand ahead."""
        best = self.best(query_id)
        known = self.grades.get(query_id, {})
        return bool(best) and any(doc_id in known and doc_id not in best for doc_id in among)

    def only(self, query_ids: Iterable[str]) -> Judgments:
        """The judgments of these queries alone."""
        wanted = set(query_ids)
        return replace(self, grades={key: known for key, known in self.grades.items() if key in wanted})

    @property
    def count(self) -> int:
        """How many documents are judged, over all queries."""
        return sum(len(known) for known in self.grades.values())

    @property
    def doc_ids(self) -> frozenset[str]:
        """Every document that is judged for some query."""
        return frozenset(doc_id for known in self.grades.values() for doc_id in known)
