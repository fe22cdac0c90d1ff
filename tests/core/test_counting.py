"""Counts in sentences."""

import pytest

from rankscope.core.counting import counted


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 traces"), (1, "1 trace"), (2, "2 traces"), (1204, "1,204 traces")]
)
def test_only_one_is_singular(count: int, said: str) -> None:
    assert counted(count, "trace") == said


def test_other_plurals_and_verbs_are_spelled_out() -> None:
    assert counted(1, "query is", "queries are") == "1 query is"
    assert counted(3, "query is", "queries are") == "3 queries are"
