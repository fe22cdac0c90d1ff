"""``rankscope eval --baseline``: this evaluation beside an earlier one, as a gate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from rankscope.cli.eval_tables import signed_interval
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.core.trace import PipelineInfo
from rankscope.errors import InputError
from rankscope.insight.baseline import change_since
from rankscope.insight.report import SCHEMA, CollectionReport

__all__ = ["Baseline", "compare", "read_baseline"]

_SHOWN = ("name", "revision", "dtype", "max_length", "activation")


@dataclass(frozen=True, slots=True)
class Baseline:
    """One collection of an earlier evaluation."""

    values: Mapping[str, Mapping[str, float]]
    """Of the order that stood in the end: query id, measure."""
    models: Mapping[str, Mapping[str, object]]
    """Identity of each model by its role."""


def read_baseline(path: Path) -> dict[str, Baseline]:
    """The collections of an earlier ``rankscope eval --json``. Raises InputError when the file is not one."""
    remedy = "Make one with `rankscope eval --json`."
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise InputError(
                f"schema is {data['schema']!r:.60}, expected {SCHEMA!r}.", path=path, remedy=remedy
            )
        return {
            str(collection["name"]): Baseline(
                values={
                    str(query["id"]): {
                        str(name): float(value)
                        for name, value in query["values"][collection["stages"][-1]].items()
                    }
                    for query in collection["queries"]
                    if query["answerable"]
                },
                models={
                    str(role): dict(model) for role, model in collection["pipeline"].get("models", {}).items()
                },
            )
            for collection in data["collections"]
        }
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"not an evaluation: {reason:.120}.", path=path, remedy=remedy) from error


def compare(
    reports: Sequence[CollectionReport], baseline: Mapping[str, Baseline], *, measure: str, max_drop: float
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
        earlier = baseline[report.name]
        before = {key: values[measure] for key, values in earlier.values.items() if measure in values}
        outcomes = [outcome for outcome in report.evaluation.queries if outcome.answerable]
        stage = report.evaluation.stages[-1]
        after = {
            item.query_id: item.values[stage][measure] for item in outcomes if measure in item.values[stage]
        }
        measured = bool(outcomes) and measure in report.evaluation.measures
        if measured and not before and not after:
            click.echo(f"{name}: not compared: {measure} says nothing of its queries", err=True)
            continue
        if not before:
            raise InputError(
                f"the baseline has no {measure} for {name!r}.",
                remedy="Use the same N and K, or make a new baseline.",
            )
        change = change_since(before, after)
        fell = change.exceeds(max_drop)
        failed = failed or fell
        verdict = f"fell by more than {max_drop:g}" if fell else f"within {max_drop:g}"
        click.echo(
            f"{name}: {measure} {change.before:.3f} -> {change.after:.3f}, "
            f"{signed_interval(change.interval)} over {counted(change.interval.n, 'query', 'queries')}: "
            f"{verdict}",
            err=True,
        )
        for difference in _other_models(earlier.models, report.pipeline):
            click.echo(f"{name}: {difference}", err=True)
        if change.only_before or change.only_after:
            click.echo(
                f"{name}: not compared: {counted(change.only_before, 'query', 'queries')} of the baseline "
                f"alone, {change.only_after:,} of this evaluation alone",
                err=True,
            )
    missing = sorted(set(baseline) - {report.name for report in reports})
    if missing:
        names = one_line(", ".join(missing), 200)
        click.echo(f"not compared: {names}: in the baseline, but not evaluated now", err=True)
    return failed


def _other_models(before: Mapping[str, Mapping[str, object]], now: PipelineInfo) -> list[str]:
    """What a fall may come from: models that are others than in the baseline, or run in another format."""
    lines = []
    for role, model in now.models.items():
        for field in _SHOWN if role in before else ():
            old, new = before[role].get(field), getattr(model, field)
            if old != new:
                shown = one_line(f"{role} {field}: {old!s:.40} in the baseline, {new!s:.40} now", 160)
                lines.append(shown)
    return lines
