"""Markdown to sections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.corpus.markdown import fenced_spans, front_matter, sections


def outline(text: str) -> list[tuple[str, str]]:
    return [(" > ".join(part.headings), text[part.start : part.end].strip()) for part in sections(text)]


def test_headings_nest_by_level() -> None:
    text = "intro\n# Guide\nwelcome\n## Install ##\nrun it\n### Linux\napt\n## Use\ngo\n# FAQ\nwhy"
    assert outline(text) == [
        ("", "intro"),
        ("Guide", "welcome"),
        ("Guide > Install", "run it"),
        ("Guide > Install > Linux", "apt"),
        ("Guide > Use", "go"),
        ("FAQ", "why"),
    ]


def test_underlined_headings_count() -> None:
    assert outline("Guide\n=====\nwelcome\nInstall\n---\nrun\r\n") == [
        ("", ""),
        ("Guide", "welcome"),
        ("Guide > Install", "run"),
    ]


def test_code_and_rules_are_no_headings() -> None:
    text = "# A\n```sh\n# not a heading\n```\n~~~\n## nor this\n\n---\n\n#nor #this\n- item\n---\n"
    assert [part.headings for part in sections(text)] == [(), ("A",)]


def test_a_heading_with_parts_is_told_from_an_empty_one() -> None:
    found = sections("# A\n## B\n## C\ntext")
    assert [(part.headings[-1:], part.has_parts) for part in found] == [
        ((), False),
        (("A",), True),
        (("B",), False),
        (("C",), False),
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('---\ntitle: "The Guide"\nyear: 2023\n# note\n\n---\nbody', {"title": "The Guide", "year": "2023"}),
        ("---\ntags:\n  - a\n---\nbody", {}),
        ("---\nlist: [a, b]\n---\nbody", {}),
        ("---\njust a rule\n---\nbody", {}),
        ("---\nopen: yes\nbody", {}),
        ("body\n---\na: b\n---\n", {}),
    ],
)
def test_only_plain_front_matter_is_taken_out(text: str, values: dict[str, str]) -> None:
    front = front_matter(text)
    assert front.values == values
    assert text[front.end :] == ("body" if values else text)


def test_fences_close_with_their_own_mark() -> None:
    text = "a\n````\n```\n````\nb\n~~~ py\n```\n"
    assert [text[start:end] for start, end in fenced_spans(text)] == ["````\n```\n````", "~~~ py\n```\n"]


@given(st.text(alphabet=st.sampled_from("#=-`~ab \n\r.>*1"), max_size=80))
def test_sections_leave_out_nothing_but_headings(text: str) -> None:
    place = 0
    for part in sections(text):
        assert place <= part.start <= part.end
        between = text[place : part.start]
        assert not between.strip() or "#" in between or set(between.split()[-1]) <= set("=-")
        place = part.end
    assert place == len(text)
