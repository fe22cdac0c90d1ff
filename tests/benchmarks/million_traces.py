"""A database of a million traces, the same every time: ``python -m tests.benchmarks.million_traces FILE``.

Written by the store's own row writer, so that tables and indexes lie interleaved in the file as in one that
grew over months. Queries are words by Zipf's law and a rare number; every field that the Traces screen
filters by has common and rare values.
"""

from __future__ import annotations

import random
import sys
import time
from bisect import bisect
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path

from rankscope.core.documents import Query
from rankscope.core.trace import Finding, PipelineInfo
from rankscope.tracing.record import Content, RankingRecord, TraceRecord, trace_of
from rankscope.tracing.sqlite_sink import SqliteSink

__all__ = ["EVERY", "generate", "record"]

START = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=20)
"""Time between two traces."""
BATCH = 512
_ORIGINS = ("live", "recorder", "recorder", "recorder", "import:openinference", "import:trec", "replay")
_CODES = ("RS101", "RS102", "RS201", "RS402", "RS403", "RS502")


class Words:
    """Made-up words, the n-th of them n times rarer than the first."""

    def __init__(self, count: int = 20_000) -> None:
        draw = random.Random(11)
        sounds = ["ka", "ri", "to", "men", "sol", "vek", "dan", "li", "pra", "ul", "ost", "ein", "za", "gor"]
        seen = dict.fromkeys("".join(draw.choices(sounds, k=draw.randint(2, 4))) for _ in range(3 * count))
        self.words = list(seen)[:count]
        self._bounds = list(accumulate(1 / place for place in range(1, len(self.words) + 1)))

    def draw(self, draw: random.Random) -> str:
        """One word, common ones more often."""
        return self.words[bisect(self._bounds, draw.random() * self._bounds[-1])]


def record(number: int, words: Words, candidates: int) -> TraceRecord:
    """The trace of this number."""
    draw = random.Random(number)
    ids = [f"doc-{draw.randrange(50_000):05}" for _ in range(candidates)]
    ids = list(dict.fromkeys(ids))
    after = sorted(ids, key=lambda doc_id: draw.random())
    rerank_ms = draw.lognormvariate(4.6, 0.6)
    findings = [Finding(code, "warning", f"{code} fired.") for code in _CODES if draw.random() < 0.03]
    if number % 250_000 == 1000:
        findings.append(Finding("RS503", "error", "Rare: four in a million."))
    contents: dict[str, Content] = {}
    for doc_id in ids:
        place = int(doc_id[4:])
        contents[doc_id] = ("", f"Passage {place} about {words.words[place % len(words.words)]}. " * 4, {})
    made = TraceRecord(
        trace_id=f"million-{number:08}",
        created_at=START + number * EVERY + timedelta(milliseconds=draw.randrange(1000)),
        origin=draw.choice(_ORIGINS),
        parent_id=None,
        query=Query(" ".join(words.draw(draw) for _ in range(draw.randint(3, 9))) + f" n{number * 7919}"),
        pipeline=PipelineInfo(fingerprint="million"),
        rankings=[
            _ranking("fusion", "rrf", 12.5, ids, [round(1 / (60 + place), 5) for place in range(len(ids))]),
            _ranking(
                "rerank",
                "probability",
                round(rerank_ms, 3),
                after,
                sorted((round(draw.random(), 5) for _ in ids), reverse=True),
            ),
        ],
        floor=None,
        top_k=10,
        kept=after[:10],
        decision="refuse" if draw.random() < 0.07 else "answer",
        findings=findings,
        contents=contents,
        attributes={},
        whole=lambda: trace_of(made),
    )
    return made


def _ranking(stage: str, scale: str, ms: float, ids: list[str], scores: list[float]) -> RankingRecord:
    ranks = list(range(1, len(ids) + 1))
    return RankingRecord(stage, scale, ms, len(ids), "ok", {}, ids, ranks, scores)


def generate(path: Path, traces: int = 1_000_000, candidates: int = 10) -> float:
    """Write the database, or the rest of one that was begun; returns the seconds that it took."""
    words, sink = Words(), SqliteSink(path, busy_seconds=30)
    began = time.perf_counter()
    for start in range(0, traces, BATCH):
        numbers = range(start, min(start + BATCH, traces))
        errors = sink.write_from([partial(record, number, words, candidates) for number in numbers])
        for error in errors:
            if error is not None:
                raise error
        if start % (BATCH * 40) == 0:
            print(f"\r{start:,} traces", end="", file=sys.stderr, flush=True)
    sink.close()
    return time.perf_counter() - began


if __name__ == "__main__":
    seconds = generate(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
    print(f"\n{seconds:.0f} s")
