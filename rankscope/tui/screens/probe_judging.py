"""Judging from the probe: one key says what the chosen document is to the query on the screen."""

from __future__ import annotations

from typing import cast

from rankscope.core.sanitize import one_line
from rankscope.engine.judging import JudgingWorkspace, JudgmentDesk
from rankscope.errors import RankScopeError
from rankscope.tui.screens.probe_why import ProbeWhy

__all__ = ["GRADE_OF_MARK", "ProbeJudging"]

GRADE_OF_MARK = {"relevant": (2, False), "borderline": (1, True), "not relevant": (0, False)}
"""Grade, and whether it is marked as borderline, of the three judgments that are given by a key."""


class ProbeJudging(ProbeWhy):
    """A judgment is on disk when its key returns, of a live run as of a stored trace."""

    def action_judge(self, mark: str) -> None:
        """Store my judgment of the chosen document."""
        trace, doc_id = self.state.trace, self.state.chosen
        if trace is None or not doc_id:
            return
        grade, borderline = GRADE_OF_MARK[mark]
        document = trace.documents.get(doc_id)
        desk = self._desk()
        try:
            desk.log.append(
                trace.query.text,
                doc_id,
                grade,
                desk.judge,
                borderline=borderline,
                content_hash=None if document is None else document.content_hash,
                trace_id=trace.trace_id,
            )
        except RankScopeError as error:
            self.notify(one_line(str(error)), title="Not judged", severity="error", markup=False, timeout=10)
            return
        self.notify(f"{mark}: {one_line(doc_id, 60)}. u takes it back.", title="Judged", markup=False)

    def action_undo_judgment(self) -> None:
        """Take back my last judgment, wherever it was given."""
        desk = self._desk()
        try:
            undone = desk.log.undo(desk.judge)
        except RankScopeError as error:
            self.notify(one_line(str(error)), title="Nothing taken back", markup=False)
            return
        self.notify(f"{one_line(undone.doc_id, 60)}, grade {undone.grade}", title="Taken back", markup=False)

    def _desk(self) -> JudgmentDesk:
        # The probe's protocol names less than a workspace offers.
        return JudgmentDesk.of(cast(JudgingWorkspace, self.workspace))
