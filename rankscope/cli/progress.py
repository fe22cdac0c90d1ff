"""A progress line on stderr: one that redraws on a terminal, one a stage elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

import click

from rankscope.engine.progress import IndexProgress

__all__ = ["duration", "show_progress"]

_REDRAW_S = 0.1
_LOG_S = 30.0
"""Seconds between two lines of one stage where nothing can be redrawn, such as the log of a CI job."""


def show_progress(progress: Iterable[IndexProgress]) -> None:
    """Drain ``progress`` and show it with rate and time left."""
    live = sys.stderr.isatty()
    drawn = 0.0 if live else time.monotonic()
    last: IndexProgress | None = None
    for step in progress:
        if last is not None and step.stage != last.stage:
            _end_of_stage(last, live)
            drawn = 0.0 if live else time.monotonic()
        last = step
        if live and time.monotonic() - drawn >= _REDRAW_S:
            drawn = time.monotonic()
            click.echo(f"\r\x1b[K{line_of(step)}", nl=False, err=True)
        elif not live and time.monotonic() - drawn >= _LOG_S:
            drawn = time.monotonic()
            click.echo(line_of(step), err=True)
    if last is not None:
        _end_of_stage(last, live)


def line_of(step: IndexProgress) -> str:
    """One line: stage, bar, counts, rate, time left."""
    rate = "" if not step.rate else f"{step.rate:,.0f}/s" if step.rate >= 10 else f"{step.rate:.1f}/s"
    if step.total is None:
        return f"{step.stage:<10} {step.done:,}  {rate}"
    share = step.done / step.total if step.total else 1.0
    bar = "█" * round(share * 24)
    left = "" if step.eta_s is None or step.done >= step.total else f"  {duration(step.eta_s)} left"
    return f"{step.stage:<10} {bar:·<24} {step.done:,} of {step.total:,}  {rate}{left}"


def duration(seconds: float) -> str:
    """Hours and minutes, minutes and seconds, or seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _end_of_stage(step: IndexProgress, live: bool) -> None:
    if live:
        click.echo(f"\r\x1b[K{line_of(step)}", err=True)
    else:
        click.echo(line_of(step), err=True)
