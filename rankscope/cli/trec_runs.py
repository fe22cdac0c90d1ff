"""Stages of evaluated traces as TREC run files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rankscope.core.trace import Trace
from rankscope.errors import InputError

__all__ = ["write_runs"]


def write_runs(traces: Sequence[Trace], folder: Path, name: str) -> list[Path]:
    """Write ``NAME.STAGE.run`` for each stage that ran: ``qid Q0 docid rank score tag``.

    Raises InputError for an id with white space in it, which the format cannot hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {}
    for trace in traces:
        query_id = _word(trace.query.query_id or "", "query id")
        for ranking in trace.rankings:
            if not ranking.ran:
                continue
            tag = f"rankscope-{ranking.stage}"
            for hit in ranking.hits:
                # Without a score the rank still tells the order, and tools sort by score.
                score = -float(hit.rank) if hit.score is None else hit.score
                doc_id = _word(hit.doc_id, "document id")
                lines.setdefault(ranking.stage, []).append(
                    f"{query_id} Q0 {doc_id} {hit.rank} {score!r} {tag}\n"
                )
    paths = []
    for stage, written in lines.items():
        path = folder / f"{name}.{stage}.run"
        path.write_text("".join(written), encoding="utf-8")
        paths.append(path)
    return paths


def _word(text: str, what: str) -> str:
    if not text or text.split() != [text]:
        raise InputError(
            f"the {what} {text!r:.80} cannot stand in a TREC run.", remedy="Ids there have no white space."
        )
    return text
