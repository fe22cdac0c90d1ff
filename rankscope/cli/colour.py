"""Colour on a terminal: beside a word, never instead of it."""

from __future__ import annotations

import os
import sys

import click

__all__ = ["coloured"]


def coloured(text: str, colour: str | None) -> str:
    """The text in a colour; as it is without a terminal, and where NO_COLOR is set (no-color.org)."""
    if colour is None or os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return click.style(text, fg=colour)
