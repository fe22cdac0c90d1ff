"""Stages of evaluated traces as TREC run files, which every tool reads in the order of the trace."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path

from rankscope.core.trace import Ranking, Trace
from rankscope.errors import InputError

__all__ = ["write_runs"]


def write_runs(traces: Sequence[Trace], folder: Path, name: str) -> list[Path]:
    """Write ``NAME.STAGE.run`` for each stage that ran: ``qid Q0 docid rank score tag``.

    trec_eval ignores the rank, reads scores as 32-bit floats and breaks ties by document id downwards,
    which RankScope does upwards. So a score that is not below the one above it, at that precision, is
    written as the next lower 32-bit number: the order stays, and measures of the file equal the report's.
    Raises InputError for an id with white space in it, which the format cannot hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {}
    for trace in traces:
        query_id = _word(trace.query.query_id or "", "query id")
        for ranking in trace.rankings:
            if not ranking.ran:
                continue
            written = lines.setdefault(ranking.stage, [])
            for hit, score in zip(ranking.hits, _falling_scores(ranking), strict=True):
                doc_id = _word(hit.doc_id, "document id")
                written.append(f"{query_id} Q0 {doc_id} {hit.rank} {score:.9g} rankscope-{ranking.stage}\n")
    paths = []
    for stage, written in lines.items():
        path = folder / f"{name}.{stage}.run"
        path.write_text("".join(written), encoding="utf-8")
        paths.append(path)
    return paths


def _falling_scores(ranking: Ranking) -> list[float]:
    """The scores as 32-bit numbers, each below the one before; ranks turned round where one is missing."""
    if any(hit.score is None for hit in ranking.hits):
        return [-float(hit.rank) for hit in ranking.hits]
    scores: list[float] = []
    for hit in ranking.hits:
        assert hit.score is not None
        score = _single(hit.score)
        if scores and score >= scores[-1]:
            score = _next_below(scores[-1])
        scores.append(score)
    return scores


def _single(value: float) -> float:
    """The nearest 32-bit float."""
    single: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return single


def _next_below(single: float) -> float:
    """The next lower 32-bit float: one step in the bits, which count upwards away from zero."""
    if single == 0.0:
        return -math.ldexp(1.0, -149)
    (bits,) = struct.unpack("<I", struct.pack("<f", single))
    below: float = struct.unpack("<f", struct.pack("<I", bits - 1 if single > 0 else bits + 1))[0]
    return below


def _word(text: str, what: str) -> str:
    if not text or text.split() != [text]:
        raise InputError(
            f"the {what} {text!r:.80} cannot stand in a TREC run.", remedy="Ids there have no white space."
        )
    return text
