"""What a rule is, and what comes out when rules look at a trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rankscope.core.trace import Finding, Severity
from rankscope.insight.findings.evidence import Evidence

__all__ = ["NotApplicable", "Outcome", "Report", "Rule", "named"]


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The trace lacks what the rule needs; ``reason`` says what. Not the same as having passed."""

    reason: str


Outcome = NotApplicable | Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with, or worth knowing about, a ranking."""

    code: str
    name: str
    severity: Severity
    """The most severe that this rule reports."""
    summary: str
    """When it fires, in one line."""
    explanation: str
    """Why that matters."""
    remedy: str
    """What to do about it."""
    needs: str
    """What a trace must hold for the rule to apply."""
    check: Callable[[Evidence], Outcome]


@dataclass(frozen=True, slots=True)
class Report:
    """What the rules say about one trace; every rule that was asked stands in exactly one of the three."""

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    """Codes of the rules that applied and found nothing."""
    not_applicable: Mapping[str, str]
    """Codes of the rules whose evidence is missing, with what is missing."""

    @property
    def has_error(self) -> bool:
        """Whether a finding is at error level."""
        return any(finding.severity == "error" for finding in self.findings)


def named(doc_ids: Sequence[str], most: int = 3) -> str:
    """A few document ids for a message; the finding's ``doc_ids`` hold them all."""
    shown = ", ".join(doc_id if len(doc_id) <= 40 else doc_id[:39] + "…" for doc_id in doc_ids[:most])
    return shown if len(doc_ids) <= most else f"{shown} and {len(doc_ids) - most} more"
