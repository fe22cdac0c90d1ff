"""Documents of a trace by id or by a fragment of id, title or text: an import may have ids or texts alone."""

from __future__ import annotations

from rankscope.core.documents import Document
from rankscope.core.trace import Trace

__all__ = ["find_in_trace"]


def find_in_trace(trace: Trace, text: str, limit: int = 20) -> list[Document]:
    """The document with this id, then those that hold the fragment, best ranked first.

    A document whose text the trace does not hold has an empty one.
    """
    wanted = text.casefold()
    ids = dict.fromkeys(hit.doc_id for ranking in reversed(trace.rankings) for hit in ranking.hits)
    found: list[Document] = []
    for doc_id in sorted(ids, key=lambda doc_id: doc_id != text):
        document = trace.documents.get(doc_id, Document(doc_id, ""))
        if wanted in doc_id.casefold() or wanted in document.searchable.casefold():
            found.append(document)
        if len(found) == limit:
            break
    return found
