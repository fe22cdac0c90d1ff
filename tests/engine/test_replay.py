"""Replay into a real store: what a trace becomes, once and only once, as far as it can."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rankscope.config import Settings
from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.engine import replay as replay_module
from rankscope.engine.comparing import select_side
from rankscope.engine.replay import (
    NotReplayed,
    Replay,
    Replayed,
    ReplayEvent,
    ReplayProgress,
    replayable_ids,
)
from rankscope.engine.replay_today import Today, today_of
from rankscope.engine.workspace import Workspace
from rankscope.errors import Cancelled, UsageError
from rankscope.insight.coverage import coverage_of
from rankscope.tracing.store import TraceStore
from rankscope.tracing.summaries import TraceFilter
from tests.engine.counting_reranker import CountingReranker

TEXTS = {
    "a": "water boils at 100 degrees",
    "b": "leave is carried over",
    "c": "a kettle for water",
    "d": "the degrees of water",
}
QUERY = "water degrees"


def saved(trace_id: str = "saved-1", ids: Sequence[str] = ("b", "c", "a", "d"), **changes: object) -> Trace:
    """A trace whose reranker left the fused order as it was."""
    hits = tuple(Hit(doc_id, rank, 1 / (60 + rank)) for rank, doc_id in enumerate(ids, start=1))
    scored = tuple(Hit(doc_id, rank, 0.9 - rank / 10) for rank, doc_id in enumerate(ids, start=1))
    from tests.tracing.make import START

    trace = Trace(
        trace_id=trace_id,
        created_at=START,
        origin="import:native",
        query=Query(QUERY, {"tenant": "acme"}, "q7"),
        rankings=(
            Ranking("fusion", ScoreScale.RRF, hits, ms=1.0, depth=50),
            Ranking("rerank", ScoreScale.PROBABILITY, scored, ms=90.0, depth=50),
        ),
        pipeline=PipelineInfo("sha256:old", "corpus", {"retrieval": {"rrf_k": 60}}),
        top_k=2,
        kept=("b", "c"),
        decision="answer",
        documents={doc_id: Document(doc_id, TEXTS[doc_id]) for doc_id in ids},
    )
    return replace(trace, **changes)  # type: ignore[arg-type]  # fields by name


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore(tmp_path / "traces.db") as opened:
        yield opened


def today(reranker: CountingReranker | None = None, **floor: object) -> Today:
    settings = Settings().override("floor", top_k=2, **floor)
    return Today(settings, reranker or CountingReranker())


def run(
    store: TraceStore, *traces: Trace, through: Today | None = None, **options: object
) -> list[ReplayEvent]:
    for trace in traces:
        store.append(trace)
    store.flush()
    job = Replay(store, replayable_ids(store), through or today(), **options)  # type: ignore[arg-type]
    return list(job.iter_events())


def replayed(events: Sequence[ReplayEvent]) -> list[Replayed]:
    return [event for event in events if isinstance(event, Replayed)]


def test_saved_candidates_get_todays_scores_floor_and_decision(store: TraceStore) -> None:
    (event,) = replayed(run(store, saved()))
    new = event.trace
    assert (new.origin, new.parent_id, new.query) == ("replay", "saved-1", saved().query)
    assert new.before == saved().before
    assert new.after is not None
    # Words of the query that each text holds, of two: a 2, d 2, c 1, b 0.
    assert [(hit.doc_id, hit.score) for hit in new.after.hits] == [("a", 1), ("d", 1), ("c", 0.5), ("b", 0)]
    assert new.kept == ("a", "d")
    assert new.decision == "answer"
    assert new.floor is not None
    assert new.floor.value == Settings().floor.value
    assert new.pipeline.models["cross_encoder"] == ModelInfo("counting", "1", "", 512, "sigmoid")
    assert new.pipeline.settings["retrieval"] == {"rrf_k": 60}  # the saved lists were made so
    assert new.documents == saved().documents
    assert store.get(new.trace_id) == new
    assert event.coverage.complete
    assert event.coverage.line == "4 of 4 candidates scored"


def test_a_trace_alone_is_timed_and_one_of_many_gets_its_share(store: TraceStore) -> None:
    (alone,) = replayed(run(store, saved()))
    assert alone.trace.after is not None
    assert alone.trace.after.ms is not None
    several = replayed(run(store, saved("saved-2"), saved("saved-3"), name="again"))
    for event in several:
        assert event.trace.after is not None
        assert event.trace.after.ms is None
        assert event.trace.after.details["share_ms"] > 0  # type: ignore[operator]


def test_again_adds_nothing_and_still_tells_of_every_trace(store: TraceStore) -> None:
    first = replayed(run(store, saved(), saved("saved-2")))
    reranker = CountingReranker()
    again = replayed(run(store, through=today(reranker)))
    assert [event.trace for event in again] == [event.trace for event in first]
    assert all(event.known for event in again)
    assert reranker.asked == []
    assert store.count() == 4


@pytest.mark.parametrize(
    ("through", "options"),
    [
        (today(CountingReranker("other")), {}),
        (today(value=0.6), {}),
        (today(value=None), {}),
        (today(), {"candidates": 3}),
        (today(), {"name": "second"}),
    ],
    ids=["model", "floor", "no floor", "N", "name"],
)
def test_anything_else_is_another_replay(
    store: TraceStore, through: Today, options: dict[str, object]
) -> None:
    run(store, saved())
    (event,) = replayed(run(store, through=through, **options))
    assert not event.known
    assert store.count() == 3


def test_n_takes_the_first_of_the_saved_candidates(store: TraceStore) -> None:
    (event,) = replayed(run(store, saved(), candidates=3))
    assert event.trace.before is not None
    assert event.trace.before.doc_ids == ("b", "c", "a")
    assert event.trace.after is not None
    assert event.trace.after.doc_ids == ("a", "c", "b")


def test_missing_texts_are_counted_named_and_found_by_the_linter(store: TraceStore) -> None:
    texts = {"a": Document("a", TEXTS["a"]), "c": Document("c", "  "), "d": Document("d", TEXTS["d"])}
    (event,) = replayed(run(store, saved(documents=texts)))
    assert event.coverage.without_text == ("b", "c")
    assert not event.coverage.complete
    assert event.coverage.line == "2 of 4 candidates scored; 2 without text"
    assert event.trace.after is not None
    assert event.trace.after.doc_ids == ("a", "d")
    assert event.trace.after.details["without_text"] == 2
    assert [finding.code for finding in event.trace.findings if finding.code == "RS103"] == ["RS103"]
    assert coverage_of(store.get(event.trace.trace_id)) == event.coverage


class Corpus:
    """Some texts by id: what a replay asks of a corpus."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {doc_id: Document(doc_id, TEXTS[doc_id]) for doc_id in doc_ids if doc_id in self.ids}


