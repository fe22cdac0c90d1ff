"""Make ``traces/sample.jsonl``: real runs of the bundled pipeline over the sample corpus, some gone wrong.

    python -m tests.traces.make_sample traces/sample.jsonl

A service that answers from the sample corpus is played through three days of March 2026. Its healthy traces
are what the pipeline did; each mistake is the pipeline run with a wrong setting, or a healthy trace in which
one thing is changed as the mistake would have changed it.
"""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.core.trace import Ranking, Trace
from rankscope.corpus.judgments_io import JudgedQuery, beir_query_files, read_qrels, read_queries
from rankscope.engine.sample import sample_corpus_folder, sample_workspace_folder
from rankscope.engine.workspace import Workspace
from rankscope.insight.findings import examine
from rankscope.tracing.formats.export.registry import export_traces

SERVICE = (
    Settings()
    .override("retrieval", candidates=12, depth=20)
    .override("floor", top_k=5, value=0.05, source="manual")
)
"""N=12, K=5, a low floor, and the defaults otherwise."""
HEALTHY = 164
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
OUTAGE = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
LONG_WORDS = 350


def stamped(trace: Trace, when: datetime, release: str) -> Trace:
    """As the service recorded it at a moment: its own id, and the release that was running."""
    number = random.Random(f"{when.isoformat()} {trace.query.text}").getrandbits(74)
    value = (int(when.timestamp() * 1000) << 80) | (7 << 76) | ((number >> 62) << 64) | (2 << 62)
    trace = replace(
        trace,
        trace_id=str(uuid.UUID(int=value | (number & ((1 << 62) - 1)))),
        created_at=when,
        origin="recorder",
        attributes={**trace.attributes, "release": release},
        rankings=tuple(_rounded(ranking) for ranking in trace.rankings),
        pipeline=replace(trace.pipeline, settings=_told(trace.pipeline.settings)),
    )
    return replace(trace, findings=examine(trace).findings)


def _rounded(ranking: Ranking) -> Ranking:
    facts = {
        name: round(value, 3) if name.endswith("ms") and isinstance(value, float) else value
        for name, value in ranking.details.items()
    }
    return replace(ranking, ms=None if ranking.ms is None else round(ranking.ms, 3), details=facts)


def _told(settings: object) -> dict[str, object]:
    """What a service records of its settings: what made the ranking, not how it is inspected."""
    assert isinstance(settings, dict)
    return {name: settings[name] for name in ("retrieval", "rerank", "floor")}


