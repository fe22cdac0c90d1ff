"""Whether a document meets a query's filter, as far as a trace tells: by the metadata that it recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rankscope.core.documents import Document
from rankscope.corpus.filter_text import filter_text

__all__ = ["filter_texts", "foreign_fields", "lacking_fields", "recorded_fields"]


def filter_texts(value: Any) -> frozenset[str]:
    """A metadata value as filters spell it; a list has all of its items, None has no value."""
    if value is None:
        return frozenset()
    items = value if isinstance(value, (list, tuple, set, frozenset)) else (value,)
    return frozenset(filter_text(item) for item in items if item is not None)


def recorded_fields(documents: Iterable[Document]) -> frozenset[str]:
    """Metadata fields that any of the documents has; of others a trace says nothing."""
    return frozenset(key for document in documents for key in document.metadata)


def foreign_fields(document: Document, filters: Mapping[str, str]) -> dict[str, str]:
    """Fields of the filter of which the document has another value, and that value."""
    found = {}
    for key, wanted in filters.items():
        values = filter_texts(document.metadata.get(key))
        if values and wanted not in values:
            found[key] = ", ".join(sorted(values))
    return found


def lacking_fields(document: Document, filters: Mapping[str, str]) -> tuple[str, ...]:
    """Fields of the filter of which the document has no value."""
    return tuple(key for key in filters if not filter_texts(document.metadata.get(key)))
