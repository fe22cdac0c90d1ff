from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rankscope.core.documents import Document
from rankscope.engine.judging import Overview
from rankscope.insight.pooling import Candidate, Pool, Progress
from rankscope.tracing.judgment_log import JudgmentKind, StoredJudgment
from rankscope.tracing.stored_queries import StoredQuery
from rankscope.tui.judge_sentences import NOTHING_TO_JUDGE, grade_text, judge_sentence
from rankscope.tui.judge_state import JudgePhase, JudgeState

IDS = ("c", "a", "b")


def query(text: str, *doc_ids: str) -> StoredQuery:
    return StoredQuery(text, None, {}, (f"t-{text}",), doc_ids)


def judgment(text: str, doc_id: str, grade: int, judge: str = "ann", **values: Any) -> StoredJudgment:
    return replace(StoredJudgment(text, doc_id, grade, judge), **values)


def pool(text: str, *doc_ids: str) -> Pool:
    return Pool(text, tuple(Candidate(doc_id, Document(doc_id, "text"), "t") for doc_id in doc_ids), 1)


def ready(*judgments: StoredJudgment) -> JudgeState:
    queries = (query("one", *IDS), query("two", "a"), query("none"))
    state = JudgeState("ann").loaded(Overview(queries, judgments))
    assert state.query is not None
    return state.pooled(pool(state.query.text, *state.query.doc_ids))


def test_the_first_query_with_work_left_comes_up_at_its_first_ungraded_candidate() -> None:
    state = ready(judgment("one", "c", 2))
    assert (state.place, state.chosen) == (0, "a")
    assert (state.here, state.overall) == (Progress(1, 3), Progress(1, 4))
    done = ready(*(judgment("one", doc_id, 0) for doc_id in IDS))
    assert (done.place, done.chosen) == (1, "a")
    everything = ready(*(judgment("one", doc_id, 0) for doc_id in IDS), judgment("two", "a", 1))
    assert (everything.place, everything.chosen) == (0, "c")
    assert judge_sentence(everything).text == "Every candidate of every query is judged."


def test_grades_advance_to_the_next_ungraded_candidate_around_the_end() -> None:
    state = ready().stepped(1)
    assert state.chosen == "a"
    state = state.stored(judgment("one", "a", 3))
    assert state.chosen == "b"
    state = state.stored(judgment("one", "b", 0))
    assert state.chosen == "c"
    assert not state.here.finished
    state = state.stored(judgment("one", "c", 0))
    assert (state.chosen, state.here, state.overall) == ("c", Progress(3, 3), Progress(3, 4))
    assert "enter goes to the next query" in judge_sentence(state).text
    state = state.stored(judgment("one", "c", 1))
    assert state.overall == Progress(3, 4)
    assert "You had said 0 not relevant; the log keeps both." in judge_sentence(state).text


def test_undo_comes_back_to_the_candidate_wherever_it_is() -> None:
    state = ready().stored(judgment("one", "c", 3)).at(1)
    assert (state.chosen, state.pool) == ("", None)
    state = state.pooled(pool("two", "a")).taken_back(judgment("one", "c", 3), None)
    assert (state.place, state.chosen, state.pool) == (0, "c", None)
    state = state.pooled(pool("one", *IDS))
    assert (state.chosen, state.here, state.overall) == ("c", Progress(0, 3), Progress(0, 4))
    assert judge_sentence(state).text == "Took back 3 perfect for c: no grade of yours is left."
    regraded = ready(judgment("one", "c", 1)).stored(judgment("one", "c", 2))
    back = regraded.taken_back(judgment("one", "c", 2), judgment("one", "c", 1))
    assert (back.graded["c"].grade, back.overall) == (1, Progress(1, 4))
    assert judge_sentence(back).text == "Took back 2 relevant for c: 1 partly relevant holds again."
    elsewhere = back.taken_back(judgment("gone", "z", 2), None)
    assert (elsewhere.place, elsewhere.overall) == (0, Progress(1, 4))


