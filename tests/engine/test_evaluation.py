"""Running a query set: what is chosen, and that a run cut off at any byte resumes to the same traces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rankscope.config import Settings
from rankscope.core.documents import Document, Query
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.engine.evaluation import (
    EvaluationRun,
    QuerySet,
    collection_workspace,
    load_query_set,
    pinned_precision,
    stored_query_set,
)
from rankscope.engine.pipeline import Pipeline
from rankscope.errors import (
    Cancelled,
    CorpusError,
    InputError,
    ModelError,
    TraceError,
    UsageError,
    WorkspaceBusy,
)
from rankscope.stages.fusion.rrf import ReciprocalRankFusion


@dataclass
class CountingRetriever:
    """Returns three documents in an order that depends on the query; counts its calls."""

    stage: str = "bm25"
    score_scale: ScoreScale = ScoreScale.BM25
    calls: list[str] = field(default_factory=list)
    failing: Callable[[str], bool] = lambda text: False

    def retrieve(self, query: Query, depth: int) -> Ranking:
        self.calls.append(query.query_id or "")
        if self.failing(query.text):
            raise ModelError("no weights")
        scores = [(f"d{(len(query.text) + place) % 5}", 3.0 - place) for place in range(3)]
        return Ranking(self.stage, self.score_scale, rank_by_score(scores, depth=depth), ms=1.0, depth=depth)


class Texts:
    """Documents whose text is their id."""

    def __len__(self) -> int:
        return 5

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {doc_id: Document(doc_id, text=doc_id) for doc_id in doc_ids if doc_id < "d5"}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        return [f"d{row}" for row in rows]

    def rows_matching(self, filters: object) -> None:
        return None


class NumberReranker:
    """Scores a document by its number."""

    info = ModelInfo("numbers")
    score_scale = ScoreScale.PROBABILITY

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[list[ScoredPair]]:
        yield [ScoredPair(i, int(item.text[1:]) / 10, {"tokens": 2.0}) for i, item in enumerate(candidates)]


def pipeline(retriever: CountingRetriever, **changes: object) -> Pipeline:
    made = Pipeline(
        retrievers=[retriever],
        fuser=ReciprocalRankFusion(),
        documents=Texts(),
        reranker=NumberReranker(),
        describe=lambda: PipelineInfo(fingerprint="f"),
        depth=10,
        candidates=5,
        top_k=1,
        floor=Floor(0.3, ScoreScale.PROBABILITY),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    queries = tmp_path / "queries.jsonl"
    lines = [{"_id": f"q{i}", "text": "x" * (i + 1), "stratum": "odd" if i % 2 else "even"} for i in range(6)]
    queries.write_text("".join(json.dumps(line) + "\n" for line in lines))
    qrels = tmp_path / "test.tsv"
    qrels.write_text("".join(f"q{i}\td{i}\t{int(i != 3)}\n" for i in (0, 1, 2, 3, 5)) + "elsewhere\td1\t1\n")
    return queries, qrels


@pytest.fixture
def query_set(files: tuple[Path, Path]) -> QuerySet:
    return load_query_set("c", *files)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "eval"


def drain(run: EvaluationRun) -> tuple[Trace, ...]:
    for _ in run.iter_progress():
        pass
    return run.traces


def test_a_query_set_holds_the_judged_queries_and_counts_the_rest(query_set: QuerySet) -> None:
    assert [item.query_id for item in query_set.queries] == ["q0", "q1", "q2", "q3", "q5"]
    assert query_set.strata["q5"] == "odd"
    assert set(query_set.judgments.grades) == set(query_set.strata)
    # q4 is not judged, "elsewhere" is not a query here, and d5 is relevant but not in the corpus.
    assert query_set.counts(Texts()) == {
        "left_out_by_limit": 0,
        "unjudged": 1,
        "unknown_queries": 1,
        "unknown_relevant": 1,
    }


def test_a_limit_is_a_fixed_sample_in_file_order(files: tuple[Path, Path]) -> None:
    some = load_query_set("c", *files, limit=3)
    assert some.queries == load_query_set("c", *files, limit=3).queries
    assert [item.query_id for item in some.queries] == sorted(some.strata)
    assert some.counts(Texts())["left_out_by_limit"] == 5 - 3
    assert load_query_set("c", *files, limit=99).queries == load_query_set("c", *files).queries


def test_judgments_of_other_queries_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.tsv"
    other.write_text("z1\td1\t1\n")
    with pytest.raises(UsageError, match=r"other.tsv: judges none of the 6 queries"):
        load_query_set("c", files[0], other)
    other.write_text("z1\td1\tmany\n")
    with pytest.raises(CorpusError, match=r"other.tsv:1: the grade"):
        load_query_set("c", files[0], other)


def test_traces_come_in_query_order_without_texts_and_progress_reaches_the_end(
    query_set: QuerySet, folder: Path
) -> None:
    run = EvaluationRun(pipeline(CountingRetriever()), query_set, folder)
    steps = [step for step in run.iter_progress() if step.stage == "queries"]
    assert [(step.done, step.total) for step in steps] == [(done, 5) for done in range(6)]
    assert [trace.query for trace in run.traces] == [item.query for item in query_set.queries]
    assert all(trace.documents == {} for trace in run.traces)
    fresh = pipeline(CountingRetriever()).run(query_set.queries[0].query)
    assert [r.doc_ids for r in run.traces[0].rankings] == [r.doc_ids for r in fresh.rankings]
    assert (run.traces[0].decision, run.traces[0].kept) == (fresh.decision, fresh.kept)


def test_a_log_cut_at_any_byte_resumes_to_the_same_traces(query_set: QuerySet, folder: Path) -> None:
    whole = drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))
    (log,) = folder.glob("*.jsonl")
    content = log.read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == 0x0A]
    assert len(ends) == 5
    cuts = {0, 1, len(content) - 1, *ends[:-1], *(end - 1 for end in ends), *(end + 7 for end in ends[:-1])}
    for cut in sorted(cuts):
        log.write_bytes(content[:cut])
        retriever = CountingRetriever()
        run = EvaluationRun(pipeline(retriever), query_set, folder)
        resumed = drain(run)
        kept = sum(end <= cut for end in ends)
        assert run.taken_over == kept
        assert retriever.calls == [item.query_id for item in query_set.queries][kept:]
        assert resumed[:kept] == whole[:kept]
        assert [t.rankings[-1].doc_ids for t in resumed] == [t.rankings[-1].doc_ids for t in whole]
        assert len(log.read_bytes().splitlines()) == 5


def test_a_settled_run_is_repeated_unless_it_is_asked_to_be_reused(query_set: QuerySet, folder: Path) -> None:
    first = EvaluationRun(pipeline(CountingRetriever()), query_set, folder)
    traces = drain(first)
    (log,) = folder.glob("*.jsonl")
    assert log.stat().st_mode & 0o777 == 0o600
    stored = log.read_bytes()
    # Another collection of the same command may have been the one that was killed.
    unsettled = CountingRetriever()
    drain(EvaluationRun(pipeline(unsettled), query_set, folder))
    assert unsettled.calls == []
    first.settle()
    idle = CountingRetriever()
    reused = drain(EvaluationRun(pipeline(idle), query_set, folder, reuse=True))
    assert idle.calls == []
    assert log.read_bytes() == stored
    assert [trace.kept for trace in reused] == [trace.kept for trace in traces]
    again = CountingRetriever()
    drain(EvaluationRun(pipeline(again), query_set, folder))
    assert len(again.calls) == 5


def test_fresh_takes_nothing_over(query_set: QuerySet, folder: Path) -> None:
    drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))
    (log,) = folder.glob("*.jsonl")
    log.write_bytes(log.read_bytes()[:-5])
    retriever = CountingRetriever()
    drain(EvaluationRun(pipeline(retriever), query_set, folder, fresh=True))
    assert len(retriever.calls) == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"describe": lambda: PipelineInfo(fingerprint="other")},
        {"floor": Floor(0.31, ScoreScale.PROBABILITY)},
        {"floor": None},
        {"top_k": 2},
    ],
)
def test_nothing_is_taken_over_from_another_pipeline(
    query_set: QuerySet, folder: Path, changes: dict[str, object]
) -> None:
    drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))
    run = EvaluationRun(pipeline(CountingRetriever(), **changes), query_set, folder, reuse=True)
    drain(run)
    assert run.taken_over == 0


def test_an_edited_query_is_run_again(query_set: QuerySet, folder: Path) -> None:
    drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))
    edited = replace(query_set.queries[1], query=Query("another", query_id="q1", filters={"tenant": "a"}))
    changed = replace(query_set, queries=(query_set.queries[0], edited, *query_set.queries[2:]))
    run = EvaluationRun(pipeline(CountingRetriever()), changed, folder, reuse=True)
    drain(run)
    assert run.taken_over == 0
    assert run.traces[1].query == edited.query


def test_a_log_line_that_is_no_trace_is_named(query_set: QuerySet, folder: Path) -> None:
    drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))
    (log,) = folder.glob("*.jsonl")
    log.write_bytes(b"{}\n" + log.read_bytes())
    with pytest.raises(TraceError, match=r"jsonl:1: .*--fresh"):
        drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))


def test_a_stage_that_cannot_work_is_said_at_the_first_query(query_set: QuerySet, folder: Path) -> None:
    retriever = CountingRetriever(failing=lambda text: True)
    with pytest.raises(InputError, match="stage bm25 failed: no weights"):
        drain(EvaluationRun(pipeline(retriever), query_set, folder))
    assert retriever.calls == ["q0"]


def test_a_later_failure_is_kept_in_its_trace(query_set: QuerySet, folder: Path) -> None:
    retriever = CountingRetriever(failing=lambda text: len(text) == 3)
    traces = drain(EvaluationRun(pipeline(retriever), query_set, folder))
    assert [trace.rankings[0].status for trace in traces].count("failed:no weights") == 1


def test_stopping_keeps_what_is_done(query_set: QuerySet, folder: Path) -> None:
    retriever = CountingRetriever()
    run = EvaluationRun(pipeline(retriever), query_set, folder)
    with pytest.raises(Cancelled, match="run the same command again to resume"):
        for _ in run.iter_progress(cancelled=lambda: len(retriever.calls) >= 3):
            pass
    rest = CountingRetriever()
    second = EvaluationRun(pipeline(rest), query_set, folder)
    drain(second)
    assert (second.taken_over, rest.calls) == (2, ["q2", "q3", "q5"])


def test_two_processes_do_not_write_one_log(query_set: QuerySet, folder: Path) -> None:
    first = EvaluationRun(pipeline(CountingRetriever()), query_set, folder).iter_progress()
    for step in first:
        if step.stage == "queries":
            break
    with pytest.raises(WorkspaceBusy, match="another process"):
        drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))
    for _ in first:
        pass
    drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))


def test_collections_of_one_name_have_workspaces_of_their_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "data", tmp_path / "two" / "data"
    made = [collection_workspace(source, tmp_path / "work", Settings()) for source in (one, two, one)]
    assert made[0].folder == made[2].folder != made[1].folder
    assert all(workspace.folder.name.startswith("data-") for workspace in made)


def test_precision_is_decided_once_for_an_evaluation_and_its_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rankscope.stages.dense import precision

    speedups = iter([9.0, 0.1, 9.0])
    monkeypatch.setattr(precision, "read_facts", lambda name: {})
    monkeypatch.setattr(precision, "write_fact", lambda name, key, value: None)
    monkeypatch.setattr(precision, "bf16_speedup", lambda: next(speedups))
    auto = Settings().override("models", device="cpu")
    first = pinned_precision(tmp_path, auto)
    assert first.models.precision == "bf16"
    # The machine is loaded now and would be measured the other way.
    assert pinned_precision(tmp_path, auto) == first
    assert pinned_precision(tmp_path / "elsewhere", auto).models.precision == "fp32"
    explicit = auto.override("models", precision="fp32")
    assert pinned_precision(tmp_path, explicit) == explicit


def test_judgments_given_in_the_workspace_stand_above_the_files(files: tuple[Path, Path]) -> None:
    text = "x" * 5  # of q4, which the file does not judge
    stored = {"q0": {"d0": 0, "d9": 2}, text: {"d4": 1}, "unheard of": {"d1": 1}}
    loaded = load_query_set("c", *files, stored=stored)
    assert loaded.judgments.grades["q0"] == {"d0": 0, "d9": 2}
    assert loaded.judgments.grades["q4"] == {"d4": 1}
    alone = stored_query_set("c", {"carry over leave": {"a": 1}})
    assert [(item.query_id, item.query.text) for item in alone.queries] == [
        ("carry over leave", "carry over leave")
    ]


def test_a_variant_has_a_log_of_its_own_and_completes_its_traces(query_set: QuerySet, folder: Path) -> None:
    drain(EvaluationRun(pipeline(CountingRetriever()), query_set, folder))
    retriever = CountingRetriever()
    run = EvaluationRun(
        pipeline(retriever),
        query_set,
        folder,
        variant="depths",
        complete=lambda trace: replace(trace, attributes={"seen": True}),
    )
    assert all(trace.attributes == {"seen": True} for trace in drain(run))
    assert len(retriever.calls) == len(query_set.queries)
