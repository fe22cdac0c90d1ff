from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from rankscope.core.scales import ScoreScale, logit
from rankscope.core.trace import Hit, ModelInfo, PipelineInfo, Ranking
from rankscope.errors import ScaleError, UsageError
from rankscope.insight.floors.distributions import histogram, on_axis, values_of
from rankscope.insight.floors.gather import Selection, gather, grade_meaning
from rankscope.insight.judgments import Judgments
from tests.insight.floors.scored_traces import MODEL, START, observed, scored_trace


def test_scales_and_models_are_never_mixed() -> None:
    other = ModelInfo("other", "sha256:9", "fp32", 512, "sigmoid")
    again = ModelInfo(MODEL.name, MODEL.revision, "bf16", 512, "sigmoid")
    skipped = scored_trace(
        "e",
        [],
        rankings=(
            Ranking("fusion", ScoreScale.RRF, (Hit("e-1", 1, 0.03),)),
            Ranking("rerank", ScoreScale.PROBABILITY, (), status="skipped:few"),
        ),
    )
    found = gather(
        [
            scored_trace("a", [0.9, 0.1]),
            scored_trace("b", [2.0, -1.0], scale=ScoreScale.LOGIT),
            scored_trace("c", [0.8], model=other),
            scored_trace("d", [0.7], model=again),
            skipped,
            scored_trace("f", [], rankings=()),
        ]
    )
    tables = {
        (group.source.stage, group.score_scale.value, group.source.model.name): list(group.trace_ids)
        for group in found.groups
    }
    assert tables == {
        ("rerank", "probability", "tiny-reranker"): ["t-a", "t-d"],
        ("rerank", "logit", "tiny-reranker"): ["t-b"],
        ("rerank", "probability", "other"): ["t-c"],
        ("fusion", "rrf", ""): ["t-e"],
    }
    assert (found.traces, found.without_order) == (6, 1)
    assert found.groups[0].dtypes == ("fp32", "bf16")  # rounding only: same table, but said


def test_windows_on_and_off_are_two_sources() -> None:
    def info(windows: bool) -> PipelineInfo:
        return PipelineInfo(models={"cross_encoder": MODEL}, settings={"rerank": {"windows": windows}})

    traces = [scored_trace(str(flag), [0.5], pipeline=info(flag)) for flag in (True, False)]
    assert [group.source.windows for group in gather(traces).groups] == [True, False]


def test_selections() -> None:
    traces = [
        scored_trace("a", [0.9], number=0),
        scored_trace("b", [0.8], number=1, origin="import:trec"),
        scored_trace("c", [0.7], number=2, origin="importer", pipeline=PipelineInfo("sha256:zzz")),
    ]

    def ids(**limits: object) -> list[str]:
        chosen = gather(
            traces,
            judgments=Judgments({"a": {"a-1": 0}, "text of b": {"b-1": 1}}),
            strata={"a": "short"},
            selection=Selection(**limits),  # type: ignore[arg-type]
        )
        return [trace_id for group in chosen.groups for trace_id in group.trace_ids]

    assert ids(since=START + timedelta(minutes=1)) == ["t-b", "t-c"]
    assert ids(before=START + timedelta(minutes=1)) == ["t-a"]
    assert ids(origin="import") == ["t-b"]
    assert ids(origin="import:trec") == ["t-b"]
    assert ids(fingerprint="sha256:z") == ["t-c"]
    assert ids(stratum="short") == ["t-a"]
    assert ids(judged=True) == ["t-a", "t-b"]
    assert ids(judged=False) == ["t-c"]


def test_grades_say_what_is_relevant_and_what_is_borderline() -> None:
    assert grade_meaning(None) == (1, None)
    assert grade_meaning(Judgments({"q": {"a": 1, "b": 0}})) == (1, None)
    assert grade_meaning(Judgments({"q": {"a": 1, "b": 3}})) == (2, 1)