def test_a_corpus_at_hand_fills_in_missing_texts(store: TraceStore) -> None:
    through = replace(today(), documents=Corpus("b"))  # type: ignore[arg-type]  # the rest is not asked for
    (event,) = replayed(run(store, saved(documents={}), through=through))
    assert event.coverage.from_corpus == 1
    assert event.coverage.without_text == ("c", "a", "d")
    assert event.trace.documents == {"b": Document("b", TEXTS["b"])}


def test_texts_that_the_corpus_has_by_now_are_scored_after_all(store: TraceStore) -> None:
    part = {doc_id: Document(doc_id, TEXTS[doc_id]) for doc_id in ("a", "c")}
    (first,) = replayed(run(store, saved(documents=part)))
    assert first.coverage.without_text == ("b", "d")
    reranker = CountingReranker()

    def again(*ids: str) -> Replayed:
        through = replace(today(reranker), documents=Corpus(*ids))  # type: ignore[arg-type]  # as above
        (event,) = replayed(run(store, through=through))
        return event

    assert again("elsewhere").known  # the corpus adds nothing
    assert reranker.asked == []
    fuller = again("b")
    assert (fuller.known, fuller.coverage.without_text, fuller.coverage.from_corpus) == (False, ("d",), 1)
    whole = again("b", "d")
    assert (whole.known, whole.coverage.complete) == (False, True)
    asked = len(reranker.asked)
    assert again("b", "d").trace == whole.trace
    assert again("d", "b", "elsewhere").known
    assert again("b").trace == fuller.trace
    assert len(reranker.asked) == asked
    assert store.count() == 4


