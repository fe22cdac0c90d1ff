"""Example queries of a corpus: what the empty query bar offers."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["example_queries"]


def example_queries(source: Path, count: int = 8) -> tuple[str, ...]:
    """Up to ``count`` queries of a BEIR folder's ``queries.jsonl``, spread over its strata.

    A source without a readable query file simply has no examples.
    """
    path = source / "queries.jsonl"
    if not source.is_dir() or not path.is_file():
        return ()
    by_stratum: dict[str, list[str]] = {}
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                by_stratum.setdefault(str(record.get("stratum", "")), []).append(str(record["text"]))
    except (OSError, ValueError, KeyError, AttributeError):
        return ()
    picked: list[str] = []
    for place in range(count):
        for texts in by_stratum.values():
            if place < len(texts) and len(picked) < count:
                picked.append(texts[place])
    return tuple(picked)
