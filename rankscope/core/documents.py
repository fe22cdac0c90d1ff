"""Documents and queries as the pipeline sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Document", "Query"]


@dataclass(frozen=True, slots=True)
class Document:
    """One retrievable passage. Text is raw: escape it with ``sanitize`` before display."""

    doc_id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """SHA-256 of title and text; equal content has one stored copy and one embedding."""
        raw = f"{self.title}\0{self.text}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(raw).hexdigest()

    @property
    def searchable(self) -> str:
        """What the retrievers and the cross-encoder read: title and text, a line apart."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked: the text, and equality filters on document metadata."""

    text: str
    filters: Mapping[str, str] = field(default_factory=dict)
    query_id: str | None = None
    """Id in a query set, where there is one: what judgments and TREC runs refer to."""
