"""Replaying many traces beside the same reranking trace by trace, and beside CrossEncoder.predict."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rankscope.bench.rerank_ratio import kendall_tau, scores_of
from rankscope.core.documents import Document, Query
from rankscope.core.trace import Ranking, Trace
from rankscope.engine.replay import Replay, Replayed, replayable_ids
from rankscope.engine.replay_today import Today
from rankscope.engine.workspace import Workspace
from rankscope.tracing.store import TraceStore

if TYPE_CHECKING:
    from rankscope.stages.rerank.cross_encoder import CrossEncoderReranker

__all__ = ["ReplayTimes", "measure_replay"]

CANDIDATES = 50
Score = Callable[[str, list[Document]], list[float]]


@dataclass(frozen=True, slots=True)
class ReplayTimes:
    """One run of each way over the same traces, with the same weights, loaded and warm."""

    traces: int
    candidates: int
    """Of all traces together."""
    passages: int
    """Distinct ones among them."""
    dtype: str
    """Number format of both of RankScope's ways; the stock library runs in float32."""
    replay_s: float
    """Rerank-only replay: reading, scoring, findings, and committing the new traces."""
    loop_s: float
    """RankScope's reranker called for one trace after the other; nothing is stored."""
    predict_s: float
    """``CrossEncoder.predict`` at its defaults, a call a trace."""
    replay_cpu_s: float
    """Processor time of the same: what is left of a comparison when other programs are running."""
    loop_cpu_s: float
    predict_cpu_s: float
    largest_difference: float
    """Between the scores of a replay and of the loop, on the scale of probabilities."""
    tau: float
    """Mean Kendall's tau of the replay's orders and those of ``predict``."""

    @property
    def of_loop(self) -> float:
        """Share of the loop's time that a replay takes."""
        return self.replay_s / self.loop_s

    @property
    def of_predict(self) -> float:
        """Share of the time of ``predict`` that a replay takes."""
        return self.replay_s / self.predict_s

    @property
    def cpu_of_loop(self) -> float:
        """The same share, of processor time."""
        return self.replay_cpu_s / self.loop_cpu_s

    @property
    def cpu_of_predict(self) -> float:
        """The same share, of processor time."""
        return self.replay_cpu_s / self.predict_cpu_s

    def as_mapping(self) -> dict[str, float | str]:
        """Plain values for JSON."""
        shares = ("of_loop", "of_predict", "cpu_of_loop", "cpu_of_predict")
        return {**asdict(self), **{name: getattr(self, name) for name in shares}}


def measure_replay(workspace: Workspace, queries: Sequence[str], traces: int = 200) -> ReplayTimes:
    """Retrieve for as many queries, over again where there are fewer, and rerank them in three ways."""
    first = workspace.settings.override("retrieval", candidates=CANDIDATES).override("rerank", enabled=False)
    pipeline = workspace.pipeline(first)
    saved = [pipeline.run(Query(queries[place % len(queries)])) for place in range(traces)]
    replayed, replay = _replay(workspace, saved)
    lists = [(trace.query.text, [trace.documents[i] for i in _candidates(trace)]) for trace in saved]
    ours, loop = _each(_single(workspace), lists)
    stock, predict = _each(_stock(workspace), lists)
    again = [
        [replayed[trace.trace_id].by_id()[doc_id].score or 0.0 for doc_id in _candidates(trace)]
        for trace in saved
    ]
    taus = [kendall_tau(mine, theirs) for mine, theirs in zip(again, stock, strict=True)]
    return ReplayTimes(
        traces=traces,
        candidates=sum(len(candidates) for _, candidates in lists),
        passages=len({document.content_hash for _, candidates in lists for document in candidates}),
        dtype=workspace.parts().reranker(workspace.settings.rerank).info.dtype,
        replay_s=replay.wall_s,
        loop_s=loop.wall_s,
        predict_s=predict.wall_s,
        replay_cpu_s=replay.cpu_s,
        loop_cpu_s=loop.cpu_s,
        predict_cpu_s=predict.cpu_s,
        largest_difference=max(
            abs(one - other)
            for mine, theirs in zip(again, ours, strict=True)
            for one, other in zip(mine, theirs, strict=True)
        ),
        tau=sum(taus) / len(taus),
    )


class _Took(NamedTuple):
    """Seconds on the clock, and of the processor in all threads."""

    wall_s: float
    cpu_s: float


def _timed(work: Callable[[], None]) -> _Took:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return _Took(time.perf_counter() - wall, time.process_time() - cpu)


def _candidates(trace: Trace) -> tuple[str, ...]:
    return () if trace.before is None else trace.before.doc_ids


def _replay(workspace: Workspace, saved: Sequence[Trace]) -> tuple[dict[str, Ranking], _Took]:
    """Reranked lists by id of the saved trace, and the time of all of the replay."""
    reranker = _fresh(workspace)
    found: dict[str, Ranking] = {}
    with (
        tempfile.TemporaryDirectory(prefix="rankscope-bench-") as folder,
        TraceStore(Path(folder) / "traces.db") as store,
    ):
        for trace in saved:
            store.append(trace)
        store.flush()
        replay = Replay(store, replayable_ids(store), Today(workspace.settings, reranker))

        def work() -> None:
            for event in replay.iter_events():
                if isinstance(event, Replayed) and event.trace.after is not None:
                    found[event.parent.trace_id] = event.trace.after

        took = _timed(work)
    return found, took


def _fresh(workspace: Workspace) -> CrossEncoderReranker:
    """A reranker that has read nothing yet, its weights loaded."""
    from rankscope.stages.rerank.cross_encoder import CrossEncoderReranker

    reranker = CrossEncoderReranker(workspace.settings.rerank, workspace.settings.models)
    scores_of(reranker, "warm up", [Document("warm-up", "The first pair is the slow one.")])
    return reranker


def _single(workspace: Workspace) -> Score:
    reranker = _fresh(workspace)
    return lambda query, candidates: scores_of(reranker, query, candidates)


def _stock(workspace: Workspace) -> Score:
    from rankscope.stages.rerank.bundled import resolve_cross_encoder
    from rankscope.stages.rerank.split_cross_encoder import load_cross_encoder

    settings = workspace.settings
    model = load_cross_encoder(resolve_cross_encoder(settings.rerank.model, settings.models.download))
    model.predict([("warm up", "The first pair is the slow one.")], show_progress_bar=False)

    def score(query: str, candidates: list[Document]) -> list[float]:
        pairs = [(query, document.searchable) for document in candidates]
        return [float(value) for value in model.predict(pairs, show_progress_bar=False)]

    return score


def _each(score: Score, lists: Sequence[tuple[str, list[Document]]]) -> tuple[list[list[float]], _Took]:
    """Scores of one list after the other, and the time of all."""
    results: list[list[float]] = []

    def work() -> None:
        results.extend(score(query, candidates) for query, candidates in lists)

    took = _timed(work)
    return results, took
