from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.insight.floors.gather import Gathered, Selection, gather
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.stored import gather_stored
from rankscope.insight.floors.whatif import kept_ids, whatif
from rankscope.insight.judgments import Judgments
from rankscope.tracing import score_cache
from rankscope.tracing.store import TraceStore
from tests.insight.floors.scored_traces import MODEL, START, scored_trace

JUDGMENTS = Judgments({"a": {"a-1": 3, "a-2": 0}, "text of b": {"b-2": 1}, "e": {"e-1": 2}})


def mixed_traces() -> list[Trace]:
    """What a store may hold: several sources, partial and skipped lists, odd text, missing scores."""
    fused = Ranking("fusion", ScoreScale.RRF, (Hit("f-1", 1, 0.03), Hit("f-2", 2, 0.02)))
    rerank = PipelineInfo("sha256:w", "c sha256:2", {"rerank": {"windows": True}}, {"cross_encoder": MODEL})
    other = ModelInfo(MODEL.name, MODEL.revision, "bf16", 512, "sigmoid")
    return [
        scored_trace("a", [0.9, 0.4, None], number=9),
        scored_trace("b", [0.8, 0.7], number=1, query=Query("text of b", {"tenant": "x"}), top_k=None),
        scored_trace("c", [], number=2),
        scored_trace("d", [2.0, -1.0], scale=ScoreScale.LOGIT, number=3),
        scored_trace("e", [0.5], number=4, model=other, origin="import:trec"),
        scored_trace(
            "f", [], rankings=(fused, Ranking("rerank", ScoreScale.PROBABILITY, (), status="skipped:x"))
        ),
        scored_trace(
            "g",
            [],
            rankings=(
                fused,
                Ranking("rerank", ScoreScale.PROBABILITY, (Hit("f-2", 1, 0.5),), status="partial"),
            ),
        ),
        scored_trace("h", [], rankings=(Ranking("bm25", ScoreScale.BM25, (), status="failed:x"),)),
        scored_trace("i", [0.3], number=5, pipeline=rerank),
        scored_trace(
            "k",
            [],
            rankings=(Ranking("rerank", ScoreScale.PROBABILITY, (Hit("k-2", 2, 0.4), Hit("k-9", 9, 0.1))),),
        ),
        scored_trace("a", [0.2], number=10, trace_id="again"),
        scored_trace(
            "j",
            [0.6, 0.5],
            query=Query("\ud800 json"),
            documents={"j-1": Document("j-1", "\ud800xyz"), "j-2": Document("j-2", 'json:"a"')},
        ),
    ]


def plain(group: Observations) -> dict[str, Any]:
    """By trace id, in comparable form."""
    table: dict[str, Any] = {}
    for number, trace_id in enumerate(group.trace_ids):
        hits = slice(group.offsets[number], group.offsets[number + 1])
        table[trace_id] = (
            group.scores[hits].tolist(),
            group.grades[hits].tolist(),
            np.nan_to_num(group.sizes[hits], nan=-1).tolist(),
            list(group.doc_ids[hits]),
            group.top_ks[number],
            group.answerable[number],
            group.texts[number],
            group.created_at[number],
            group.strata[number] if group.strata else "",
            {
                other
                for other, query in zip(group.trace_ids, group.queries, strict=True)
                if query == group.queries[number]
            },
        )
    return table


def everything(found: Gathered) -> Any:
    groups = {
        group.source: (
            plain(group),
            group.relevant_from,
            group.borderline_grade,
            set(group.dtypes),
            set(group.corpora),
        )
        for group in found.groups
    }
    return groups, found.traces, found.without_order


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "traces.db"
    with TraceStore(path) as store:
        for trace in mixed_traces():
            store.append(trace)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"judgments": JUDGMENTS, "strata": {"a": "short", "text of b": "long"}},
        {"judgments": JUDGMENTS, "unjudged_as": 0, "relevant_from": 3, "borderline_grade": 2},
        {"judgments": JUDGMENTS, "selection": Selection(judged=True)},
        {"judgments": JUDGMENTS, "selection": Selection(judged=False)},
        {"selection": Selection(since=START + timedelta(minutes=2), before=START + timedelta(minutes=9))},
        {"selection": Selection(origin="import")},
        {"selection": Selection(fingerprint="sha256:w")},
        {"selection": Selection(stratum="short"), "strata": {"a": "short"}},
        {"selection": Selection(origin="nowhere")},
    ],
)
def test_it_is_what_gathering_the_traces_gives(database: Path, options: dict[str, Any]) -> None:
    assert everything(gather_stored(database, **options)) == everything(gather(mixed_traces(), **options))


