"""Which documents a query may show, and whether one is among them, by the metadata that a trace recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rankscope.core.documents import Document
from rankscope.core.filter_text import filter_text, wanted_texts
from rankscope.core.trace import Trace

__all__ = [
    "filter_texts",
    "foreign_fields",
    "lacking_fields",
    "recorded_fields",
    "requests_parties",
    "required_values",
]

_PARTIES = frozenset(
    f"{party}{end}"
    for party in ("tenant", "customer", "organization", "organisation", "org")
    for end in ("", "_id", "id")
)
"""Attributes of a request that say on whose behalf it was made; others that share a field's name do not."""
_DEEP = 4
"""Levels at which attributes are looked for."""


def required_values(trace: Trace, fields: frozenset[str]) -> dict[str, str]:
    """What a document must have to be shown, of recorded ``fields``: the filter, and the request's party.

    Filters are as they were recorded; those that no value can be held against are left out.
    """
    filters = {key: value for key, value in trace.query.filters.items() if key in fields}
    return {
        **_requests_party(trace, fields),
        **{key: value for key, value in filters.items() if wanted_texts(value)},
    }


def _requests_party(trace: Trace, fields: frozenset[str]) -> dict[str, str]:
    """On whose behalf the request was made, where documents have a field of that name and no filter names it.

    A service that logs the tenant of each request need not have handed it to retrieval.
    """
    found = requests_parties(trace, fields)
    return {field: next(iter(values)) for field, values in found.items() if len(values) == 1}


def requests_parties(trace: Trace, fields: frozenset[str]) -> dict[str, frozenset[str]]:
    """By field the parties that the request names where it names any with the fewest names around them.

    An attribute of the request itself stands above that of a part of it, such as the service's own; of
    several values at one depth none can be told to be the party.
    """
    parties = {field.casefold(): field for field in fields if field.casefold() in _PARTIES}
    found: dict[str, tuple[int, frozenset[str]]] = {}
    for depth, name, value in _flat(trace.attributes) if parties else ():
        field = parties.get(name.rpartition(".")[2].casefold())
        if field is None or field in trace.query.filters or value == "":
            continue
        least, values = found.get(field, (depth, frozenset()))
        if depth <= least:
            found[field] = depth, (values if depth == least else frozenset()) | {filter_text(value)}
    return {field: values for field, (_, values) in found.items()}


def _flat(table: Mapping[str, Any], depth: int = 1) -> Iterator[tuple[int, str, str | float | bool]]:
    """Depth, name and value of single values; a dot in a name is a level, as attributes of spans have it."""
    for key, value in table.items():
        level = depth + str(key).count(".")
        if isinstance(value, Mapping) and depth < _DEEP:
            yield from _flat(value, level + 1)
        elif isinstance(value, (str, int, float)):
            yield level, str(key), value


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
        if values and values.isdisjoint(wanted_texts(wanted)):
            found[key] = ", ".join(sorted(values))
    return found


def lacking_fields(document: Document, filters: Mapping[str, str]) -> tuple[str, ...]:
    """Fields of the filter of which the document has no value."""
    return tuple(key for key in filters if not filter_texts(document.metadata.get(key)))
