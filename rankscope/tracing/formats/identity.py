"""Ids that an import makes itself: the same record always gets the same one."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from datetime import datetime

__all__ = ["TraceIds", "content_id", "import_id"]


def import_id(source_format: str, content: str, moment: datetime | None, occurrence: int = 0) -> str:
    """A UUID version 8 (RFC 9562, section 5.8) out of what the source says, and nothing else.

    It depends on the format, the record's content and, for records that repeat exactly, on which of them it
    is; not on the file's name or place. So a file that was moved, or one that has grown, adds only what is
    new. Where the source gives a time, its 48 bits of milliseconds come first, as in version 7, so that ids
    sort by time.
    """
    basis = f"rankscope\0{source_format}\0{occurrence}\0{content}".encode("utf-8", "surrogatepass")
    value = int.from_bytes(hashlib.sha256(basis).digest()[:16], "big")
    if moment is not None:
        milliseconds = max(0, round(moment.timestamp() * 1000)) & ((1 << 48) - 1)
        value = (milliseconds << 80) | (value & ((1 << 80) - 1))
    value = value & ~(0xF << 76) | (0x8 << 76)
    value = value & ~(0x3 << 62) | (0b10 << 62)
    return str(uuid.UUID(int=value))


class TraceIds:
    """Ids for the traces of one file; counts records that are equal to the letter."""

    def __init__(self, source_format: str) -> None:
        self._format = source_format
        self._seen: Counter[bytes] = Counter()

    def make(self, content: str, moment: datetime | None) -> str:
        """The id of the next trace with this content."""
        key = hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:12]
        occurrence = self._seen[key]
        self._seen[key] += 1
        return import_id(self._format, content, moment, occurrence)


def content_id(title: str, text: str) -> str:
    """The document id that stands in where the source has none: equal content, equal id."""
    raw = f"{title}\0{text}".encode("utf-8", "surrogatepass")
    return f"content:{hashlib.sha256(raw).hexdigest()[:16]}"
