"""The plain sentence for where things stand: what happened, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Ranking, Trace
from rankscope.tui.cells import floor_text, score_text
from rankscope.tui.state import Phase, ProbeState, RunPhase

__all__ = ["INDEX_AWAITED", "Sentence", "Tone", "sentence"]

Tone = Literal["calm", "good", "busy", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line for the status bar, and how urgent it is."""

    tone: Tone
    text: str


INDEX_AWAITED = Sentence(
    "busy", "The index is of another version and is being built anew; then this is read."
)
"""On screens that read with the index, while the probe builds the sample's for this version."""


def sentence(state: ProbeState) -> Sentence:
    """What to tell the user now; the most urgent thing wins."""
    if state.phase is Phase.REFUSED:
        return Sentence("bad", state.problem)
    if state.phase is Phase.INDEXING:
        return Sentence("busy", _indexing(state))
    if state.run is RunPhase.CRASHED:
        return Sentence("bad", f"The run failed: {state.problem} r runs it again.")
    if state.phase is Phase.LOADING:
        held = "Your query runs as soon as they are ready." if state.run is RunPhase.WAITING else ""
        return Sentence("busy", f"Loading the models. {held or 'You can type already.'}")
    if state.run is RunPhase.RUNNING:
        return Sentence("busy", _running(state))
    if state.trace is None:
        return Sentence("calm", "Type a query: the first lists appear as you type, enter keeps the run.")
    if state.run is RunPhase.STOPPED and not state.read_only:
        return Sentence("warn", _stopped(state.trace))
    return _finished(state.trace)


def _indexing(state: ProbeState) -> str:
    progress = state.progress
    if progress is None:
        return "Opening the index."
    of = "" if progress.total is None else f"{progress.done:,} of "
    amount = counted(progress.done if progress.total is None else progress.total, "passage")
    text = f"Building the index, once: {progress.stage} {of}{amount}"
    if progress.rate > 0:
        text += f", {progress.rate:,.0f} a second"
    if progress.eta_s is not None:
        text += f", {progress.eta_s:.0f} s left"
    return text + "."


def _running(state: ProbeState) -> str:
    if state.running == "rerank":
        return (
            f"Reranking {state.done} of {counted(state.total, 'candidate')}, best fused first. esc stops it."
        )
    if state.running:
        return f"Retrieving ({one_line(state.running, 20)})."
    if state.draft:
        return "Fused as you type. A pause, or enter, starts the reranker; enter also keeps the run."
    return "Retrieving."


def _stopped(trace: Trace) -> str:
    after = trace.after
    scored = 0 if after is None else len(after.hits)
    if scored == 0:
        return "Stopped. r runs it again."
    total = len(trace.before.hits) if trace.before is not None else scored
    return (
        f"Stopped after {scored} of {counted(total, 'candidate')}: the fused order stands. r runs it again."
    )


def _finished(trace: Trace) -> Sentence:
    failed = [ranking for ranking in trace.rankings if ranking.status.startswith("failed:")]
    if failed:
        return _failed(trace, failed)
    final = trace.final
    if final is None or not final.hits:
        where = " and ".join(f"{key}={value}" for key, value in trace.query.filters.items())
        cure = (
            f"no passage with {one_line(where)} matches: f changes the filter" if where else "try other words"
        )
        return Sentence("warn", f"No document was found; {cure}.")
    rerank = trace.ranking("rerank")
    if rerank is not None and rerank.status.startswith("skipped:"):
        reason = one_line(rerank.status.partition(":")[2])
        return Sentence("warn", f"Reranking skipped: {reason}. The fused order stands, no floor applied.")
    if trace.decision == "refuse":
        return Sentence("warn", _refusal(trace, final))
    return _answer(trace, final)


def _failed(trace: Trace, failed: list[Ranking]) -> Sentence:
    parts = []
    for ranking in failed:
        reason = one_line(ranking.status.partition(":")[2], 160).rstrip(".")
        parts.append(f"{_NAMES.get(ranking.stage, one_line(ranking.stage))} failed: {reason}.")
    stands = trace.final
    if stands is not None and stands.hits:
        stands_by_stage = {"rerank": "The fused order stands.", "rerank-1": "The fused order chose for it."}
        rest = stands_by_stage.get(failed[-1].stage, "The other lists stand.")
    else:
        rest = "Nothing is left to show."
    return Sentence("bad", f"{' '.join(parts)} {rest} r runs it again.")


_NAMES = {
    "bm25": "BM25",
    "dense": "Dense retrieval",
    "fusion": "Fusion",
    "rerank-1": "The smaller reranker",
    "rerank": "Reranking",
}


def _refusal(trace: Trace, final: Ranking) -> str:
    best = max((hit.score for hit in final.hits if hit.score is not None), default=None)
    if trace.floor is None:
        return "Refused: nothing is kept."
    floor, top = floor_text(trace.floor.value), score_text(best, final.score_scale)
    return f"Refused: nothing reaches the floor {floor}, the best is {top}. [ lowers it."


def _answer(trace: Trace, final: Ranking) -> Sentence:
    kept, seen = len(trace.kept), len(final.hits)
    text = f"Kept {kept} of {seen}"
    floor = trace.floor
    if "floor_not_applied" in trace.attributes:
        if floor is not None and floor.score_scale is final.score_scale:  # its passport says why
            text += f"; floor not applied: {one_line(str(trace.attributes['floor_not_applied']), 160)}"
        else:
            scale = "reranker" if floor is None else floor.score_scale
            text += f"; the floor is for {scale} scores, these are {final.score_scale}: not applied"
    elif floor is not None:
        below = sum(1 for hit in final.hits if hit.score is None or hit.score < floor.value)
        if below:
            text += f"; {below} below the floor {floor_text(floor.value)}"
        if seen - kept - below > 0:
            text += f"; {seen - kept - below} beyond K={trace.top_k}"
    reused = int(final.details.get("reused", 0))
    if reused:
        text += f"; {reused} of {counted(seen, 'score')} kept from before"
    cut = _not_seen(trace)
    return Sentence("warn" if cut else "good", f"{text}.{cut}")


def _not_seen(trace: Trace) -> str:
    """Passages whose end the cross-encoder did not read, with the count of tokens."""
    after = trace.after
    if after is None:
        return ""
    cut = {hit.doc_id: int(hit.details.get("tokens_cut", 0)) for hit in after.hits}
    cut = {doc_id: tokens for doc_id, tokens in cut.items() if tokens > 0}
    if not cut:
        return ""
    worst = max(cut, key=lambda doc_id: (cut[doc_id], doc_id))
    return (
        f" The cross-encoder did not see the end of {counted(len(cut), 'passage')}"
        f" ({counted(sum(cut.values()), 'token')}; {one_line(worst, 24)} {cut[worst]:,})."
    )
