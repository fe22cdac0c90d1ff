"""``rankscope rule``: what a finding means, why it matters, how to mend it."""

from __future__ import annotations

import json
import textwrap

import click

__all__ = ["command"]


@click.command(name="rule")
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(code: str | None, as_json: bool) -> None:
    """Explain a finding; without CODE, list them all.

    \b
    Example:
      rankscope rule RS201
      rankscope rule --json
    """
    from rankscope.insight.findings import RULES, rule_by_code

    rules = RULES if code is None else (rule_by_code(code),)
    names = ("code", "name", "severity", "summary", "explanation", "remedy", "needs")
    if as_json:
        data = [{name: getattr(rule, name) for name in names} for rule in rules]
        click.echo(json.dumps(data if code is None else data[0], indent=2))
        return
    if code is None:
        for rule in rules:
            click.echo(f"{rule.code}  {rule.severity:<7}  {rule.name:<21}  {rule.summary}")
        return
    rule = rules[0]
    click.echo(f"{rule.code} {rule.name} (at most {rule.severity})")
    parts = (
        ("Fires when", rule.summary),
        ("Why", rule.explanation),
        ("What to do", rule.remedy),
        ("Needs", rule.needs),
    )
    for heading, text in parts:
        click.echo(f"\n{heading}")
        click.echo(textwrap.fill(text, width=88, initial_indent="  ", subsequent_indent="  "))
