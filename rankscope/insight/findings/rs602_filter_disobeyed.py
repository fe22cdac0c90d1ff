"""RS602: the query has a filter, or is made for a tenant, and results do not meet it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.filter_text import wanted_texts
from rankscope.core.trace import Finding, Trace
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named
from rankscope.insight.obeyed_filters import (
    foreign_fields,
    lacking_fields,
    recorded_fields,
    requests_parties,
    required_values,
)

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare the filter with the metadata of what was shown, then of everything that was retrieved."""
    trace = evidence.trace
    fields = recorded_fields(trace.documents.values())
    filters = required_values(trace, fields)
    if not filters:
        return NotApplicable(_why_not(trace, fields))
    # Where nothing says what was kept, the top K is all that can have been shown.
    known = bool(trace.kept) or trace.decision is not None
    shown_ids = trace.kept if known else [hit.doc_id for hit in evidence.top]
    shown = _known(shown_ids, trace.documents)
    of_shown = f"of {counted(len(shown_ids), 'document')} shown"
    foreign = [item for item in shown if foreign_fields(item, filters)]
    if foreign:
        text = counted(len(foreign), f"{of_shown} does not meet", f"{of_shown} do not meet")
        text += f" {_asked(trace, filters)}: {_examples(foreign, filters)}"
        return (Finding("RS602", "error", text, _ids(foreign)),)
    retrieved = _known(_retrieved(evidence), trace.documents)
    foreign = [item for item in retrieved if foreign_fields(item, filters)]
    if foreign:
        of = f"of {counted(len(retrieved), 'candidate')}"
        unmet = counted(len(foreign), f"{of} does not meet it", f"{of} do not meet it")
        text = f"retrieval ran without {_asked(trace, filters)}: {unmet} and took places: "
        text += _examples(foreign, filters)
        return (Finding("RS602", "warning", text, _ids(foreign)),)
    lacking = [item for item in shown if lacking_fields(item, filters)]
    if lacking:
        text = counted(len(lacking), f"{of_shown} has no value", f"{of_shown} have no value")
        text += f" to meet {_asked(trace, filters)} with: {named(_ids(lacking))}"
        return (Finding("RS602", "warning", text, _ids(lacking)),)
    return ()


def _retrieved(evidence: Evidence) -> Iterable[str]:
    """Every document that some list holds, each once."""
    return dict.fromkeys(doc_id for ranking in evidence.trace.rankings for doc_id in ranking.doc_ids)


def _known(doc_ids: Iterable[str], documents: Mapping[str, Document]) -> list[Document]:
    """Those of which the trace holds metadata; what a trace does not say is not held against it."""
    found = (documents.get(doc_id) for doc_id in doc_ids)
    return [document for document in found if document is not None and document.metadata]


def _ids(documents: Iterable[Document]) -> tuple[str, ...]:
    return tuple(document.doc_id for document in documents)


def _why_not(trace: Trace, fields: frozenset[str]) -> str:
    parties = requests_parties(trace, fields)
    if parties:
        return f"the request names several values of {', '.join(key[:40] for key in parties)}"
    if not trace.query.filters:
        return "the query has no filter"
    keys = [key for key, value in trace.query.filters.items() if wanted_texts(value)]
    if not keys:
        return "the query's filter names no value that metadata could be held against"
    return f"no document of the trace has the metadata {', '.join(key[:40] for key in keys)}"


def _asked(trace: Trace, wanted: Mapping[str, str]) -> str:
    """What results must meet, and where that stands in the trace."""
    filters = {key: value for key, value in wanted.items() if key in trace.query.filters}
    party = {key: value for key, value in wanted.items() if key not in filters}
    parts = [f"the filter {_values(filters)}"] if filters else []
    return " and ".join([*parts, *([f"the request's {_values(party)}"] if party else [])])


def _values(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key[:40]}={value[:40]}" for key, value in values.items())


def _examples(documents: list[Document], filters: Mapping[str, str], most: int = 3) -> str:
    shown = []
    for document in documents[:most]:
        other = foreign_fields(document, filters)
        shown.append(f"{named([document.doc_id])} ({_values(other)})")
    more = f" and {len(documents) - most} more" if len(documents) > most else ""
    return ", ".join(shown) + more


RULE = Rule(
    code="RS602",
    name="filter-disobeyed",
    severity="error",
    summary="results do not meet the query's recorded filter or the request's tenant",
    explanation=(
        "A filter that is recorded with the query but not handed to the retrievers, or to one of them only, "
        "shows people what is not theirs to see. So does a tenant that stands in the attributes of a request "
        "whose query has no filter. An error where a document with another value was shown; a "
        "warning where such documents took places among the candidates and were sorted out later, and where "
        "a document that was shown has no value of the field at all."
    ),
    remedy=(
        "Hand the filter to every retriever, before the cut, and refuse what does not meet it once more "
        "before it is shown; a reranker or a floor only hides the leak."
    ),
    needs="a filter of the query or the tenant of the request, and the same field in the documents' metadata",
    check=check,
)