def test_without_documents_scores_and_grades_are_the_same(database: Path) -> None:
    whole = gather_stored(database, judgments=JUDGMENTS)
    quick = gather_stored(database, judgments=JUDGMENTS, documents=False)
    for one, other in zip(whole.groups, quick.groups, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.grades, other.grades)
        assert other.doc_ids == ()
        assert whatif(one, 0.5).kept == whatif(other, 0.5).kept
        assert whatif(other, 0.5).characters_per_answer is None
    assert kept_ids(whole.groups[0], 0.45)[0] in (["a-1"], ["b-1", "b-2"])


def test_a_second_look_reads_the_cache_and_gives_the_same(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_cache, "_WORTH_WRITING", 1)
    path = tmp_path / "traces.db"
    path.write_bytes(database.read_bytes())
    cache = tmp_path / "traces.db-scores.npz"
    expected = everything(gather_stored(database))
    assert everything(gather_stored(path, selection=Selection(origin="import"))) != expected
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert everything(gather_stored(path)) == expected  # some cached, some read
    before = cache.read_bytes()
    assert everything(gather_stored(path)) == expected  # all cached
    assert cache.read_bytes() == before
    with TraceStore(path) as store:  # what is deleted and stored again is another seq
        store.prune(ids=["t-a", "t-i"])
        store.append(scored_trace("a", [0.11], number=9))
        store.append(scored_trace("z", [0.22]))
        store.flush()
        traces = list(store.iter_traces())
    assert everything(gather_stored(path)) == everything(gather(traces))


def test_a_cache_of_another_database_or_a_broken_one_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_cache, "_WORTH_WRITING", 1)
    made = []
    for name, score in (("one", 0.1), ("two", 0.2)):
        (tmp_path / name).mkdir()
        made.append(tmp_path / name / "traces.db")
        with TraceStore(made[-1]) as store:
            store.append(scored_trace(name, [score]))
        assert gather_stored(made[-1]).groups[0].scores.tolist() == [score]
    caches = [path.with_name("traces.db-scores.npz") for path in made]
    caches[1].write_bytes(caches[0].read_bytes())
    assert gather_stored(made[1]).groups[0].scores.tolist() == [0.2]
    for content in (b"", b"PK broken", caches[0].read_bytes()[:200]):
        caches[1].write_bytes(content)
        assert gather_stored(made[1]).groups[0].scores.tolist() == [0.2]
    np.savez(caches[1], seqs=np.array([1.0]), digests=np.zeros(1), offsets=np.zeros(2), scores=np.zeros(3))
    assert gather_stored(made[1]).groups[0].scores.tolist() == [0.2]


def test_traces_of_comparisons_count_only_where_they_are_named(tmp_path: Path) -> None:
    traces = [
        scored_trace("a", [0.9], number=1),
        scored_trace("a", [0.8], number=2, trace_id="b", origin="eval:ab"),
    ]
    path = tmp_path / "traces.db"
    with TraceStore(path) as store:
        for trace in traces:
            store.append(trace)
    named, others = Selection(origin="eval:ab"), Selection(origin="import")
    for chosen, expected in ((Selection(), 1), (Selection(judged=False), 1), (named, 1), (others, 0)):
        assert gather_stored(path, selection=chosen).traces == expected
        assert gather(traces, selection=chosen).traces == expected
    assert list(gather_stored(path).groups[0].trace_ids) == ["t-a"]
    assert list(gather_stored(path, selection=named).groups[0].trace_ids) == ["b"]
    assert gather(traces).traces == 2  # what is handed over is what was chosen
