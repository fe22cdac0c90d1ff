"""What the rules found about a ranking: on one line, and in full. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from textual.content import Content

from rankscope.core.sanitize import one_line
from rankscope.core.trace import Finding, Trace
from rankscope.tui import cells

__all__ = ["findings_line", "findings_text"]

_LEVELS = ("error", "warning", "info")
_MORE = Content.assemble(("  ! ", "bold"), ("in full ", "$muted"))


def findings_line(trace: Trace, width: int) -> Content:
    """The worst first, in at most ``width`` cells; where something is cut, the key that shows it in full."""
    found = _worst_first(trace)
    line = Content("").join(
        Content.assemble(_code(finding), (f" {cells.shorten(finding.message, 76)} ", "$muted"))
        for finding in found
    )
    whole = all(one_line(finding.message) == cells.shorten(finding.message, 76) for finding in found)
    if whole and line.cell_length <= width:
        return line
    return line.truncate(max(width - _MORE.cell_length, 0), ellipsis=True) + _MORE


def findings_text(trace: Trace, width: int) -> Content:
    """Every finding with its whole message, the documents that it is about, and what to do about it."""
    parts: list[Content] = []
    for finding in _worst_first(trace):
        parts.append(Content.assemble(_code(finding), (f"  {finding.severity}", "$muted")))
        parts += cells.hung(Content(" "), Content(one_line(finding.message)), width)
        if finding.doc_ids:
            names = ", ".join(one_line(doc_id, 80) for doc_id in finding.doc_ids)
            parts += cells.hung(Content(" "), Content.styled(names, "$muted"), width)
        if remedy := _remedies().get(finding.code):
            parts += cells.hung(Content.styled(" what to do  ", "bold $primary"), Content(remedy), width)
        parts.append(Content(""))
    return Content("\n").join(parts[:-1])


@lru_cache(maxsize=1)
def _remedies() -> Mapping[str, str]:
    """What each rule advises; an imported finding may have another code, and no advice."""
    from rankscope.insight.findings import RULES

    return {rule.code: rule.remedy for rule in RULES}


def _worst_first(trace: Trace) -> list[Finding]:
    return sorted(trace.findings, key=lambda finding: _LEVELS.index(finding.severity))


def _code(finding: Finding) -> tuple[str, str]:
    return (f" {one_line(finding.code, 12)}", "bold $fall" if finding.severity != "info" else "bold")
