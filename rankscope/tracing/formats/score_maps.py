"""Runs as ``{query id: {document id: score}}``: ranx's JSON and BEIR's results, order by score."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rankscope.core.documents import Query
from rankscope.errors import TraceError
from rankscope.tracing.formats.assemble import Candidate, Draft, file_moment
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.identity import TraceIds
from rankscope.tracing.formats.importer import Ignored, Imported, ImportOptions, Outcome, Rejected
from rankscope.tracing.formats.records import RAW_LIMIT, read_json
from rankscope.tracing.formats.values import as_number, plain
from rankscope.tracing.json_text import to_json_text

__all__ = ["Beir", "Ranx", "read_score_maps"]


_METRIC = re.compile(
    r"precision|recall|ndcg|mrr|map@|^map$|f1|accuracy|latency|faithful|relevanc|hit_?(rate|at|@)|_avg|_ms$|mean"
)


def _is_scores(value: Any) -> bool:
    """Whether a value is a table of scores by document; names of metrics are no documents."""
    if (
        not isinstance(value, dict)
        or sum(bool(_METRIC.search(key.lower())) for key in value) > len(value) / 3
    ):
        return False
    return all(isinstance(score, int | float) and not isinstance(score, bool) for score in value.values())


def _topics(document: Any) -> dict[str, Any] | None:
    """The query table of a document, which may stand under ``run`` or ``results`` beside a name."""
    if not isinstance(document, dict):
        return None
    for key in ("run", "results"):
        inner = document.get(key)
        if isinstance(inner, dict) and inner and all(isinstance(item, dict) for item in inner.values()):
            return inner
    return document


def _share_of_score_maps(head: Head) -> float:
    topics = _topics(head.document)
    if topics:
        return sum(map(_is_scores, topics.values())) / len(topics)
    if head.document is None and head.records:
        return head.share(lambda item: item and all(map(_is_scores, item.values())))
    start = head.text[:2000].replace(" ", "").replace("\n", "")
    return 0.6 if head.document is None and _starts_like_one(start) else 0.0


def _starts_like_one(text: str) -> bool:
    """Whether a file too long to parse at once begins ``{"q":{"d":1.0,``."""
    return re.match(r'\{"[^"]*":\{"[^"]*":-?\d+(\.\d+)?([eE]-?\d+)?[,}]', text) is not None


def read_score_maps(path: Path, options: ImportOptions, name: str) -> Iterator[Outcome]:
    """One trace a query; a score that is no number keeps its document, without a score and counted."""
    ids, fallback = TraceIds(f"{name}:{options.stage}"), file_moment(path)
    for record in read_json(path):
        if record.blank:
            yield Ignored(record.line, "blank line")
            continue
        topics = _topics(record.value)
        if record.error or topics is None:
            yield Rejected(record.line, record.error or "not an object of queries", record.raw)
            continue
        if not topics:
            yield Ignored(record.line, "an object without queries")
        for qid, scores in topics.items():
            reason = _fault(scores)
            if reason:
                raw = to_json_text(plain({qid: scores}))
                yield Rejected(record.line, f"query {qid!r:.60}: {reason}", raw[:RAW_LIMIT])
                continue
            draft = Draft(
                query=Query("", query_id=qid),
                source={"file": path.name, "line": record.line},
                options=options,
                notes=["the file holds query ids, not the queries' text"],
            )
            try:
                candidates = [Candidate(doc_id, score=score) for doc_id, score in scores.items()]
                draft.add_stage(options.stage, candidates, order="score")
                trace = draft.build(name, ids, to_json_text(plain({qid: scores})), fallback)
            except TraceError as error:
                yield Rejected(record.line, f"query {qid!r:.60}: {error.message}", "")
                continue
            yield Imported(trace)


def _fault(scores: Any) -> str:
    if not isinstance(scores, dict):
        return f"{scores!r:.60}, expected an object of scores by document"
    if scores and all(as_number(score) is None for score in scores.values()):
        return "none of its values is a score"
    return ""


class Ranx:
    """``{qid: {docid: score}}`` in one JSON file."""

    name = "ranx"
    unit = "query"

    def sniff(self, head: Head) -> float:
        return 0.9 if _share_of_score_maps(head) >= 0.5 else 0.0

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:
        return read_score_maps(path, options, self.name)


class Beir:
    """BEIR results: the same object as ranx's, or one a line; named on request, never sniffed."""

    name = "beir"
    unit = "query"

    def sniff(self, head: Head) -> float:
        # The object is the same as ranx's; where nothing tells them apart, ranx answers.
        return 0.91 if "beir" in head.path.name.lower() and _share_of_score_maps(head) >= 0.5 else 0.0

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:
        return read_score_maps(path, options, self.name)