def test_a_corpus_changes_nothing_for_traces_that_hold_their_texts(store: TraceStore) -> None:
    (first,) = replayed(run(store, saved()))
    through = replace(today(), documents=Corpus("a", "b", "c", "d"))  # type: ignore[arg-type]  # as above
    (again,) = replayed(run(store, through=through))
    assert (again.known, again.trace) == (True, first.trace)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"documents": {}}, "none of the candidates has a text"),
        ({"rankings": ()}, "the trace holds no candidates"),
        ({"query": Query(" ")}, "the trace holds no query text"),
    ],
)
def test_what_cannot_be_replayed_says_why(store: TraceStore, changes: dict[str, Any], reason: str) -> None:
    events = run(store, saved(**changes), saved("saved-2"))
    assert [event for event in events if isinstance(event, NotReplayed)] == [NotReplayed("saved-1", reason)]
    assert len(replayed(events)) == 1


def test_repeated_ids_are_scored_once_and_later_stages_left_out(store: TraceStore) -> None:
    hits = tuple(Hit(doc_id, rank, None) for rank, doc_id in enumerate(("a", "b", "a", "c"), start=1))
    lists = (
        Ranking("retrieval", ScoreScale.UNKNOWN, hits),
        Ranking("rerank", ScoreScale.PROBABILITY, hits[:1]),
        Ranking("mmr", ScoreScale.UNKNOWN, hits[:1]),
    )
    reranker = CountingReranker()
    (event,) = replayed(run(store, saved(rankings=lists), through=today(reranker)))
    assert (event.coverage.repeated, event.coverage.left_out) == (1, ("mmr",))
    assert sorted(doc_id for _, doc_id in reranker.asked) == ["a", "b", "c"]
    assert [ranking.stage for ranking in event.trace.rankings] == ["retrieval", "rerank"]


def test_a_list_that_was_too_short_to_rerank_stays_so(store: TraceStore) -> None:
    skipped = Ranking(
        "rerank", ScoreScale.PROBABILITY, (), status="skipped:2 candidates are no more than K=2"
    )
    short = saved(ids=("a", "b"))
    (event,) = replayed(run(store, replace(short, rankings=(short.rankings[0], skipped))))
    assert event.trace.rankings[-1].status == "skipped:2 candidates are no more than K=2"
    assert event.trace.final == event.trace.before


def test_replays_are_not_replayed_by_all(store: TraceStore) -> None:
    run(store, saved())
    assert replayable_ids(store) == ["saved-1"]


def test_comparisons_are_replayed_where_they_are_named(store: TraceStore) -> None:
    for trace in (saved(), replace(saved("compared"), origin="eval:ab")):
        store.append(trace)
    store.flush()
    assert replayable_ids(store) == ["saved-1"]
    assert replayable_ids(store, TraceFilter(origin="eval")) == ["compared"]
    now = datetime.now(UTC)
    text = saved().query.text.split()[0]
    assert [key.trace_id for key in select_side(store, text, now=now).keys] == ["saved-1"]
    assert [key.trace_id for key in select_side(store, "origin:eval:ab", now=now).keys] == ["compared"]


def many(count: int) -> list[Trace]:
    return [saved(f"saved-{number:03}") for number in range(count)]


def test_progress_rises_and_ends_with_all(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "_FIRST_WAVE", 8)
    monkeypatch.setattr(replay_module, "_LARGEST_WAVE", 8)
    steps = [event for event in run(store, *many(9)) if isinstance(event, ReplayProgress)]
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert [step.pairs for step in steps] == sorted(step.pairs for step in steps)
    assert (steps[-1].done, steps[-1].total, steps[-1].pairs) == (9, 9, 36)
    assert steps[-1].eta_s == 0
    assert any(0 < step.done < 9 for step in steps)


def test_cancelled_keeps_whole_waves_and_goes_on(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "_FIRST_WAVE", 8)
    monkeypatch.setattr(replay_module, "_LARGEST_WAVE", 8)
    reranker = CountingReranker()
    for trace in many(9):
        store.append(trace)
    store.flush()
    job = Replay(store, replayable_ids(store), today(reranker))
    with pytest.raises(Cancelled, match="run the same command again"):
        for _ in job.iter_events(lambda: len(reranker.asked) >= 20):
            pass
    assert store.count() == 9 + 4  # two waves of two traces; the third was under way
    again = Replay(store, replayable_ids(store), today(reranker))
    assert len(replayed(list(again.iter_events()))) == 9
    assert (again.known, again.replayed, store.count()) == (4, 5, 18)


