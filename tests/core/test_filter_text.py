"""How filters are spelled, and what meets a filter that was recorded."""

from __future__ import annotations

import pytest

from rankscope.core.filter_text import filter_text, wanted_texts


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (2024.0, "2024"), (2024, "2024"), (0.5, "0.5"), ("True", "True")]
)
def test_values_are_spelled_as_the_index_spells_them(value: str | float | bool, text: str) -> None:
    assert filter_text(value) == text
    assert filter_text(value) in wanted_texts(str(value))


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        ("acme", {"acme"}),
        ("2024.0", {"2024.0", "2024"}),
        ("2024.5", {"2024.5"}),
        ('["acme", 2024.0, true, null]', {"acme", "2024", "true"}),
        ('{"$gte": 2020}', set()),
        ("['acme', 'beta']", set()),
        ("[]", set()),
        ("[" * 50_000 + "]" * 50_000, set()),
        ("[draft", {"[draft"}),
        ("", {""}),
    ],
)
def test_a_list_is_any_of_its_values_and_conditions_name_none(wanted: str, texts: set[str]) -> None:
    assert wanted_texts(wanted) == texts
