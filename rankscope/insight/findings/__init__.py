"""Rules that say what is noteworthy about a trace, coded RS101 to RS602: one rule a file.

``examine(trace)`` applies them all. A rule whose evidence the trace lacks is reported as not applicable,
apart from those that passed.
"""

from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.examine import examine
from rankscope.insight.findings.registry import RULES, rule_by_code, select_rules
from rankscope.insight.findings.rule import NotApplicable, Report, Rule

__all__ = [
    "RULES",
    "Evidence",
    "NotApplicable",
    "Report",
    "Rule",
    "examine",
    "rule_by_code",
    "select_rules",
]