def test_another_run_of_the_same_job_is_no_fault(store: TraceStore) -> None:
    store.append(saved())
    store.flush()
    one = Replay(store, ["saved-1"], today()).iter_events()
    next(one)
    # Both have looked and found nothing; the other one commits first.
    original = store.known_ids
    seen: list[set[str]] = []

    def late(ids: Sequence[str]) -> set[str]:
        found = original(ids)
        if not seen:
            seen.append(found)
            for _ in Replay(other, ["saved-1"], today()).iter_events():
                pass
        return found

    with TraceStore(store.path) as other:
        store.known_ids = late  # type: ignore[method-assign,assignment]
        (event,) = replayed(list(one))
    assert event.known
    assert store.count() == 2


def test_killed_and_run_again_completes_without_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    with TraceStore(path) as store:
        for trace in many(40):
            store.append(trace)
    command = [sys.executable, "-m", "tests.engine.replay_until_killed", str(path)]
    killed = 0
    for pause in (0.02, 0.08):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(pause)
        killed += process.poll() is None
        process.kill()  # SIGKILL: nothing can be tidied up
        process.communicate()
    with TraceStore(path) as store:
        between = store.count() - 40
    assert killed
    assert between < 40
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f"replayed {40 - between} known {between}\n")
    with TraceStore(path) as store:
        parents = [trace.parent_id for trace in store.iter_traces() if trace.origin == "replay"]
        assert sorted(filter(None, parents)) == [trace.trace_id for trace in many(40)]


def test_full_replay_finds_anew_and_counts_what_the_corpus_lost(sample_workspace: Workspace) -> None:
    document_id = sample_workspace.parts().documents.ids_of([0])[0]
    ids = (document_id, "gone-1", "gone-2")
    lists = (Ranking("dense", ScoreScale.COSINE, tuple(Hit(i, n, None) for n, i in enumerate(ids, start=1))),)
    settings = sample_workspace.settings.override("retrieval", candidates=12).override("floor", top_k=3)
    reranker = CountingReranker()
    pipeline = replace(sample_workspace.pipeline(settings), reranker=reranker)
    through = Today(settings, reranker, pipeline.documents, None, pipeline)
    store = sample_workspace.traces
    parent = saved("full-1", rankings=lists, documents={}, query=Query(QUERY))
    store.append(parent)
    store.flush()
    (event,) = replayed(list(Replay(store, ["full-1"], through).iter_events()))
    assert event.coverage.mode == "full"
    assert (event.coverage.saved, event.coverage.unknown) == (3, ("gone-1", "gone-2"))
    assert event.coverage.scored == event.coverage.candidates == 12
    assert [ranking.stage for ranking in event.trace.rankings] == ["bm25", "dense", "fusion", "rerank"]
    assert event.trace.parent_id == "full-1"
    store.prune(ids=["full-1", event.trace.trace_id])


def test_full_replay_of_a_pipeline_that_does_not_rerank(sample_workspace: Workspace) -> None:
    settings = sample_workspace.settings.override("rerank", enabled=False)
    store = sample_workspace.traces
    store.append(saved("full-2", query=Query(QUERY)))
    store.flush()
    through = today_of(sample_workspace, "full", settings)
    (event,) = replayed(list(Replay(store, ["full-2"], through).iter_events()))
    assert [ranking.stage for ranking in event.trace.rankings] == ["bm25", "dense", "fusion"]
    assert event.trace.decision == "answer"
    assert event.coverage.candidates == 0
    store.prune(ids=["full-2", event.trace.trace_id])


def test_rerank_only_needs_no_index_but_a_reranker(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    through = today_of(workspace, "rerank-only")
    assert through.documents is None
    assert through.mode == "rerank-only"
    with pytest.raises(UsageError, match="no reranker"):
        today_of(workspace, "rerank-only", workspace.settings.override("rerank", enabled=False))
