"""How ``rankscope check`` prints: lines for people, GitHub annotations, or one JSON document."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import click

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Finding
from rankscope.engine.checking import Checked, Unreadable
from rankscope.insight.findings import rule_by_code

__all__ = ["GithubOutput", "JsonOutput", "Output", "Tally", "TextOutput"]


_LEVELS = {"info": "notice", "warning": "warning", "error": "error"}
"""What GitHub calls the severities."""


class Tally:
    """What was found over all traces; a rule that did not apply is counted apart from one that passed."""

    def __init__(self) -> None:
        self.traces = 0
        self.unreadable = 0
        self.severities: Counter[str] = Counter()
        self.fired: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.not_applicable: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()

    def add(self, item: Checked) -> None:
        """Count one trace's report."""
        self.traces += 1
        self.severities.update(finding.severity for finding in item.report.findings)
        self.fired.update({finding.code for finding in item.report.findings})
        self.passed.update(item.report.passed)
        self.not_applicable.update(item.report.not_applicable.keys())
        self.reasons.update(item.report.not_applicable.items())

    def sentence(self) -> str:
        """The counts in one line."""
        total = sum(self.severities.values())
        kinds = ", ".join(
            counted(self.severities[name], name, name if name == "info" else "")
            for name in ("error", "warning", "info")
        )
        return f"{counted(total, 'finding')} in {counted(self.traces, 'trace')} ({kinds})."

    def silent(self) -> list[str]:
        """Which rules could not speak on some traces, and mostly why; empty when each could on all."""
        if not self.not_applicable:
            return []
        lines = ["Could not be asked for lack of evidence, so neither found nor passed:"]
        for code, count in sorted(self.not_applicable.items()):
            reasons = [(n, why) for (of, why), n in self.reasons.most_common() if of == code]
            more = f", and {len(reasons) - 1} other reasons" if len(reasons) > 2 else ""
            more = f"; {reasons[1][1]}" if len(reasons) == 2 else more
            traces = "all" if count == self.traces else f"{count:,} of {self.traces:,}"
            lines.append(f"  {code} on {traces}: {one_line(reasons[0][1])}{one_line(more)}")
        return lines


class Output(ABC):
    """Takes the outcomes one by one."""

    def __init__(self) -> None:
        self.tally = Tally()

    def add(self, item: Checked | Unreadable) -> None:
        """Count the outcome and show it."""
        if isinstance(item, Unreadable):
            self.tally.unreadable += 1
            self.unreadable(item)
        else:
            self.tally.add(item)
            self.checked(item)

    @abstractmethod
    def checked(self, item: Checked) -> None:
        """Show the findings of one trace."""

    def unreadable(self, item: Unreadable) -> None:
        """Say which record could not be read."""
        where = one_line(f"{item.path}:{item.line}")
        click.echo(f"{where}: cannot be read: {one_line(item.reason)}", err=True)

    def end(self) -> None:
        """Say the counts on stderr, so that stdout holds findings only."""
        for line in (self.tally.sentence(), *self.tally.silent()):
            click.echo(line, err=True)
        if self.tally.unreadable:
            click.echo(f"{counted(self.tally.unreadable, 'record')} could not be read.", err=True)


class TextOutput(Output):
    """``FILE:LINE: ID: CODE severity: message``, as a linter writes it."""

    def checked(self, item: Checked) -> None:
        place = (
            f"{item.path}:{item.line}: " if item.path and item.line else f"{item.path}: " if item.path else ""
        )
        for finding in item.report.findings:
            where = one_line(f"{place}{item.trace_id}")
            click.echo(f"{where}: {finding.code} {finding.severity}: {one_line(finding.message)}")


class GithubOutput(Output):
    """Workflow commands that GitHub Actions shows as annotations."""

    def checked(self, item: Checked) -> None:
        for finding in item.report.findings:
            click.echo(self.annotation(item, finding))

    def annotation(self, item: Checked, finding: Finding) -> str:
        """One command; commas, colons, per cent signs and line ends are escaped as the runner asks."""
        title = f"{finding.code} {rule_by_code(finding.code).name}"
        properties = {"file": item.path, "line": item.line, "title": title}
        given = ",".join(
            f"{name}={_escape(str(value), inside=True)}"
            for name, value in properties.items()
            if value is not None
        )
        message = _escape(one_line(f"{item.trace_id}: {finding.message}"))
        return f"::{_LEVELS[finding.severity]} {given}::{message}"


def _escape(text: str, *, inside: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if inside else text


class JsonOutput(Output):
    """One document: the counts by rule, and for each trace what was found and what could not be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []

    def checked(self, item: Checked) -> None:
        report = item.report
        self.results.append(
            {
                "trace_id": item.trace_id,
                "query": item.query,
                "file": str(item.path) if item.path is not None else None,
                "line": item.line,
                "findings": [
                    {
                        "code": finding.code,
                        "severity": finding.severity,
                        "message": finding.message,
                        "doc_ids": list(finding.doc_ids),
                    }
                    for finding in report.findings
                ],
                "passed": list(report.passed),
                "not_applicable": dict(report.not_applicable),
            }
        )

    def unreadable(self, item: Unreadable) -> None:
        super().unreadable(item)
        self.rejected.append({"file": str(item.path), "line": item.line, "reason": item.reason})

    def end(self) -> None:
        tally = self.tally
        codes = sorted({*tally.fired, *tally.passed, *tally.not_applicable})
        document = {
            "schema": "rankscope.check/1",
            "traces": tally.traces,
            "severities": {name: tally.severities[name] for name in ("error", "warning", "info")},
            "rules": {
                code: {
                    "fired": tally.fired[code],
                    "passed": tally.passed[code],
                    "not_applicable": tally.not_applicable[code],
                }
                for code in codes
            },
            "results": self.results,
            "unreadable": self.rejected,
        }
        click.echo(json.dumps(document))
