"""The sample workflow: its commands and options exist, and it is YAML's plain shape."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from rankscope.cli.root import cli

TEXT = (Path(__file__).parent.parent / ".github" / "ranking-gate.md").read_text(encoding="utf-8")
FOLDED = re.sub(r">\n((?: {10}\S.*\n)+)", lambda match: " ".join(match[1].split()) + "\n", TEXT)
COMMANDS = re.findall(r"(?:^\$ |run: |&& )(rankscope [^\n]*)", FOLDED, flags=re.MULTILINE)


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) == 8


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_and_option_exists(line: str) -> None:
    words = shlex.split(re.split(r" >>? ", line)[0])[1:]
    if words[0] == "-w":
        words = words[2:]
    context = click.Context(cli)
    command = cli.get_command(context, words[0])
    assert command is not None, words[0]
    known = {name for parameter in command.params for name in parameter.opts}
    asked = [word for word in words[1:] if word.startswith("-")]
    assert set(asked) <= known | {"--workspace"}
