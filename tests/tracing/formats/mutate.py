"""Lines of a log, damaged in the ways that logs are: cut, garbled, emptied, of other kinds, out of range."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

__all__ = ["mutated_lines"]

_VALUES: tuple[Any, ...] = (
    *(
        None,
        "",
        "x",
        0,
        -1,
        1,
        10**30,
        1e308,
        -0.0,
        0.5,
        True,
        False,
        [],
        {},
        [None],
        [[]],
        {"a": 1},
        [1, "a"],
    ),
    *(
        "NaN",
        "\ud800",
        "\u202e\x1b[31m",
        "[]",
        "{}",
        "[1,",
        "2026-13-45",
        "1e999",
        float("nan"),
        float("inf"),
    ),
    *(["a", "b"], [{"id": "a"}], {"text": "t"}, "9" * 400, 2**63, -(2**70)),
)
_BYTES = ("\x00", "\x1b", '"', "{", "}", "[", "]", ",", ":", "\\", "\t", " ", "\udcff", "é", "\u2028", "\r")


def mutated_lines(lines: list[str], count: int, seed: int) -> Iterator[str]:
    """``count`` lines made from ``lines``; about one in five is left whole. None holds a line feed."""
    chance = random.Random(seed)
    for _ in range(count):
        line = chance.choice(lines)
        kind = chance.random()
        if kind >= 0.2:
            line = _in_structure(line, chance) if kind < 0.6 else _in_text(line, chance)
        yield line.replace("\n", " ")


def _in_text(line: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(line))
        end = min(len(line), start + chance.choice((0, 1, 1, 3, 20, 200)))
        kind = chance.randint(0, 4)
        if kind == 0:
            line = line[:start] + line[end:]
        elif kind == 1:
            line = line[:start] + chance.choice(_BYTES) + line[start:]
        elif kind == 2:
            line = line[:start]
        elif kind == 3:
            line = line[:start] + line[start:end] * 2 + line[end:]
        else:
            line = line[:start] + str(chance.choice(_VALUES)) + line[end:]
    return line


def _in_structure(line: str, chance: random.Random) -> str:
    """The line with some of its values replaced, where it is JSON."""
    try:
        value = json.loads(line)
    except ValueError:
        return _in_text(line, chance)
    for _ in range(chance.randint(1, 3)):
        value = _replaced(value, chance)
    return json.dumps(value)


def _replaced(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.1:
            return {name: item for name, item in value.items() if name != key}
        return {**value, key: _replaced(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [_replaced(item, chance) if at == place else item for at, item in enumerate(value)]
    return chance.choice(_VALUES)
