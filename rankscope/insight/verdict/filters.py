"""Results of several tenants where the query has one: filters that are missing or not obeyed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.trace import Trace
from rankscope.insight.judgments import Judgments
from rankscope.insight.obeyed_filters import (
    filter_texts,
    foreign_fields,
    recorded_fields,
    required_values,
)
from rankscope.insight.significance import wilson
from rankscope.insight.verdict.model import Diagnosis

__all__ = ["diagnose_filters"]

_CODE = "filters-missing"
_MIXED_SHARE = 0.05
"""Share of the queries that name a value and get others ahead of it, from which a filter is missing."""
_FIELD_VALUES = range(2, 51)
_SHOWN = 5

Values = Mapping[str, set[str]]


def diagnose_filters(
    traces: Sequence[Trace], judgments: Judgments, documents: Mapping[str, Document]
) -> Diagnosis:
    """Results that break the query's filter or the request's tenant, or stand ahead of those of a value that
    the query names.

    A query without a filter names a value when that value of a metadata field, and no other of the field,
    stands in its text as words, and all documents judged relevant have it. A field here is one with few
    values that repeat, such as a tenant, a product or a year.
    """
    texts = _all_documents(traces, documents)
    fields, recorded = _fields(texts), recorded_fields(texts.values())
    broken: list[str] = []
    mixed: list[str] = []
    asked = 0
    keys: set[str] = set()
    for trace in traces:
        required = required_values(trace, recorded)
        wanted = required or _named_values(trace, judgments, texts, fields)
        if not wanted:
            continue
        asked += 1
        wrong = _broken_keys(trace, wanted, texts) if required else _mixed_keys(trace, wanted, texts)
        if wrong:
            keys |= wrong
            (broken if required else mixed).append(trace.trace_id)
    share = wilson(len(broken) + len(mixed), asked)
    if share is None:
        return Diagnosis(_CODE, "unknown", "no query has a filter or names a value of a field", "")
    of = f" of {', '.join(sorted(keys))[:80]}" if keys else ""
    filtered = counted(asked, "query has a filter or names", "queries have a filter or name")
    measure = (
        f"{filtered} a value of a field: {len(broken):,} got results that break the filter, "
        f"{len(mixed):,} got other values{of} ahead of theirs "
        f"({share.value:.0%} [{share.low or 0.0:.0%}, {share.high or 0.0:.0%}])"
    )
    if not broken and share.value < _MIXED_SHARE:
        return Diagnosis(_CODE, "fine", measure, "", share)
    remedy = (
        "Filter inside retrieval, before the cut (`--where key=value`): a reranker can push foreign results "
        "down, but they have taken the places of others."
    )
    return Diagnosis(_CODE, "found", measure, remedy, share, tuple((broken + mixed)[:_SHOWN]))


def _all_documents(traces: Sequence[Trace], documents: Mapping[str, Document]) -> dict[str, Document]:
    texts = dict(documents)
    for trace in traces:
        texts.update(trace.documents)
    return texts


def _top(trace: Trace, texts: Mapping[str, Document]) -> list[Document]:
    """The documents of the top K whose text is known, best first."""
    final = trace.final
    hits = final.hits[: trace.top_k or 10] if final is not None else ()
    known = (texts.get(hit.doc_id) for hit in hits)
    return [document for document in known if document is not None]


def _broken_keys(trace: Trace, wanted: Mapping[str, str], texts: Mapping[str, Document]) -> set[str]:
    """Fields of the filter of which some result has another value."""
    return {key for document in _top(trace, texts) for key in foreign_fields(document, wanted)}


def _mixed_keys(trace: Trace, wanted: Mapping[str, str], texts: Mapping[str, Document]) -> set[str]:
    """Fields of which another value stands ahead of the one that was named."""
    found = set()
    for key, value in wanted.items():
        values = [known for item in _top(trace, texts) if (known := filter_texts(item.metadata.get(key)))]
        own = [place for place, known in enumerate(values) if value in known]
        if own and any(value not in known for known in values[: own[-1]]):
            found.add(key)
    return found


def _fields(texts: Mapping[str, Document]) -> dict[str, set[str]]:
    """Metadata fields with few values that repeat, and those of their values that can be told in a text."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for document in texts.values():
        for key, value in document.metadata.items():
            for text in filter_texts(value):
                counts[key][text] += 1
    fields = {}
    for key, known in counts.items():
        if len(known) in _FIELD_VALUES and sum(known.values()) >= 2 * len(known):
            fields[key] = {value for value in known if len(value) >= 3}
    return fields


def _named_values(
    trace: Trace, judgments: Judgments, texts: Mapping[str, Document], fields: Values
) -> dict[str, str]:
    words = f" {_words(trace.query.text)} "
    relevant = [texts[key] for key in judgments.relevant(trace.query.query_id or "") if key in texts]
    found = {}
    for key, values in fields.items():
        named = [value for value in values if _words(value) and f" {_words(value)} " in words]
        judged = [filter_texts(document.metadata.get(key)) for document in relevant]
        if len(named) == 1 and judged and all(known == {named[0]} for known in judged):
            found[key] = named[0]
    return found


def _words(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())
