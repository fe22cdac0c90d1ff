"""RankLLM: ``{query: {text, qid}, candidates: [{docid, score, doc}]}`` a line; candidates in their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rankscope.core.documents import Query
from rankscope.errors import TraceError
from rankscope.tracing.formats.assemble import Candidate, Draft, file_moment
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.identity import TraceIds
from rankscope.tracing.formats.importer import Ignored, Imported, ImportOptions, Outcome, Rejected
from rankscope.tracing.formats.records import read_json
from rankscope.tracing.formats.values import as_id, as_text

__all__ = ["RankLlm"]


class RankLlm:
    """Requests and results of RankLLM; the file does not say whether reranking was done yet."""

    name = "rankllm"
    unit = "line"

    def sniff(self, head: Head) -> float:
        share = head.share(
            lambda item: isinstance(item.get("query"), dict) and isinstance(item.get("candidates"), list)
        )
        return 0.95 if share >= 0.3 else 0.0

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:
        ids, fallback = TraceIds(f"{self.name}:{options.stage}"), file_moment(path)
        for record in read_json(path):
            if record.blank:
                yield Ignored(record.line, "blank line")
                continue
            if record.error:
                yield Rejected(record.line, record.error, record.raw)
                continue
            try:
                draft = _draft(record.value, options)
                draft.source = {"file": path.name, "line": record.line}
                trace = draft.build(self.name, ids, record.raw, fallback)
            except (ValueError, TraceError) as error:
                reason = error.message if isinstance(error, TraceError) else str(error)
                yield Rejected(record.line, reason, record.raw)
                continue
            yield Imported(trace)


def _draft(value: Any, options: ImportOptions) -> Draft:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    query, candidates = value.get("query"), value.get("candidates")
    if isinstance(query, str):
        query = {"text": query}
    if not isinstance(query, dict) or not isinstance(candidates, list):
        raise ValueError("query is not an object, or candidates is not a list")
    text, qid = as_text(query.get("text")), as_id(query.get("qid"))
    if not text and qid is None:
        raise ValueError("the query has neither text nor qid")
    rows = [_candidate(item, place) for place, item in enumerate(candidates)]
    draft = Draft(query=Query(text, query_id=qid), options=options)
    draft.add_stage(options.stage, rows)
    return draft


def _candidate(item: Any, place: int) -> Candidate:
    if not isinstance(item, dict):
        raise ValueError(f"candidates[{place}] is {item!r:.60}, expected an object")
    doc = item.get("doc")
    table = doc if isinstance(doc, dict) else {"text": as_text(doc)}
    names = ("text", "contents", "content", "segment", "passage", "body")
    text = next((as_text(table[name]) for name in names if table.get(name)), "")
    known = {*names, "title", "id", "_id"}
    return Candidate(
        doc_id=item.get("docid", item.get("doc_id")),
        text=text,
        title=as_text(table.get("title")),
        score=item.get("score"),
        metadata={key: value for key, value in table.items() if key not in known},
    )
