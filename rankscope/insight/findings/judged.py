"""What the rules on judged documents share."""

from __future__ import annotations

from collections.abc import Set

from rankscope.core.trace import Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable

__all__ = ["in_order", "severity_of_loss", "without_judgments"]


def without_judgments(evidence: Evidence) -> NotApplicable | None:
    """The reason why nothing can be said about relevant documents, if there is one."""
    if evidence.relevant is None:
        return NotApplicable("this query is not judged")
    if not evidence.relevant:
        return NotApplicable("no document is judged relevant to this query")
    return None


def severity_of_loss(evidence: Evidence, survivors: Set[str]) -> Severity:
    """An error where no relevant document is left, else a warning."""
    return "warning" if evidence.relevant is not None and evidence.relevant & survivors else "error"


def in_order(doc_ids: Set[str]) -> tuple[str, ...]:
    """Ids in an order that does not change from run to run."""
    return tuple(sorted(doc_ids))
