"""The rules as a set: codes, texts, selection, and a report that counts each rule once."""

from __future__ import annotations

import re

import pytest

from rankscope.config import Settings
from rankscope.core.trace import Finding
from rankscope.errors import UsageError
from rankscope.insight.findings import RULES, examine, rule_by_code, select_rules
from tests.insight.findings.scripted_traces import clean_trace, trace_of

CODES = [
    *("RS101", "RS102", "RS103", "RS104", "RS201", "RS202", "RS203", "RS301", "RS302", "RS303", "RS304"),
    *("RS401", "RS402", "RS403", "RS501", "RS502", "RS503", "RS504", "RS601", "RS602"),
]


def test_the_codes_are_those_of_the_contract() -> None:
    assert [rule.code for rule in RULES] == CODES
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_explains_itself(rule: object) -> None:
    known = rule_by_code(getattr(rule, "code"))  # noqa: B009
    assert known.severity in ("info", "warning", "error")
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", known.name)
    assert "\n" not in known.summary
    for text in (known.explanation, known.remedy):
        assert text.endswith(".")
        assert "  " not in text
    assert known.needs


def test_rules_are_chosen_by_code_or_its_beginning() -> None:
    assert [rule.code for rule in select_rules("rs2, RS101")] == ["RS101", "RS201", "RS202", "RS203"]
    assert [rule.code for rule in select_rules("RS2", "RS202")] == ["RS201", "RS203"]
    assert select_rules() == RULES
    assert rule_by_code(" rs601 ").code == "RS601"


@pytest.mark.parametrize("text", ["RS9", "X", "RS1011", "R"])
def test_an_unknown_code_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=text):
        select_rules(text)
    with pytest.raises(UsageError, match="RS601"):
        rule_by_code(text)


def test_every_rule_stands_in_exactly_one_part_of_the_report() -> None:
    for trace in (trace_of(), clean_trace(1)):
        report = examine(trace)
        codes = [*{item.code for item in report.findings}, *report.passed, *report.not_applicable]
        assert sorted(codes) == CODES


def test_an_empty_trace_passes_nothing() -> None:
    report = examine(trace_of())
    assert report.findings == ()
    assert report.passed == ()
    assert set(report.not_applicable) == set(CODES)


def test_settings_choose_the_rules_and_their_thresholds() -> None:
    settings = Settings().override("findings", select="RS4", ignore="RS402", shallow_share=1.0)
    report = examine(clean_trace(1), settings=settings)
    assert report.findings == (
        Finding(
            "RS403", "info", "the top 10 came from the first 50 of 50 candidates: a depth of 50 would do"
        ),
    )
    assert report.passed == ("RS401",)
