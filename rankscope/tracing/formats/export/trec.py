"""Traces as a TREC run: ``qid Q0 docid rank score tag``."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.errors import InputError

__all__ = ["falling_scores", "write_trec"]


def write_trec(traces: Iterable[Trace], path: Path, *, stage: str | None = None) -> int:
    """Write the order of a stage, or the order that stands at the end, of each trace that has it.

    Evaluation tools sort by score and break ties in their own way, so the scores are made to fall strictly
    where they do not (see :func:`falling_scores`). A repeated id is written once, at its best rank. The
    query id is the query's own, else the trace's. Returns the number of traces written. Raises InputError
    for an id with white space in it, and for two traces of one query.
    """
    seen: set[str] = set()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for trace in traces:
            ranking = trace.final if stage is None else trace.ranking(stage)
            if ranking is None or not ranking.ran:
                continue
            qid = _word(trace.query.query_id or trace.trace_id, "query id")
            if qid in seen:
                raise InputError(
                    f"two traces have the query id {qid!r:.80}, and a run holds one list a query.",
                    remedy="Export traces of one run: name their ids.",
                )
            seen.add(qid)
            file.writelines(_lines(qid, ranking))
    return len(seen)


def _lines(qid: str, ranking: Ranking) -> Iterable[str]:
    best = list(ranking.by_id().values())
    tag = "".join(char if char.isalnum() or char in "-_." else "-" for char in ranking.stage) or "run"
    for hit, score in zip(best, falling_scores(best), strict=True):
        yield f"{qid} Q0 {_word(hit.doc_id, 'document id')} {hit.rank} {score!r} {tag}\n"


def falling_scores(hits: Sequence[Hit]) -> list[float]:
    """Scores that fall strictly with rank, in single precision, which is what trec_eval reads.

    A score that stands below the one before it is left as it is; any other, and a missing one, becomes the
    next smaller number. So the order in every tool is the order of the trace.
    """
    falling: list[float] = []
    last = math.inf
    for hit in hits:
        score = hit.score
        if score is None and not falling:
            score = float(len(hits))
        if score is None or _single(score) >= last:
            score = _next_below(last)
        falling.append(score)
        last = _single(score)
    return falling


def _single(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _next_below(value: float) -> float:
    """The largest single-precision number below a value."""
    if math.isinf(value):
        return math.copysign(3.4028234663852886e38, value) if value > 0 else value
    if value == 0.0:
        return -1.401298464324817e-45
    (bits,) = struct.unpack("<i", struct.pack("<f", value))
    return float(struct.unpack("<f", struct.pack("<i", bits - 1 if value > 0 else bits + 1))[0])


def _word(text: str, what: str) -> str:
    if not text or text.split() != [text] or not text.isprintable():
        raise InputError(
            f"the {what} {text!r:.80} cannot stand in a TREC run.",
            remedy="Ids there have no white space and can be printed.",
        )
    return text
