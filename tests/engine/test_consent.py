"""What a person agreed to: remembered by workspace, service and key, privately, and taken back."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from rankscope.engine.consent import Consent, Consents


@pytest.fixture
def given(tmp_path: Path) -> Consent:
    return Consent.of(tmp_path / "mine", "https://judge.example/v1", "RANKSCOPE_JUDGE_KEY")


def test_a_consent_is_remembered_by_the_next_start(tmp_path: Path, given: Consent) -> None:
    assert not Consents(tmp_path).holds(given)
    Consents(tmp_path).give(given)
    Consents(tmp_path).give(given)
    assert Consents(tmp_path).holds(given)
    assert stat.S_IMODE((tmp_path / "consents.json").stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "consents.json"]


def test_another_workspace_service_or_key_is_another_matter(tmp_path: Path, given: Consent) -> None:
    consents = Consents(tmp_path)
    consents.give(given)
    for name, value in (
        ("workspace", "/elsewhere"),
        ("endpoint", "https://judge.example/v2"),
        ("key_env", "RANKSCOPE_JUDGE_OTHER"),
    ):
        assert not consents.holds(replace(given, **{name: value}))


def test_the_same_folder_by_another_path_is_the_same(tmp_path: Path, given: Consent) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert Consent.of(tmp_path / "link", given.endpoint, given.key_env) == given


def test_taken_back_alone(tmp_path: Path, given: Consent) -> None:
    other = replace(given, endpoint="https://other.example")
    consents = Consents(tmp_path)
    consents.give(given)
    consents.give(other)
    assert consents.take_back(given)
    assert not consents.take_back(given)
    assert (consents.holds(given), consents.holds(other)) == (False, True)


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"workspace": "/"}]', '{"a": 1}', "null", '[{"x": 1}]'])
def test_a_damaged_file_holds_no_consent_and_is_replaced(tmp_path: Path, given: Consent, text: str) -> None:
    (tmp_path / "consents.json").write_text(text)
    assert not Consents(tmp_path).holds(given)
    Consents(tmp_path).give(given)
    assert Consents(tmp_path).holds(given)
