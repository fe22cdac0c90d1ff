from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Trace
from rankscope.engine.pipeline import finish
from rankscope.insight.floors.floor_table import FloorTable
from rankscope.insight.floors.gather import gather
from rankscope.insight.floors.whatif import consequences, curve, kept_ids, whatif
from rankscope.insight.judgments import Judgments
from rankscope.insight.significance import wilson
from tests.insight.floors.scored_traces import observed, random_judged, scored_trace

SCORES = st.one_of(
    st.none(), st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.4, 0.5, 1.0])
)  # repeated values meet the floor exactly


@st.composite
def traces(draw: st.DrawFn) -> list[Trace]:
    lists = draw(st.lists(st.lists(SCORES, max_size=8), min_size=1, max_size=6))
    made = []
    for number, drawn in enumerate(lists):
        scores = list(drawn)
        if draw(st.booleans()):  # most lists fall along their ranks, an import's may not
            scores.sort(key=lambda score: (score is None, -(score or 0)))
        made.append(scored_trace(f"q{number}", scores, top_k=draw(st.sampled_from([None, 1, 3, 10]))))
    return made


FLOORS = st.one_of(st.none(), st.floats(-0.1, 1.1), st.sampled_from([0.0, 0.25, 0.4, 0.5, 1.0]))


@settings(max_examples=120, deadline=None)
@given(traces(), FLOORS, FLOORS, st.sampled_from([None, 2, 5]), st.data())
def test_it_says_what_the_pipeline_then_does(
    made: list[Trace], floor: float | None, baseline: float | None, top_k: int | None, data: st.DataObject
) -> None:
    graded = {
        trace.query.query_id or "": {
            doc_id: data.draw(st.integers(0, 1)) for doc_id in trace.rankings[0].doc_ids[::2]
        }
        for trace in made
    }
    judgments = Judgments(graded)
    (group,) = gather(made, judgments=judgments).groups

    def replayed(value: float | None) -> list[Trace]:
        chosen = None if value is None else Floor(value, ScoreScale.PROBABILITY)
        ks = [trace.top_k if top_k is None else top_k for trace in made]
        return [finish(replace(trace, floor=chosen, top_k=k)) for trace, k in zip(made, ks, strict=True)]

    after, before = replayed(floor), replayed(baseline)
    said = whatif(group, floor, top_k, baseline=baseline)
    assert kept_ids(group, floor, top_k) == [list(trace.kept) for trace in after]
    assert said.kept == sum(len(trace.kept) for trace in after)
    assert said.kept + said.dropped == len(group.scores)
    assert said.answered == sum(trace.decision == "answer" for trace in after)
    refused = {
        new.trace_id
        for new, old in zip(after, before, strict=True)
        if (new.decision, old.decision) == ("refuse", "answer")
    }
    answered = {
        new.trace_id
        for new, old in zip(after, before, strict=True)
        if (new.decision, old.decision) == ("answer", "refuse")
    }
    assert {group.trace_ids[number] for number in said.new_refusals} == refused
    assert {group.trace_ids[number] for number in said.new_answers} == answered
    kept = {(trace.query.query_id or "", doc_id) for trace in after for doc_id in trace.kept}
    judged = {(query, doc_id): grade for query, known in graded.items() for doc_id, grade in known.items()}
    assert said.relevant == sum(judged.values())
    assert said.relevant_kept == sum(grade for pair, grade in judged.items() if pair in kept)
    assert said.junk_kept == sum(grade == 0 for pair, grade in judged.items() if pair in kept)
    assert said.unjudged_kept == len(kept - judged.keys())
    characters = sum(len(trace.documents[doc_id].text) for trace in after for doc_id in trace.kept)
    if said.answered:
        assert said.characters_per_answer == pytest.approx(characters / said.answered)


def test_rates_have_wilson_intervals() -> None:
    group = observed(
        {"a": [0.9, 0.5, 0.1], "b": [0.3, 0.2], "c": [0.8]}, {"a": {1: 1, 2: 0}, "b": {1: 1}, "c": {1: 0}}
    )
    said = whatif(group, 0.4)
    assert said.precision == wilson(1, 3)
    assert said.recall == wilson(1, 2)
    assert said.answer_rate == wilson(2, 3)
    assert said.answerable_answered == wilson(1, 2)
    assert said.unanswerable_answered == wilson(1, 1)
    assert (said.relevant_below_floor, said.junk_kept, said.unjudged_kept) == (1, 2, 0)
    assert said.kept_per_answer == 3 / 2
    assert said.characters_per_answer == (1 + 2 + 1) / 2


def test_the_curve_agrees_with_scikit_learn() -> None:
    group = random_judged(1, queries=40, depth=8)
    found = curve(FloorTable(group, top_k=8), points=10_000)
    precision, recall, floors = precision_recall_curve(group.relevant, group.scores)
    np.testing.assert_array_equal(found.floors, floors)
    np.testing.assert_allclose(found.precision, precision[:-1])
    np.testing.assert_allclose(found.recall, recall[:-1])
    assert np.all(np.diff(found.answer_rate) <= 0)


def test_no_judgments_leave_precision_and_recall_unknown() -> None:
    said = whatif(observed({"a": [0.9, 0.1]}), 0.5)
    assert (said.precision, said.recall, said.answerable_answered) == (None, None, None)
    assert said.as_json(observed({"a": [0.9, 0.1]}))["precision"] is None


def test_the_nearest_miss_is_listed_first() -> None:
    group = observed({name: [score] for name, score in [("a", 0.2), ("b", 0.39), ("c", 0.3), ("d", 0.9)]})
    said = consequences(FloorTable(group), 0.4, baseline=0.25)
    assert [group.texts[number] for number in said.new_refusals] == ["text of b", "text of c"]
    assert said.as_json(group, listed=1)["new_refusals"] == [{"trace": "t-b", "query": "text of b"}]
    assert said.as_json(group)["new_refusals_count"] == 2
