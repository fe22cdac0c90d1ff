"""The words that people type to find traces, as a :class:`~rankscope.tracing.summaries.TraceFilter`.

``ibuprofen "for children" origin:import rs101 refuse >500ms since:2026-01-31``: each narrows the list.
Anything that is no condition is a word that the query must hold.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from rankscope.core.trace import Decision
from rankscope.errors import UsageError
from rankscope.tracing.summaries import TraceFilter

__all__ = ["describe_filter", "parse_filter"]

_TOKEN = re.compile(r'"([^"]*)"?|(\S+)')
_CODE = re.compile(r"RS\d{3}", re.IGNORECASE)
_TIME = re.compile(r"([<>])\s*(\d+(?:\.\d+)?)\s*(ms|s)?", re.IGNORECASE)
_AGO = re.compile(r"(\d+(?:\.\d+)?)(min|h|d|w)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DECISIONS = {"answer": "answer", "answered": "answer", "refuse": "refuse", "refused": "refuse"}


def parse_filter(text: str, now: datetime) -> TraceFilter:
    """What ``text`` asks for; ``now`` is what ``since:2h`` counts back from.

    Quotes keep several words together, and make a word of what would be a condition. Raises UsageError with
    a condition that cannot be understood or met.
    """
    chosen = TraceFilter()
    words: list[str] = []
    codes: list[str] = []
    for quoted, plain in _TOKEN.findall(text):
        if quoted:
            words.append(quoted)
        elif _CODE.fullmatch(plain):
            codes.append(plain.upper())
        elif plain:
            known = _condition(chosen, plain, now)
            if known is None:
                words.append(plain)
            else:
                chosen = known
    return replace(chosen, words=tuple(words), findings=tuple(dict.fromkeys(codes)))


def _condition(chosen: TraceFilter, token: str, now: datetime) -> TraceFilter | None:
    """The filter with one more condition; None where the token is a word."""
    if time := _TIME.fullmatch(token):
        return _with_time(chosen, *time.groups())
    if token[0] in "<>" and token[1:2].isdigit():
        raise UsageError(f"{token} is no time.", remedy="For example >500ms or <1.5s.")
    if token.lower() in _DECISIONS:
        return _with_decision(chosen, cast(Decision, _DECISIONS[token.lower()]))
    key, colon, value = token.partition(":")
    if not colon or key.lower() not in ("origin", "since", "before", "parent"):
        return None
    key = key.lower()
    if not value:
        raise UsageError(f"{key}: has no value yet.")
    if key == "origin":
        return replace(chosen, origin=value)
    if key == "parent":
        return replace(chosen, parent_id=value)
    moment = _moment(key, value, now)
    return replace(chosen, since=moment) if key == "since" else replace(chosen, before=moment)


def _with_time(chosen: TraceFilter, sign: str, number: str, unit: str | None) -> TraceFilter:
    ms = float(number) * (1000 if (unit or "ms").lower() == "s" else 1)
    return replace(chosen, slower_than_ms=ms) if sign == ">" else replace(chosen, faster_than_ms=ms)


def _with_decision(chosen: TraceFilter, decision: Decision) -> TraceFilter:
    if chosen.decision not in (None, decision):
        raise UsageError(
            "no trace is both answered and refused.", remedy='Quotes make a word of it: "answer".'
        )
    return replace(chosen, decision=decision)


def _moment(key: str, value: str, now: datetime) -> datetime:
    if value.lower() == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        if ago := _AGO.fullmatch(value.lower()):
            return now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo is not None else moment.astimezone()  # this machine's local time
    except (ValueError, OverflowError):
        raise UsageError(
            f"{key}:{value} is no date.", remedy="For example 2026-01-31, 2026-01-31T12:00, today, 2h or 3d."
        ) from None


def describe_filter(chosen: TraceFilter) -> str:
    """The filter in words, so that it shows how it was understood; empty for none."""
    parts = [f"“{word}”" for word in chosen.words]
    parts += [f"with {code}" for code in chosen.findings]
    if chosen.origin is not None:
        parts.append(f"origin {chosen.origin}")
    if chosen.decision is not None:
        parts.append("answered" if chosen.decision == "answer" else "refused")
    if chosen.slower_than_ms is not None:
        parts.append(f"over {chosen.slower_than_ms:g} ms")
    if chosen.faster_than_ms is not None:
        parts.append(f"under {chosen.faster_than_ms:g} ms")
    if chosen.since is not None:
        parts.append(f"since {chosen.since:%Y-%m-%d %H:%M}")
    if chosen.before is not None:
        parts.append(f"before {chosen.before:%Y-%m-%d %H:%M}")
    if chosen.parent_id is not None:
        parts.append(f"replays of {chosen.parent_id}")
    return ", ".join(parts)
