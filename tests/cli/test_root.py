"""The entry point: exit statuses, Ctrl-C, colour."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from rankscope.cli import colour
from rankscope.cli.root import main
from rankscope.tracing.formats import registry
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.store import TraceStore
from tests.insight.findings.scripted_traces import ranking, trace_of

SMALL = trace_of(ranking("bm25", "bm25", "ab"))


def status_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["rankscope", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def many(path: Path, count: int) -> Path:
    path.write_text("\n".join(dumps(replace(SMALL, trace_id=f"t{n:04}")) for n in range(count)))
    return path


def test_ctrl_c_ends_with_130_and_keeps_what_was_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rankscope.toml").touch()
    log = many(tmp_path / "log.jsonl", 600)
    plain = registry.read_lines

    def until_ctrl_c(*arguments: Any, **options: Any) -> Iterator[Any]:
        for number, record in enumerate(plain(*arguments, **options)):
            if number == 400:
                raise KeyboardInterrupt
            yield record

    monkeypatch.setattr(registry, "read_lines", until_ctrl_c)
    assert status_of(monkeypatch, "-w", str(tmp_path), "traces", "import", str(log)) == 130
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("rankscope: stopped; what was stored")
    with TraceStore(tmp_path / "traces.db") as store:
        assert store.count() == 256


def test_a_question_answered_with_no_is_no_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rankscope.toml").touch()
    with TraceStore(tmp_path / "traces.db") as store:
        store.append(SMALL)
    prune = ("-w", str(tmp_path), "traces", "prune", "--keep", "0")

    def answer(text: str) -> None:
        monkeypatch.setattr(click.termui, "visible_prompt_func", lambda prompt: text)

    answer("n")
    assert status_of(monkeypatch, *prune) == 1
    assert "nothing was done" in capsys.readouterr().err

    def ctrl_c(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.termui, "visible_prompt_func", ctrl_c)
    assert status_of(monkeypatch, *prune) == 130
    answer("y")
    assert status_of(monkeypatch, *prune) == 0


def test_bad_usage_and_failed_checks_keep_their_statuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rankscope.toml").touch()
    assert status_of(monkeypatch, "check", "--no-such-option") == 2
    assert "No such option" in capsys.readouterr().err
    assert status_of(monkeypatch, "-w", str(tmp_path / "nowhere"), "check") == 2
    assert status_of(monkeypatch, "--version") == 0
    path = tmp_path / "log.jsonl"
    path.write_text(dumps(trace_of(ranking("rerank", "probability", {"a": 3.0}))) + "\n")
    assert status_of(monkeypatch, "-w", str(tmp_path), "check", str(path)) == 1


def test_colour_is_left_out_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colour.coloured("error", "red") == "error"  # a captured stdout is no terminal
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert colour.coloured("error", "red") == click.style("error", fg="red")
    assert colour.coloured("error", None) == "error"
    monkeypatch.setenv("NO_COLOR", "1")
    assert colour.coloured("error", "red") == "error"


def test_no_command_colours_by_itself() -> None:
    folder = Path(colour.__file__).parent
    others = [path.name for path in folder.glob("*.py") if "click.style" in path.read_text(encoding="utf-8")]
    assert others == ["colour.py"]


def test_names_of_folders_reach_no_terminal_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a\x1b]0;gone\x07"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "text": ""}\n', encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "one"}\n', encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("q1\td1\t1\n", encoding="utf-8")
    command = ("eval", "--collection", str(folder), "--work", str(tmp_path / "work"))
    assert status_of(monkeypatch, "-w", str(tmp_path), *command) == 2
    printed = capsys.readouterr()
    assert "indexing ..." in printed.err
    assert not {"\x1b", "\x07"} & set(printed.out + printed.err)
