"""The list of all rules, and the choice of some by code."""

from __future__ import annotations

from functools import lru_cache

from rankscope.errors import UsageError
from rankscope.insight.findings import (
    rs101_order_unchanged,
    rs102_ties,
    rs103_documents_missing,
    rs104_scale_misfit,
    rs201_passage_cut,
    rs202_near_duplicates,
    rs203_broken_sentence,
    rs301_recall_miss,
    rs302_single_retriever,
    rs303_fusion_cut,
    rs304_approximate_miss,
    rs401_top_unchanged,
    rs402_over_budget,
    rs403_depth_unused,
    rs501_nothing_clears,
    rs502_floor_scale,
    rs503_floor_passport,
    rs504_relevant_dropped,
    rs601_fusion_irreproducible,
    rs602_filter_disobeyed,
)
from rankscope.insight.findings.rule import Rule

__all__ = ["RULES", "rule_by_code", "select_rules"]

RULES: tuple[Rule, ...] = (
    rs101_order_unchanged.RULE,
    rs102_ties.RULE,
    rs103_documents_missing.RULE,
    rs104_scale_misfit.RULE,
    rs201_passage_cut.RULE,
    rs202_near_duplicates.RULE,
    rs203_broken_sentence.RULE,
    rs301_recall_miss.RULE,
    rs302_single_retriever.RULE,
    rs303_fusion_cut.RULE,
    rs304_approximate_miss.RULE,
    rs401_top_unchanged.RULE,
    rs402_over_budget.RULE,
    rs403_depth_unused.RULE,
    rs501_nothing_clears.RULE,
    rs502_floor_scale.RULE,
    rs503_floor_passport.RULE,
    rs504_relevant_dropped.RULE,
    rs601_fusion_irreproducible.RULE,
    rs602_filter_disobeyed.RULE,
)
"""Every rule, in the order of the codes."""


def rule_by_code(code: str) -> Rule:
    """The rule with this code, in any case. Raises UsageError for one that does not exist."""
    wanted = code.strip().upper()
    for rule in RULES:
        if rule.code == wanted:
            return rule
    raise UsageError(f"there is no rule {code.strip()!r}.", remedy=f"Known: {_known()}.")


@lru_cache(maxsize=64)
def select_rules(select: str = "", ignore: str = "") -> tuple[Rule, ...]:
    """The rules whose codes begin with an entry of ``select`` (all when empty) and with none of ``ignore``.

    Both are comma-separated, such as ``RS1,RS201``. Raises UsageError for an entry that matches no rule.
    """
    chosen, left_out = _entries(select), _entries(ignore)
    return tuple(
        rule
        for rule in RULES
        if (not chosen or rule.code.startswith(chosen)) and not (left_out and rule.code.startswith(left_out))
    )


def _entries(text: str) -> tuple[str, ...]:
    entries = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    for entry in entries:
        if not entry.startswith("RS") or not any(rule.code.startswith(entry) for rule in RULES):
            raise UsageError(f"no rule begins with {entry!r}.", remedy=f"Known: {_known()}.")
    return entries


def _known() -> str:
    return ", ".join(rule.code for rule in RULES)
