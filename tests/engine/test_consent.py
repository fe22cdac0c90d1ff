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


def test_taken_back_for_one_service_whatever_its_key_and_for_no_other(tmp_path: Path, given: Consent) -> None:
    mine = tmp_path / "mine"
    bare = replace(given, key_env="")
    other = replace(given, endpoint="https://other.example")
    elsewhere = replace(given, workspace="/elsewhere")
    consents = Consents(tmp_path)
    for consent in (given, bare, other, elsewhere):
        consents.give(consent)
    assert consents.take_back(mine, given.endpoint) == [given, bare]
    assert consents.take_back(mine, given.endpoint) == []
    assert [consents.holds(item) for item in (given, bare, other, elsewhere)] == [False, False, True, True]
    assert consents.take_back(mine) == [other]  # no service is named any more
    assert consents.holds(elsewhere)


def test_nothing_given_is_nothing_to_take_back_and_makes_no_folder(tmp_path: Path) -> None:
    assert Consents(tmp_path / "none").take_back(tmp_path) == []
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_read_now_is_not_said_to_be_taken_back(tmp_path: Path, given: Consent) -> None:
    (tmp_path / "consents.json").mkdir()
    assert not Consents(tmp_path).holds(given)
    with pytest.raises(OSError, match="directory"):
        Consents(tmp_path).take_back(tmp_path / "mine")


def test_one_given_meanwhile_brings_none_back(
    tmp_path: Path, given: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(given, endpoint="https://other.example")
    Consents(tmp_path).give(given)
    taking = threading.Thread(target=Consents(tmp_path).take_back, args=(tmp_path / "mine", given.endpoint))
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
