"""Which documents are relevant to a query, by everything that a workspace knows at this moment."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rankscope.core.documents import Query
from rankscope.engine.floors import Judged, judged_of
from rankscope.errors import RankScopeError
from rankscope.insight.judgments import Judgments
from rankscope.tracing.judgment_log import JudgmentLog

if TYPE_CHECKING:
    from rankscope.engine.workspace import Workspace

__all__ = ["KnownJudgments"]


class KnownJudgments:
    """Judgments for runs as they happen: files are read once, what people judge meanwhile counts at once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @cached_property
    def _from_files(self) -> Judged:
        return judged_of(self._workspace, stored=False)

    def relevant_to(self, query: Query) -> frozenset[str] | None:
        """The relevant documents; empty where none is, None where nobody judged the query.

        None too where the judgments cannot be read: a query is answered all the same, and the commands
        that work on judgments say what is wrong with them.
        """
        try:
            judged = self._from_files
            standing = JudgmentLog(self._workspace.traces_path).standing(query.text)
        except RankScopeError:
            return None
        if not standing:
            return judged.relevant_to(query)
        known = judged.judgments.grades if judged.judgments is not None else {}
        grades = {**known.get(query.text, {}), **{item.doc_id: item.grade for item in standing}}
        return Judgments({query.text: grades}).relevant(query.text)
