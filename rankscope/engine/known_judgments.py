"""Which documents are relevant to a query, by everything that a workspace knows at this moment."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rankscope.core.documents import Query
from rankscope.engine.floors import FileJudgments, Judged, file_judgments, with_stored
from rankscope.errors import RankScopeError
from rankscope.tracing.judgment_log import JudgmentLog

if TYPE_CHECKING:
    from rankscope.engine.workspace import Workspace

__all__ = ["KnownJudgments"]


class KnownJudgments:
    """Judgments for runs as they happen: files are read once, what people judge meanwhile counts at once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: tuple[int, Judged] | None = None

    @cached_property
    def _from_files(self) -> FileJudgments:
        return file_judgments(self._workspace)

    def relevant_to(self, query: Query) -> frozenset[str] | None:
        """The relevant documents; empty where none is, None where nobody judged the query.

        None too where the judgments cannot be read: a query is answered all the same, and the commands
        that work on judgments say what is wrong with them.
        """
        try:
            return self._judged().relevant_to(query)
        except RankScopeError:
            return None

    def _judged(self) -> Judged:
        """Everything that is judged, put together anew when the store has a newer judgment."""
        log = JudgmentLog(self._workspace.traces_path)
        number = log.last_number()  # before the grades: one that comes in between is read again
        if self._known is None or self._known[0] != number:
            self._known = (number, with_stored(self._from_files, log))
        return self._known[1]
