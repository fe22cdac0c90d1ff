"""The shape of a log: what stands under which path, over a sample of its records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rankscope.tracing.formats.values import as_number

__all__ = ["Leaf", "Path", "leaves_of"]

Path = tuple[str | int, ...]
_DEEPEST = 7


@dataclass
class Leaf:
    """All values under one path. ``owners`` says which container (record or list) each came from."""

    path: Path
    total: int
    values: list[Any] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)

    @property
    def fill(self) -> float:
        """Share of containers' items that have a value here."""
        return len(self.values) / self.total if self.total else 0.0

    @cached_property
    def texts(self) -> list[str]:
        """The values that are text, without the blank."""
        return [value for value in self.values if isinstance(value, str) and value.strip()]

    @cached_property
    def numbers(self) -> list[float]:
        """The values that are numbers, or text that spells one."""
        return [number for value in self.values if (number := as_number(value)) is not None]

    @property
    def is_numeric(self) -> bool:
        """Whether nearly all that is here is a number."""
        present = [value for value in self.values if value != ""]
        return bool(present) and len(self.numbers) >= 0.7 * len(present)

    @property
    def is_whole(self) -> bool:
        """Whether its numbers are whole."""
        return self.is_numeric and all(number == int(number) for number in self.numbers)

    @property
    def is_text(self) -> bool:
        """Whether nearly all that is here is text that is no number."""
        return bool(self.texts) and len(self.texts) >= 0.6 * len(self.values) and not self.is_numeric

    @property
    def mean_length(self) -> float:
        """Mean length of its texts in characters."""
        return sum(map(len, self.texts)) / len(self.texts) if self.texts else 0.0

    @property
    def mean_words(self) -> float:
        """Mean number of words of its texts."""
        return sum(len(text.split()) for text in self.texts) / len(self.texts) if self.texts else 0.0

    @property
    def distinct(self) -> float:
        """Share of its values that differ from one another."""
        keys = {repr(value) for value in self.values}
        return len(keys) / len(self.values) if self.values else 0.0

    @cached_property
    def unique_within(self) -> float:
        """How far its values differ inside one container, 1 where none repeats."""
        groups: dict[int, list[str]] = defaultdict(list)
        for owner, value in zip(self.owners, self.values, strict=True):
            groups[owner].append(repr(value))
        shares = [len(set(group)) / len(group) for group in groups.values() if len(group) > 1]
        return sum(shares) / len(shares) if shares else 1.0

    def by_owner(self) -> dict[int, list[Any]]:
        """The values of each container, in order."""
        groups: dict[int, list[Any]] = defaultdict(list)
        for owner, value in zip(self.owners, self.values, strict=True):
            groups[owner].append(value)
        return groups

    @property
    def lists(self) -> dict[int, list[Any]]:
        """The values that are lists, by owner."""
        pairs = zip(self.owners, self.values, strict=True)
        return {owner: value for owner, value in pairs if isinstance(value, list)}

    @property
    def tables(self) -> dict[int, dict[str, Any]]:
        """The values that are mappings from keys that differ by record, by owner."""
        pairs = zip(self.owners, self.values, strict=True)
        return {owner: value for owner, value in pairs if isinstance(value, dict)}


def leaves_of(items: Sequence[tuple[int, Any]]) -> dict[Path, Leaf]:
    """What the items hold, by path. Mappings are gone into, unless their keys differ from item to item
    (ids as keys); lists are values, except that a list of one list, as some clients wrap theirs, is opened.
    """
    keyed = _keyed_paths(items)
    leaves: dict[Path, Leaf] = {}
    for owner, item in items:
        _collect(leaves, (), item, owner, len(items), keyed)
    return leaves


def _collect(
    leaves: dict[Path, Leaf], path: Path, value: Any, owner: int, total: int, keyed: set[Path]
) -> None:
    if isinstance(value, dict) and path not in keyed and len(path) < _DEEPEST:
        for key, inner in value.items():
            _collect(leaves, (*path, str(key)), inner, owner, total, keyed)
        return
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list) and len(path) < _DEEPEST:
        _collect(leaves, (*path, 0), value[0], owner, total, keyed)
        return
    if value is None or value == "":
        leaves.setdefault(path, Leaf(path, total))
        return
    leaf = leaves.setdefault(path, Leaf(path, total))
    leaf.values.append(value)
    leaf.owners.append(owner)


def _keyed_paths(items: Iterable[tuple[int, Any]]) -> set[Path]:
    """Paths of mappings whose keys are data: many keys in all, few of them shared."""
    tables: dict[Path, list[dict[str, Any]]] = defaultdict(list)
    stack: list[tuple[Path, Any]] = [((), item) for _, item in items]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and len(path) < _DEEPEST:
            if path and value:
                tables[path].append(value)
            stack.extend(((*path, str(key)), inner) for key, inner in value.items())
    return {path for path, found in tables.items() if _keys_are_data(found)}


def _keys_are_data(found: list[dict[str, Any]]) -> bool:
    mean = sum(map(len, found)) / len(found)
    kinds = {type(value) for table in found for value in table.values()} - {type(None)}
    numeric = kinds <= {int, float}
    if not numeric and kinds != {dict}:
        return False
    keys = {key for table in found for key in table}
    if len(found) >= 2:
        return mean >= 2 and len(keys) >= 1.6 * mean and len(keys) >= 4
    # One record: keys with digits in them, such as doc_17, are taken for ids.
    return numeric and len(keys) >= 3 and all(any(c.isdigit() for c in key) for key in keys)
