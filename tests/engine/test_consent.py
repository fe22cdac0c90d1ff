"""What a person agreed to: remembered by workspace, service and key, privately, and taken back."""

from __future__ import annotations

import os
import stat
import threading
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
    assert {item.name: stat.S_IMODE(item.stat().st_mode) for item in tmp_path.iterdir()} == {
        "consents.json": 0o600,
        "consents.json.lock": 0o600,
    }


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


def test_one_given_meanwhile_brings_none_back(
    tmp_path: Path, given: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(given, endpoint="https://other.example")
    Consents(tmp_path).give(given)
    taking = threading.Thread(target=Consents(tmp_path).take_back, args=(given,))
    read = Consents._read

    def read_and_be_overtaken(consents: Consents) -> list[Consent]:
        known = read(consents)
        if threading.current_thread() is threading.main_thread() and not taking.ident:
            taking.start()
            taking.join(0.1)  # without a lock it has written now; with one it waits
        return known

    monkeypatch.setattr(Consents, "_read", read_and_be_overtaken)
    Consents(tmp_path).give(other)
    taking.join()
    assert (Consents(tmp_path).holds(given), Consents(tmp_path).holds(other)) == (False, True)


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, given: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    consents = Consents(tmp_path)
    consents.give(given)
    before = sorted(tmp_path.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("rankscope.engine.consent.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        consents.give(replace(given, key_env=""))
    assert sorted(tmp_path.iterdir()) == before
    assert consents.holds(given)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '[{"workspace": "/"}]', '{"a": 1}', "null", '[{"x": 1}]', "[" * 100_000]
)
def test_a_damaged_file_holds_no_consent_and_is_replaced(tmp_path: Path, given: Consent, text: str) -> None:
    (tmp_path / "consents.json").write_text(text)
    assert not Consents(tmp_path).holds(given)
    Consents(tmp_path).give(given)
    assert Consents(tmp_path).holds(given)