def test_unjudged_documents_stay_unknown_unless_told() -> None:
    rows, grades = {"a": [0.9, 0.5], "b": [0.4]}, {"a": {1: 1}}
    assert observed(rows, grades).judged.tolist() == [True, False, False]
    assert observed(rows, grades, unjudged_as=0).judged.tolist() == [True, True, False]


def test_what_is_counted() -> None:
    long = [1.0 - rank / 20 for rank in range(12)]
    group = observed({"a": long, "b": [0.5, None], "c": [], "d": [None]})
    assert values_of(group, "all")[0].tolist() == [*long, 0.5]
    assert values_of(group, "top")[0].tolist() == [1.0, 0.5]
    assert values_of(group, "at-k", rank=2)[0].tolist() == [1.0 - 1 / 20]
    assert values_of(group, "at-k")[0].tolist() == [1.0 - 9 / 20]
    assert values_of(group, "gap")[0].tolist() == pytest.approx([9 / 20])
    found = histogram(group, "top", bins=4)
    assert found.edges.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found.counts.tolist() == [0, 0, 1, 1]
    assert found.left_out == 2
    with pytest.raises(UsageError, match="unknown distribution 'median'"):
        values_of(group, "median")  # type: ignore[arg-type]


def test_counts_by_judgment_add_up() -> None:
    group = observed({"a": [0.9, 0.6, 0.3, 0.1]}, {"a": {1: 3, 2: 1, 3: 0}})
    found = histogram(group, bins=10)
    assert {name: int(counts.sum()) for name, counts in found.by_judgment.items()} == {
        "relevant": 1,
        "borderline": 1,
        "not relevant": 1,
        "unjudged": 1,
    }
    np.testing.assert_array_equal(sum(found.by_judgment.values()), found.counts)


def test_bins_are_those_of_numpy_on_both_axes() -> None:
    draws = np.random.default_rng(1).beta(2, 5, 500)
    group = observed({"a": sorted(draws.tolist(), reverse=True)})
    for axis in ("probability", "logit"):
        found = histogram(group, axis=axis, bins=37)
        expected, edges = np.histogram(
            on_axis(draws, ScoreScale.PROBABILITY, axis), bins=37, range=(found.edges[0], found.edges[-1])
        )
        np.testing.assert_array_equal(found.counts, expected)
        np.testing.assert_allclose(found.edges, edges)
    assert on_axis(np.array([0.25]), ScoreScale.PROBABILITY, "logit")[0] == pytest.approx(logit(0.25))
    assert on_axis(np.array([0.0]), ScoreScale.LOGIT, "probability")[0] == 0.5


def test_other_scales_have_no_logit_axis() -> None:
    group = observed({"a": [12.0, 3.0]}, scale=ScoreScale.BM25)
    assert histogram(group, bins=3).counts.tolist() == [1, 0, 1]
    with pytest.raises(ScaleError, match="scores on the bm25 scale cannot be shown on a logit axis"):
        histogram(group, axis="logit")


def test_nothing_to_count_is_an_empty_histogram() -> None:
    group = observed({"a": [None], "b": []})
    found = histogram(group, bins=5)
    assert found.counts.tolist() == [0] * 5
    assert found.left_out == 1


def test_taking_traces_keeps_hits_with_their_trace() -> None:
    group = observed({"a": [0.9, 0.8], "b": [], "c": [0.5, 0.4, 0.3]}, {"c": {2: 1}})
    part = group.take(np.array([2, 0]))
    assert part.scores.tolist() == [0.5, 0.4, 0.3, 0.9, 0.8]
    assert part.doc_ids == ["c-1", "c-2", "c-3", "a-1", "a-2"]
    assert part.relevant.tolist() == [False, True, False, False, False]
    assert part.positions.tolist() == [1, 2, 3, 1, 2]
    assert part.top_scores.tolist() == [0.5, 0.9]
    assert group.take(np.array([False, True, False])).top_scores.tolist() == [-np.inf]
