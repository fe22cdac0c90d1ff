"""What a settings file, which may be somebody else's, can make a judge send."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rankscope.adapters.openai_judge import OpenAiJudge
from rankscope.config import JudgeSettings
from rankscope.engine.proposing import model_judge
from rankscope.errors import SettingsError


def made(folder: Path, **settings: str) -> OpenAiJudge:
    chosen = JudgeSettings(**{"endpoint": "https://judge.example/v1", "model": "m", **settings})  # type: ignore[arg-type]  # texts alone
    return model_judge(chosen, folder, threading.Event())


@pytest.mark.parametrize(
    "name", ["HOME", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "RANKSCOPE_JUDGE_", "XRANKSCOPE_JUDGE_KEY"]
)
def test_no_other_variable_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret")
    with pytest.raises(SettingsError, match="expected a name such as RANKSCOPE_JUDGE_KEY") as caught:
        made(tmp_path, key_env=name)
    assert "secret" not in str(caught.value)


def test_variables_meant_for_it_are_sent_and_none_need_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RANKSCOPE_JUDGE_KEY", raising=False)
    monkeypatch.setenv("RANKSCOPE_JUDGE_OPENAI", "secret")
    assert made(tmp_path, key_env="RANKSCOPE_JUDGE_OPENAI").sends_key
    assert not made(tmp_path).sends_key
    assert not made(tmp_path, key_env="").sends_key


def test_a_rubric_lies_in_the_workspace(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    (folder / "sub").mkdir(parents=True)
    outside = tmp_path / "outside.md"
    outside.write_text("private")
    (folder / "link.md").symlink_to(outside)
    (folder / "sub" / "rubric.md").write_text("grade it")
    (folder / "inside.md").symlink_to(folder / "sub" / "rubric.md")
    for rubric in (str(outside), "../outside.md", "sub/../../outside.md", "link.md"):
        with pytest.raises(SettingsError, match="outside the workspace"):
            made(folder, rubric=rubric)
    names = {made(folder, rubric=name).name for name in ("sub/rubric.md", "inside.md")}
    assert len(names) == 1
    assert made(folder).name not in names


@pytest.mark.parametrize(
    ("rubric", "reason"),
    [
        ("absent.md", "cannot be read"),
        (".", "is no file"),
        ("empty.md", "is empty"),
        ("a\0b", "cannot be read"),
    ],
)
def test_a_rubric_that_cannot_be_used_is_said(tmp_path: Path, rubric: str, reason: str) -> None:
    (tmp_path / "empty.md").write_text(" \n")
    with pytest.raises(SettingsError, match=reason):
        made(tmp_path, rubric=rubric)
