"""Passages as they were read, in bounded memory, least recently used out first.

Reading does not depend on the query, so a second query over the same candidates pays for its own look at
them only. Keyed by content, so equal passages share one entry.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PassageCache", "ReadPassage", "ReadWindow"]


@dataclass(frozen=True, slots=True)
class ReadWindow:
    """One window as it was read: ids of shape ``(length,)``, states ``(length, levels, hidden_size)``."""

    ids: Tensor
    states: Tensor

    def __len__(self) -> int:
        return int(self.ids.shape[0])


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """All windows of one passage, its word pieces and how many of them are in no window."""

    windows: tuple[ReadWindow, ...]
    tokens: int
    cut: int

    @property
    def size(self) -> int:
        """Bytes of its tensors."""
        tensors: Sequence[Tensor] = [part for item in self.windows for part in (item.ids, item.states)]
        return sum(tensor.nelement() * tensor.element_size() for tensor in tensors)


class PassageCache:
    """Holds at most ``limit`` bytes. Not safe for threads by itself: the reranker's lock guards it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._entries: OrderedDict[str, ReadPassage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> ReadPassage | None:
        """The entry, now the most recently used, or None."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, passage: ReadPassage) -> None:
        """Keep a passage, and drop the oldest ones until all fit; one that can never fit is not kept."""
        old = self._entries.pop(key, None)
        if old is not None:
            self.size -= old.size
        if passage.size > self.limit:
            return
        self._entries[key] = passage
        self.size += passage.size
        while self.size > self.limit:
            _, dropped = self._entries.popitem(last=False)
            self.size -= dropped.size
