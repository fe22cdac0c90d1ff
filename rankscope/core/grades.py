"""Which grades a document can have been given."""

from __future__ import annotations

__all__ = ["GRADES", "GRADES_SAID"]

GRADES = range(-10, 101)
"""Scales in use reach from -2 (junk, in some TREC tracks; it counts as 0 in measures) to 10 or 100."""
GRADES_SAID = f"from {GRADES[0]} to {GRADES[-1]}"
"""The same in words, for messages."""