def test_other_grades_show_only_beside_mine() -> None:
    state = ready(judgment("one", "c", 0, "ben"), judgment("one", "c", 2, "qrels"))
    assert state.differing("c") == ()
    state = state.stored(judgment("one", "c", 2))
    assert [item.judge for item in state.differing("c")] == ["ben"]
    sentence = judge_sentence(state)
    assert (sentence.tone, sentence.text) == (
        "warn",
        "c: 2 relevant. ben said 0 not relevant; both are kept, u takes yours back.",
    )
    assert state.next_conflict(0) == (0, "c")
    assert state.stored(judgment("one", "c", 0)).next_conflict(1) == (0, "c")
    assert ready().next_conflict(0) is None


def test_proposals_are_apart_from_grades() -> None:
    state = ready(judgment("one", "c", 3, "m", kind=JudgmentKind.PROPOSAL))
    assert (state.others, state.graded, state.overall) == ({}, {}, Progress(0, 4))
    found = state.proposal("c")
    assert found is not None
    assert found.grade == 3
    assert state.proposal("a") is None
    newer = state.proposed(judgment("one", "a", 1, "m", kind=JudgmentKind.PROPOSAL))
    assert {doc_id: item.grade for doc_id, item in newer.proposals["one"].items()} == {"c": 3, "a": 1}


def test_stepping_stays_within_the_candidates() -> None:
    state = ready()
    assert [state.stepped(by).chosen for by in (-1, 1, 9)] == ["c", "a", "b"]
    state = state.stored(judgment("one", "c", 1)).stepped(-1)
    assert state.chosen == "c"
    assert state.stepped(1, ungraded=True).chosen == "a"
    assert JudgeState("ann").stepped(1).chosen == ""


def test_a_late_pool_of_another_query_is_dropped() -> None:
    state = ready().at(1)
    assert state.pooled(pool("one", *IDS)).pool is None
    assert state.at(7) == state
    assert state.at(-1) == state


def test_reading_again_keeps_the_query() -> None:
    state = ready().at(1)
    again = state.loaded(Overview((query("new", "x"), *state.queries), ()))
    assert again.query is not None
    assert again.query.text == "two"
    gone = state.loaded(Overview((), ()))
    assert gone.phase is JudgePhase.EMPTY


def test_notes_wait_for_the_grade() -> None:
    state = ready().noted("only for adults")
    assert state.notes == {("one", "c"): "only for adults"}
    assert state.stored(judgment("one", "c", 1, note="only for adults")).notes == {}
    assert JudgeState("ann").noted("x").notes == {}


@pytest.mark.parametrize(
    ("state", "tone", "words"),
    [
        (JudgeState("ann"), "busy", "Reading the stored queries"),
        (JudgeState("ann").loaded(Overview((), ())), "warn", NOTHING_TO_JUDGE),
        (JudgeState("ann").refused("the file is damaged."), "bad", "the file is damaged."),
        (ready().failed("the disk is full"), "bad", "Not stored: the disk is full"),
        (ready().at(1), "busy", "Reading the candidates."),
        (ready(), "calm", "0 to 3"),
        (replace(ready(), problem="qrels:1"), "warn", "Earlier judgments are missing here: qrels:1"),
        (ready().at(2).pooled(pool("none")), "warn", "holds a document"),
    ],
)
def test_a_sentence_for_every_state(state: JudgeState, tone: str, words: str) -> None:
    sentence = judge_sentence(state)
    assert sentence.tone == tone
    assert words in sentence.text


def test_grades_have_words() -> None:
    assert [grade_text(judgment("q", "d", grade)) for grade in (0, 1, 2, 3, 7, -1)] == [
        "0 not relevant",
        "1 partly relevant",
        "2 relevant",
        "3 perfect",
        "7",
        "-1",
    ]
    assert grade_text(judgment("q", "d", 1, borderline=True)) == "1 borderline"
