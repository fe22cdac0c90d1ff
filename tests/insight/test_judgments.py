"""What judgments say about a query."""

from __future__ import annotations

from rankscope.insight.judgments import Judgments

JUDGMENTS = Judgments({"good": {"a": 3, "b": 3, "c": 1, "d": 0}, "none": {"a": 0}, "blank": {}})


def test_judged_answerable_and_unknown_queries_are_told_apart() -> None:
    told = {
        key: (JUDGMENTS.is_judged(key), JUDGMENTS.is_answerable(key))
        for key in ("good", "none", "blank", "?")
    }
    assert told == {
        "good": (True, True),
        "none": (True, False),
        "blank": (False, False),
        "?": (False, False),
    }


def test_relevant_and_best_documents() -> None:
    assert JUDGMENTS.relevant("good") == {"a", "b", "c"}
    assert JUDGMENTS.best("good") == {"a", "b"}
    assert JUDGMENTS.best("none") == JUDGMENTS.best("?") == frozenset()


def test_the_lowest_relevant_grade_decides() -> None:
    strict = Judgments({"q": {"a": 1, "b": 2}}, relevant_from=3)
    assert not strict.is_answerable("q")
    assert strict.best("q") == frozenset()


def test_a_selection_keeps_grades_and_threshold() -> None:
    part = Judgments(JUDGMENTS.grades, relevant_from=2).only(["good", "?"])
    assert (set(part.grades), part.relevant_from, part.count) == ({"good"}, 2, 4)
    assert part.doc_ids == {"a", "b", "c", "d"}
