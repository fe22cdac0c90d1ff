"""``rankscope eval --baseline``: this evaluation beside an earlier one, as a gate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from rankscope.cli.eval_tables import signed_interval
from rankscope.core.sanitize import one_line
from rankscope.errors import InputError
from rankscope.insight.baseline import change_since
from rankscope.insight.report import SCHEMA, CollectionReport

__all__ = ["Baseline", "compare", "read_baseline"]

Baseline = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Values of the order that stood in the end: collection, query id, measure."""


def read_baseline(path: Path) -> Baseline:
    """The values in an earlier ``rankscope eval --json``. Raises InputError when the file is not one."""
    remedy = "Make one with `rankscope eval --json`."
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise InputError(
                f"schema is {data['schema']!r:.60}, expected {SCHEMA!r}.", path=path, remedy=remedy
            )
        return {
            str(collection["name"]): {
                str(query["id"]): {
                    str(name): float(value)
                    for name, value in query["values"][collection["stages"][-1]].items()
                }
                for query in collection["queries"]
                if query["answerable"]
            }
            for collection in data["collections"]
        }
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"not an evaluation: {reason:.120}.", path=path, remedy=remedy) from error


def compare(
    reports: Sequence[CollectionReport], baseline: Baseline, *, measure: str, max_drop: float
) -> bool:
    """Say on stderr how each collection moved; true where one fell by more than ``max_drop``.

    Raises InputError for a collection or a measure that the baseline does not have.
    """
    failed = False
    for report in reports:
        name = one_line(report.name, 60)
        if report.name not in baseline:
            raise InputError(
                f"the baseline has no collection {name!r}, only {', '.join(sorted(baseline)):.200}.",
                remedy="Evaluate the same collections, or make a new baseline.",
            )
        before = {key: values[measure] for key, values in baseline[report.name].items() if measure in values}
        if not before:
            raise InputError(
                f"the baseline has no {measure} for {name!r}.",
                remedy="Use the same N and K, or make a new baseline.",
            )
        outcomes = [outcome for outcome in report.evaluation.queries if outcome.answerable]
        stage = report.evaluation.stages[-1]
        change = change_since(before, {item.query_id: item.values[stage][measure] for item in outcomes})
        fell = change.exceeds(max_drop)
        failed = failed or fell
        verdict = f"fell by more than {max_drop:g}" if fell else f"within {max_drop:g}"
        click.echo(
            f"{name}: {measure} {change.before:.3f} -> {change.after:.3f}, "
            f"{signed_interval(change.interval)} over {change.interval.n:,} queries: {verdict}",
            err=True,
        )
        if change.only_before or change.only_after:
            click.echo(
                f"{name}: not compared: {change.only_before:,} queries of the baseline alone, "
                f"{change.only_after:,} of this evaluation alone",
                err=True,
            )
    missing = sorted(set(baseline) - {report.name for report in reports})
    if missing:
        names = one_line(", ".join(missing), 200)
        click.echo(f"not compared: {names}: in the baseline, but not evaluated now", err=True)
    return failed
