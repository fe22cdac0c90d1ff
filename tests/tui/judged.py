"""A workspace for the judge screen: scripted stages over a real trace store with a few stored queries."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, PipelineInfo, Ranking, Trace
from rankscope.engine.manifest import Manifest
from rankscope.errors import WorkspaceError
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.tracing.store import TraceStore
from tests.tui.fakes import SETTINGS, FakeWorkspace, corpus

QUERIES = ("ibuprofen dosage for children", "naproxen in pregnancy", "renal impairment")


class JudgedWorkspace(FakeWorkspace):
    """The fake workspace with a database in ``folder``; ``judge`` sets more of that section."""

    def __init__(self, folder: Path, *, manifest: Manifest | None = None, **judge: str | float) -> None:
        super().__init__(settings=SETTINGS.override("judge", name="ann", **judge))
        self.traces_path = folder / "traces.db"
        self.manifest = manifest
        self._store: TraceStore | None = None

    @property
    def traces(self) -> TraceStore:  # type: ignore[override]  # the real one
        if self._store is None:
            self._store = TraceStore(self.traces_path)
        return self._store

    @traces.setter
    def traces(self, value: object) -> None:
        """The base class sets a fake one, which is not wanted here."""

    @property
    def log(self) -> JudgmentLog:
        return JudgmentLog(self.traces_path)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class OutdatedWorkspace(JudgedWorkspace):
    """Its index is of another version until the gate of the script is open; then it is built anew."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.built = self.script.index_gate = threading.Event()

    @property
    def outdated(self) -> bool:
        return not self.built.is_set()

    @property
    def manifest(self) -> Manifest | None:  # type: ignore[override]  # unreadable at first
        if self.outdated:
            raise WorkspaceError("manifest.json: written by another version.")
        return None

    @manifest.setter
    def manifest(self, value: object) -> None:
        """The base class sets one, which is not wanted here."""


def judged_trace(number: int, query: str, pipeline: str, doc_ids: Sequence[str]) -> Trace:
    """A trace whose fused list is ``doc_ids`` and whose reranked one is drawn."""
    documents = {document.doc_id: document for document in corpus() if document.doc_id in doc_ids}
    drawn = random.Random(number).sample(list(doc_ids), len(doc_ids))

    def ranking(stage: str, scale: ScoreScale, ids: Sequence[str]) -> Ranking:
        hits = tuple(Hit(doc_id, rank, 1 / (1 + rank)) for rank, doc_id in enumerate(ids, start=1))
        return Ranking(stage, scale, hits, ms=10.0, depth=50)

    return Trace(
        trace_id=f"trace-{number:04}",
        created_at=datetime(2026, 1, 31, 12, number, tzinfo=UTC),
        origin="live",
        query=Query(query),
        rankings=(
            ranking("fusion", ScoreScale.RRF, doc_ids),
            ranking("rerank", ScoreScale.PROBABILITY, drawn),
        ),
        pipeline=PipelineInfo(f"sha256:{pipeline}"),
        documents=documents,
    )


def fill(workspace: JudgedWorkspace, *, candidates: int = 20) -> None:
    """The first query by two pipelines with ``candidates`` documents between them, two more by one."""
    ids = [document.doc_id for document in corpus()]
    half = candidates // 2
    store = workspace.traces
    store.append(judged_trace(0, QUERIES[0], "1", ids[:half]))
    store.append(judged_trace(1, QUERIES[0], "2", ids[half : 2 * half]))
    other = judged_trace(2, QUERIES[1], "1", ids[20:26])
    store.append(replace(other, query=Query(QUERIES[1], {"field": "medicine"})))
    store.append(judged_trace(3, QUERIES[2], "1", ids[30:34]))
    store.flush()
