"""The workflow that the README shows does what the README says."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import click
import pytest

from rankscope.cli.root import cli, main

ROOT = Path(__file__).resolve().parents[1]


def workflow_commands() -> dict[str, list[str]]:
    """The ``rankscope`` steps of the workflow, by subcommand."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = [part for part in re.findall(r"```yaml\n(.*?)```", readme, re.S) if "rankscope check" in part]
    steps = [shlex.split(line) for line in re.findall(r"- run: (rankscope .*)", block)]
    return {words[1]: words[1:] for words in steps}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the files that the workflow names."""
    (tmp_path / "logs").mkdir()
    shutil.copy(ROOT / "traces" / "planted.jsonl", tmp_path / "logs" / "nightly.jsonl")
    shutil.copy(ROOT / "sample_corpus" / "qrels" / "test.tsv", tmp_path / "qrels.tsv")
    shutil.copy(ROOT / "sample_corpus" / "queries.jsonl", tmp_path)
    shutil.copy(ROOT / "sample_corpus" / "corpus.jsonl", tmp_path)
    (tmp_path / "baseline.json").write_text("{}", encoding="utf-8")
    (tmp_path / "rankscope.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status_of(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["rankscope", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_the_check_fails_the_build_and_annotates_the_log(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = workflow_commands()["check"]
    assert status_of(monkeypatch, words) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(
        re.match(r"::error file=logs/nightly\.jsonl,line=\d+,title=RS301 recall-miss::", x) for x in lines
    )
    assert not any("title=RS402" in line for line in lines)
    log = repository / "logs" / "nightly.jsonl"
    good = [line for line in log.read_text(encoding="utf-8").splitlines() if "planted-rs402" in line]
    log.write_text("\n".join(good), encoding="utf-8")
    assert status_of(monkeypatch, words) == 0
    assert capsys.readouterr().out == ""


def test_every_step_is_a_command_with_options_that_exist(repository: Path) -> None:
    commands = workflow_commands()
    assert set(commands) == {"check", "index", "eval"}
    for name, words in commands.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        command.make_context(name, words[1:])
