"""A workspace for the floors screen: planted scores, and judgments of them, in a real trace store."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale, logit
from rankscope.core.trace import Floor, ModelInfo, Trace
from rankscope.engine.pipeline import finish
from rankscope.tracing.floor_log import FloorLog
from rankscope.tracing.judgment_log import NewJudgment
from tests.insight.floors.scored_traces import MODEL, START, scored_trace
from tests.tui.judged import JudgedWorkspace

TOML = "[floor]\nvalue = 0.4\ntop_k = 10\n"
QUERIES, UNANSWERABLE, DEPTH = 60, 10, 20


class FlooredWorkspace(JudgedWorkspace):
    """The fake workspace with a folder, a database and a settings file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        (folder / "rankscope.toml").write_text(TOML, encoding="utf-8")

    @property
    def floor_log(self) -> FloorLog:
        return FloorLog(self.traces_path)


def planted(number: int) -> tuple[Trace, list[NewJudgment]]:
    """Relevant documents score high, the rest low, one borderline document stands between."""
    draw = random.Random(number)
    answerable = number >= UNANSWERABLE
    pairs = [(draw.betavariate(1.2, 7), 0) for _ in range(DEPTH - 3)] + [(draw.uniform(0.2, 0.5), 1)]
    pairs += [
        (draw.betavariate(9, 2) if answerable else draw.betavariate(2, 6), 3 * answerable) for _ in "ab"
    ]
    pairs.sort(reverse=True)
    name = f"query {number:02}"
    stored = scored_trace(f"q{number:02}", [round(score, 6) for score, _ in pairs], number=number)
    titles = {
        hit.doc_id: Document(
            hit.doc_id, f"Passage {hit.doc_id}. " + "More of it. " * hit.rank, title=f"On {name}"
        )
        for hit in stored.rankings[0].hits
    }
    trace = replace(
        stored,
        query=Query(f"{name} of the planted ones"),
        documents=titles,
        floor=Floor(0.4, ScoreScale.PROBABILITY),
    )
    judgments = [
        NewJudgment(trace.query.text, f"q{number:02}-{rank}", grade, "ben", borderline=grade == 1)
        for rank, (_, grade) in enumerate(pairs, start=1)
        if rank <= 12
    ]
    return finish(trace), judgments


def fill(workspace: FlooredWorkspace, *, judged: bool = True, logits: int = 0) -> list[Trace]:
    """Sixty traces of one model, and ``logits`` of another on another scale."""
    made = [planted(number) for number in range(QUERIES)]
    traces = [trace for trace, _ in made]
    other = ModelInfo("other-reranker", "sha256:99", "fp32", 512, "identity")
    for number, trace in enumerate(traces[:logits]):
        scores = [logit(hit.score or 0.5) for hit in trace.rankings[0].hits]
        again = scored_trace(f"q{number:02}", scores, scale=ScoreScale.LOGIT, model=other, number=number)
        moment = START + timedelta(days=1, minutes=number)
        traces.append(
            replace(again, trace_id=f"l-{number}", query=trace.query, created_at=moment, floor=None)
        )
    for trace in traces:
        workspace.traces.append(trace)
    workspace.traces.flush()
    if judged:
        workspace.log.append_many([item for _, known in made for item in known])
    return traces


__all__ = ["MODEL", "QUERIES", "FlooredWorkspace", "fill", "planted"]
