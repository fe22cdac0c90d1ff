"""One definition of what never asks to stop."""

from __future__ import annotations

import re
from pathlib import Path

import rankscope
from rankscope.core.cancellation import never


def test_nobody_stops_and_it_is_said_once() -> None:
    assert never() is False
    files = Path(rankscope.__file__).parent.rglob("*.py")
    defining = [
        path.name for path in files if re.search(r"^def _?never\(", path.read_text(encoding="utf-8"), re.M)
    ]
    assert defining == ["cancellation.py"]
