"""Make the files of ``traces/`` in other programs' formats, from traces of ``sample.jsonl``.

    python -m tests.traces.make_formats traces

``openinference.jsonl`` and ``langfuse.jsonl`` hold the outage and what stood around it; ``bm25.trec`` and
``rerank.trec`` two runs of the same queries.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from rankscope.core.trace import Ranking, Trace
from rankscope.tracing.formats.export.registry import export_traces
from rankscope.tracing.formats.native import iter_file
from rankscope.tracing.json_text import format_time
from tests.traces.make_planted import FEWEST, hits_of, is_healthy


def chosen(path: Path) -> tuple[list[Trace], list[Trace]]:
    """Some of the outage, and some healthy ones."""
    whole = [trace for trace in iter_file(path) if len(hits_of(trace, "rerank")) == FEWEST]
    good = [trace for trace in whole if is_healthy(trace)]
    down = [trace for trace in whole if trace.attributes["release"] == "2.3" and not is_healthy(trace)]
    return down, good


def observations(trace: Trace) -> Iterator[dict[str, Any]]:
    """A trace as Langfuse writes it: a span around a retriever and a reranker that answers by index."""
    before, after = trace.before, trace.after
    assert before is not None
    assert after is not None
    started = trace.created_at
    retrieved = started + timedelta(milliseconds=round(before.ms or 0.0) + 40)
    finished = retrieved + timedelta(milliseconds=after.ms or 0.0)
    places = {hit.doc_id: place for place, hit in enumerate(before.hits)}
    yield _observation(trace, "root", None, "SPAN", "answer", (started, finished)) | {
        "input": {"question": trace.query.text}
    }
    yield _observation(trace, "retrieve", "root", "RETRIEVER", "hybrid search", (started, retrieved)) | {
        "input": trace.query.text,
        "output": json.dumps([_passage(trace, before, place) for place in range(len(before.hits))]),
    }
    yield _observation(trace, "rerank", "root", "SPAN", "rerank", (retrieved, finished)) | {
        "model": trace.pipeline.models["cross_encoder"].name,
        "input": {
            "query": trace.query.text,
            "documents": [trace.documents[hit.doc_id].text for hit in before.hits],
            "top_n": len(before.hits),
        },
        "output": {
            "results": [{"index": places[hit.doc_id], "relevance_score": hit.score} for hit in after.hits]
        },
    }


def _observation(
    trace: Trace, name: str, parent: str | None, kind: str, label: str, times: tuple[Any, Any]
) -> dict[str, Any]:
    start = trace.trace_id[-12:]
    return {
        "id": f"{start}-{name}",
        "traceId": trace.trace_id,
        "parentObservationId": None if parent is None else f"{start}-{parent}",
        "type": kind,
        "name": label,
        "startTime": format_time(times[0]),
        "endTime": format_time(times[1]),
        "level": "DEFAULT",
        "statusMessage": None,
        "metadata": {},
        "output": None,
    }


def _passage(trace: Trace, ranking: Ranking, place: int) -> dict[str, Any]:
    hit = ranking.hits[place]
    document = trace.documents[hit.doc_id]
    return {
        "page_content": document.text,
        "type": "Document",
        "metadata": {"doc_id": hit.doc_id, "title": document.title, "score": hit.score},
    }


def main() -> None:
    folder = Path(sys.argv[1])
    down, good = chosen(folder / "sample.jsonl")
    export_traces([*down[:3], *good[:3]], folder / "openinference.jsonl", "openinference")
    rows = [row for trace in [*down[3:6], *good[3:6]] for row in observations(trace)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "langfuse.jsonl").write_text(text, encoding="utf-8")
    for stage in ("bm25", "rerank"):
        export_traces(good[:12], folder / f"{stage}.trec", "trec", stage=stage)


if __name__ == "__main__":
    main()
