"""``rankscope index`` from the outside: a real process, one line for everything that is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rankscope.engine.workspace import Workspace

GOOD = [json.dumps({"_id": f"d{place}", "text": f"passage {place} about pumps"}) for place in range(10)]


def index(source: Path, workspace: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rankscope", "index", str(source), "--workspace", str(workspace)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=environment)


def broken(lines: dict[int, str | bytes]) -> bytes:
    """The good file with some lines (from 1) replaced."""
    rows: list[str | bytes] = list(GOOD)
    for number, row in lines.items():
        rows[number - 1] = row
    return b"\n".join(row.encode() if isinstance(row, str) else row for row in rows) + b"\n"


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("broken.jsonl", broken({7: '{"_id": "d6", "text": '}), "broken.jsonl:7: "),
        ("twice.jsonl", broken({7: GOOD[2]}), "twice.jsonl:7: "),
        ("empty.jsonl", broken({7: '{"_id": "d6", "text": "  "}'}), "empty.jsonl:7: "),
        ("long.jsonl", broken({7: json.dumps({"_id": "d6", "text": "x" * 2_000_000})}), "long.jsonl:7: "),
        ("bytes.jsonl", broken({7: b'{"_id": "d6", "text": "\xff\xfe"}'}), "bytes.jsonl:7: "),
        ("column.csv", b"id,body_text\n1,hello\n", "column.csv:1: "),
        ("nothing.jsonl", b"", "nothing.jsonl: "),
    ],
    ids=["broken", "twice", "empty", "too-long", "not-utf8", "no-column", "no-lines"],
)
def test_one_clear_line_and_nothing_half_indexed(
    tmp_path: Path, name: str, content: bytes, where: str
) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    result = index(source, tmp_path / "w")
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if line.startswith("rankscope: ")]
    assert len(lines) == 1
    assert where in lines[0]
    assert "Traceback" not in result.stderr
    assert Workspace(tmp_path / "w").generations.current() is None


def test_a_real_build_reports_and_a_second_one_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(3):
        text = f"# Pump {number}\n\nThe seal of pump {number} lasts two years. Replace it when it drips.\n"
        (folder / f"pump-{number}.md").write_text(text, encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    first = index(folder, tmp_path / "w")
    assert first.returncode == 0, first.stderr
    assert "Indexed 3 documents" in first.stdout
    assert "png" in first.stderr
    second = index(folder, tmp_path / "w")
    assert second.stdout.startswith("Nothing changed: 3 documents")
