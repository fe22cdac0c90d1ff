"""Apply the rules to a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rankscope.config import Settings
from rankscope.core.trace import Finding, ModelInfo, Ranking, Trace
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.registry import select_rules
from rankscope.insight.findings.rule import NotApplicable, Report, Rule
from rankscope.insight.floors.passport import Passport
from rankscope.insight.standing import CorpusStanding

__all__ = ["examine"]

_DEFAULTS = Settings()


def examine(
    trace: Trace,
    *,
    settings: Settings = _DEFAULTS,
    rules: Sequence[Rule] | None = None,
    relevant: frozenset[str] | None = None,
    passport: Passport | ModelInfo | None = None,
    standings: Mapping[str, CorpusStanding] | None = None,
    exact: Ranking | None = None,
    not_looked_up: str = "",
) -> Report:
    """What the rules say about a trace. Pure: needs no model, no index and no file.

    ``rules`` defaults to those that the settings select. ``relevant`` are the documents judged relevant to
    this query (None: not judged; empty: judged to have no answer). ``passport`` is that of the trace's
    floor, or the model it was fitted on; by default the one that the trace carries. ``standings`` (by
    document) and ``exact`` (the dense list by exact search) add what the engine can look up in the index;
    ``not_looked_up`` says why it could not.
    """
    evidence = Evidence(
        trace,
        settings=settings.findings,
        budget=settings.budget,
        relevant=relevant,
        passport=passport,
        standings=standings,
        exact=exact,
        not_looked_up=not_looked_up,
    )
    if rules is None:
        rules = select_rules(settings.findings.select, settings.findings.ignore)
    findings: list[Finding] = []
    passed: list[str] = []
    not_applicable: dict[str, str] = {}
    for rule in rules:
        outcome = rule.check(evidence)
        if isinstance(outcome, NotApplicable):
            not_applicable[rule.code] = outcome.reason
        elif outcome:
            findings.extend(outcome)
        else:
            passed.append(rule.code)
    return Report(tuple(findings), tuple(passed), not_applicable)