class Service:
    """The pipeline over the sample corpus, in its right and its wrong settings."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        folder = sample_corpus_folder()
        files = beir_query_files(folder)
        assert files is not None
        self.queries = read_queries(files[0])
        self.qrels = read_qrels(files[1])
        documents = workspace.parts().documents.documents()
        self.long = {item.doc_id for item in documents if len(item.text.split()) >= LONG_WORDS}

    def run(self, query: Query, settings: Settings = SERVICE) -> Trace:
        """One query as the service answers it."""
        return replace(self.workspace.pipeline(settings).run(query), query=query)

    def healthy(self) -> Iterator[Trace]:
        """Release 2.3 at work: queries of every stratum, some minutes apart.

        Those are left out that the pipeline gets wrong by itself: an answer that it loses on the way.
        """
        for number, item in enumerate(self._mixed()[:HEALTHY]):
            trace = self.run(item.query)
            answers = {doc_id for doc_id, grade in self.qrels[item.query_id].items() if grade > 0}
            if not answers or answers & set(trace.kept):
                yield stamped(trace, START + timedelta(minutes=7 * number), "2.3")

    def fallback(self, healthy: list[Trace]) -> Iterator[Trace]:
        """The reranker was down for a quarter of an hour, and its client handed the input back."""
        for number, trace in enumerate(healthy[3:15]):
            fused, reranked = trace.ranking("fusion"), trace.ranking("rerank")
            assert fused is not None
            assert reranked is not None
            as_it_went_in = replace(
                reranked,
                hits=tuple(replace(hit, details={}) for hit in fused.hits),
                ms=2.1 + number / 100,
                details={},
            )
            kept = tuple(hit.doc_id for hit in fused.hits[:5])
            broken = replace(trace.with_ranking(as_it_went_in), floor=None, kept=kept, decision="answer")
            yield stamped(broken, OUTAGE + timedelta(minutes=number, seconds=20), "2.3")

    def truncated(self) -> Iterator[Trace]:
        """Release 2.4 reads 128 tokens of a pair and no windows: answers at the end of a passage are lost."""
        settings = SERVICE.override("rerank", max_length=128, windows=False)
        for number, item in enumerate(self._about(self.long)[:15]):
            yield stamped(
                self.run(item.query, settings),
                datetime(2026, 3, 3, 14, 0, tzinfo=UTC) + timedelta(minutes=6 * number),
                "2.4",
            )

    def leaked(self) -> Iterator[Trace]:
        """Release 2.4 records the tenant of a query and forgets to pass it on to the retrievers."""
        for number, item in enumerate(item for item in self.queries if item.query.filters):
            trace = self.run(replace(item.query, filters={}))
            when = datetime(2026, 3, 3, 16, 0, tzinfo=UTC) + timedelta(minutes=11 * number)
            yield stamped(replace(trace, query=item.query), when, "2.4")

    def unreranked(self) -> Iterator[Trace]:
        """By night the reranker is off to save cost, and fused scores meet the floor of probabilities."""
        settings = SERVICE.override("rerank", enabled=False)
        for number, item in enumerate(self.queries[40:50]):
            trace = self.run(item.query, settings)
            refused = replace(trace, kept=(), decision="refuse", attributes={})
            when = datetime(2026, 3, 4, 0, 30, tzinfo=UTC) + timedelta(minutes=9 * number)
            yield stamped(refused, when, "2.4")

    def missed(self) -> Iterator[Trace]:
        """Release 2.5 asks each retriever for three documents: what stands fourth is never reranked."""
        settings = SERVICE.override("retrieval", depth=3)
        unranked = settings.override("rerank", enabled=False)
        number = 0
        for item in self.queries:
            wanted = {doc_id for doc_id, grade in self.qrels[item.query_id].items() if grade == 3}
            found = {
                hit.doc_id for ranking in self.run(item.query, unranked).rankings for hit in ranking.hits
            }
            if not wanted or wanted & found or number == 14:
                continue
            when = datetime(2026, 3, 4, 9, 0, tzinfo=UTC) + timedelta(minutes=5 * number)
            number += 1
            yield stamped(self.run(item.query, settings), when, "2.5")

    def _mixed(self) -> list[JudgedQuery]:
        """The queries in an order that mixes the strata, the same each time."""
        mixed = list(self.queries)
        random.Random(3).shuffle(mixed)
        return mixed

    def _about(self, doc_ids: set[str]) -> list[JudgedQuery]:
        """Queries that one of these documents answers in full."""
        return [
            item
            for item in self.queries
            if any(self.qrels[item.query_id].get(doc_id, 0) == 3 for doc_id in doc_ids)
        ]

    def days(self) -> Iterable[Trace]:
        """Every trace, in the order of time."""
        healthy = list(self.healthy())
        broken = [
            *self.fallback(healthy),
            *self.truncated(),
            *self.leaked(),
            *self.unreranked(),
            *self.missed(),
        ]
        return sorted([*healthy, *broken], key=lambda trace: trace.created_at)


def main() -> None:
    workspace = Workspace(sample_workspace_folder(), sample=True)
    for _ in workspace.prepare():
        pass
    workspace.warm_up()
    try:
        traces = list(Service(workspace).days())
        print(f"{export_traces(traces, Path(sys.argv[1]), 'jsonl')} traces")
    finally:
        workspace.close()


if __name__ == "__main__":
    main()
