"""Changing a few keys of ``rankscope.toml`` and nothing else: comments, order and spacing stay.

The standard library reads TOML and does not write it. The edit works on lines, and its result is read back
and compared with what was meant before anything is written, so that no way of writing TOML can be misread.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankscope.config import parse_toml
from rankscope.errors import SettingsError

__all__ = ["edited_settings", "write_settings"]

_HEADER = re.compile(r"^\s*\[([^\[\]]+)\]\s*(#.*)?$")
_ASSIGNMENT = re.compile(
    r"""^(?P<head>\s*(?P<key>[A-Za-z0-9_-]+)\s*=\s*)
    (?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^#"'\s\[{][^#]*?)
    (?P<tail>\s*(?:\#.*)?)$""",
    re.VERBOSE,
)


def edited_settings(text: str, section: str, values: Mapping[str, str | float | int]) -> str:
    """``text`` with these keys of ``[section]`` replaced or added, everything else as it was.

    Raises SettingsError where that cannot be done line by line; the message says what to write by hand.
    """
    expected = parse_toml(text)
    expected[section] = {**expected.get(section, {}), **values}
    ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(ending)
    start, end = _section_lines(lines, section)
    if start is None:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += [*([""] if lines else []), f"[{section}]", *(_line(*item) for item in values.items()), ""]
    else:
        missing = dict(values)
        for place in range(start, end):
            match = _ASSIGNMENT.match(lines[place])
            if match is not None and match["key"] in missing:
                lines[place] = f"{match['head']}{_toml(missing.pop(match['key']))}{match['tail']}"
        while end > start and not lines[end - 1].strip():
            end -= 1
        lines[end:end] = [_line(*item) for item in missing.items()]
    result = ending.join(lines)
    if not _means(result, expected):
        by_hand = ", ".join(_line(*item) for item in values.items())
        raise SettingsError(
            f"[{section}] is written in a way that cannot be edited safely.",
            remedy=f"Write it yourself: {by_hand}.",
        )
    return result


def write_settings(path: Path, section: str, values: Mapping[str, str | float | int]) -> None:
    """Edit the file at ``path``, which need not exist yet; it is whole at every moment.

    Raises SettingsError for a file that is not valid TOML or cannot be edited.
    """
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
        new = edited_settings(text, section, values)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from error
    except SettingsError as error:
        raise SettingsError(f"{path}: {error.message}", remedy=error.remedy) from error
    if new == text:
        return
    target = path.resolve()  # a link stays a link
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            Path(temporary).chmod(target.stat().st_mode & 0o7777)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _section_lines(lines: list[str], section: str) -> tuple[int | None, int]:
    """Where the lines below ``[section]`` start and end."""
    start: int | None = None
    for place, line in enumerate(lines):
        if start is not None and line.lstrip().startswith("["):
            return start, place
        match = _HEADER.match(line)
        if match is not None and match[1].strip() == section:
            start = place + 1
    return start, len(lines)


def _means(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return parse_toml(text) == expected
    except tomllib.TOMLDecodeError:
        return False


def _line(key: str, value: str | float | int) -> str:
    return f"{key} = {_toml(value)}"


def _toml(value: str | float | int) -> str:
    """A value as TOML writes it; floats keep every digit."""
    if isinstance(value, str):  # JSON's escapes are TOML's, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
