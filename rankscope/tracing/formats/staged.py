"""Several runs of one query set as the stages of the same traces, with the texts of queries and documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rankscope.core.documents import Document, Query
from rankscope.core.trace import Ranking, Trace
from rankscope.errors import InputError, UsageError
from rankscope.tracing.formats.assemble import file_moment
from rankscope.tracing.formats.identity import TraceIds
from rankscope.tracing.formats.importer import Ignored, Imported, ImportOptions, Outcome, Rejected
from rankscope.tracing.formats.records import read_json
from rankscope.tracing.formats.registry import importer_named, sniff
from rankscope.tracing.formats.text_source import read_lines, suffixes_of
from rankscope.tracing.formats.values import as_id, as_mapping, as_text

__all__ = ["read_staged", "read_texts"]


@dataclass
class _Topic:
    query: Query
    records: int = 0
    first: Trace | None = None
    rankings: dict[str, Ranking] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    where: dict[str, str] = field(default_factory=dict)


def read_staged(
    runs: Sequence[tuple[str, Path]],
    options: ImportOptions,
    *,
    queries: Path | None = None,
    corpus: Path | None = None,
    format_name: str | None = None,
) -> Iterator[Outcome]:
    """Traces whose stages are the lists of several files, joined by query id, else by query text.

    Of a file whose traces have several stages, the order that stands at the end is taken. ``queries`` and
    ``corpus`` (JSONL with ``_id`` and ``text``, or tab-separated) give the texts. A query that a run does
    not have lacks that stage, and the trace says so.
    """
    names = [stage for stage, _ in runs]
    if len(set(names)) != len(names):
        raise UsageError(f"--as names a stage twice: {', '.join(names)}.")
    topics: dict[str, _Topic] = {}
    for stage, path in runs:
        importer = importer_named(format_name) if format_name else sniff(path)
        if importer is None:
            raise InputError(
                "the format of the run was not recognised.", path=path, remedy="Name it with --format."
            )
        for outcome in importer.read(path, replace(options, stage=stage)):
            if isinstance(outcome, Imported):
                yield from _take(topics, stage, path, outcome)
            elif isinstance(outcome, Rejected):
                yield replace(outcome, reason=f"{path.name}: {outcome.reason}")
            else:
                yield outcome
    texts = read_texts(queries) if queries else {}
    needed = {hit.doc_id for topic in topics.values() for r in topic.rankings.values() for hit in r.hits}
    documents = _documents(corpus, needed) if corpus else {}
    ids, fallback = TraceIds("staged"), file_moment(runs[0][1])
    for topic in topics.values():
        yield Imported(_trace(topic, names, texts, documents, ids, fallback), topic.records)


def _take(topics: dict[str, _Topic], stage: str, path: Path, outcome: Imported) -> Iterator[Outcome]:
    trace = outcome.trace
    ranking = trace.ranking(stage) or trace.final
    line = _note(trace).get("line", 0)
    if ranking is None:
        yield Ignored(line, "a record without a ranking", outcome.records)
        return
    key = trace.query.query_id or trace.query.text
    topic = topics.setdefault(key, _Topic(trace.query))
    if stage in topic.rankings:
        yield Rejected(line, f"{path.name}: query {key!r:.80} stands there twice", "", outcome.records)
        return
    if trace.query.text and not topic.query.text:
        topic.query = trace.query
    topic.records += outcome.records
    topic.first = topic.first or trace
    topic.rankings[stage] = replace(ranking, stage=stage)
    topic.where[stage] = path.name
    for doc_id, document in trace.documents.items():
        topic.documents.setdefault(doc_id, document)


def _note(trace: Trace) -> Mapping[str, Any]:
    note = trace.attributes.get("import")
    return note if isinstance(note, dict) else {}


def _trace(
    topic: _Topic,
    stages: Sequence[str],
    texts: Mapping[str, Document],
    documents: Mapping[str, Document],
    ids: TraceIds,
    fallback: Any,
) -> Trace:
    assert topic.first is not None  # made together with its first ranking
    query = topic.query
    notes = [f"{stage}: the run has no such query" for stage in stages if stage not in topic.rankings]
    known = texts.get(query.query_id or "")
    if known is not None and not query.text:
        query = replace(query, text=known.text)
    elif not query.text:
        notes.append("the query's text is not known; --queries FILE gives it")
    rankings = tuple(topic.rankings[stage] for stage in stages if stage in topic.rankings)
    shown = {hit.doc_id for ranking in rankings for hit in ranking.hits}
    found = {doc_id: documents[doc_id] for doc_id in shown if doc_id in documents}
    note: dict[str, Any] = {"files": dict(topic.where)}
    if notes:
        note["notes"] = notes
    content = "\n".join(
        f"{query.query_id}\t{query.text}\t{r.stage}\t{hit.rank}\t{hit.doc_id}\t{hit.score}"
        for r in rankings
        for hit in r.hits
    )
    timed = "created_at" not in _note(topic.first)
    moment = topic.first.created_at if timed else None
    return replace(
        topic.first,
        trace_id=ids.make(content or repr(query), moment),
        created_at=moment or fallback,
        query=query,
        rankings=rankings,
        documents={**topic.documents, **found},
        attributes={"import": note},
    )


def read_texts(path: Path) -> dict[str, Document]:
    """Queries or documents by id, from JSONL (``_id``, ``text``, ``title``) or ``id<TAB>text`` lines."""
    return dict(_texts(path, None))


def _documents(path: Path, needed: set[str]) -> dict[str, Document]:
    """The documents with these ids; the rest of the corpus is not kept in memory."""
    return dict(_texts(path, needed))


def _texts(path: Path, needed: set[str] | None) -> Iterator[tuple[str, Document]]:
    if suffixes_of(path) in (".tsv", ".txt"):
        yield from _tabbed(path, needed)
        return
    for record in read_json(path):
        if record.blank:
            continue
        if record.error or not isinstance(record.value, dict):
            raise InputError(
                record.error or "not an object.",
                path=path,
                line=record.line,
                remedy='Each line is {"_id": ..., "text": ...}.',
            )
        names = ("_id", "id", "doc_id", "docid", "qid", "query_id")
        doc_id = next((found for name in names if (found := as_id(record.value.get(name)))), None)
        keys = ("text", "contents", "content", "query", "question", "title")
        text = next((as_text(record.value[key]) for key in keys if record.value.get(key)), "")
        if doc_id is None:
            raise InputError("the line has no _id.", path=path, line=record.line)
        if needed is None or doc_id in needed:
            title = as_text(record.value.get("title")) if record.value.get("text") else ""
            metadata = as_mapping(record.value.get("metadata"))
            yield doc_id, Document(doc_id, text, title, metadata)


def _tabbed(path: Path, needed: set[str] | None) -> Iterator[tuple[str, Document]]:
    for number, line in read_lines(path):
        if not line.strip():
            continue
        doc_id, tab, text = line.partition("\t")
        if not tab:
            raise InputError("expected an id, a tab and a text.", path=path, line=number)
        if needed is None or doc_id in needed:
            yield doc_id, Document(doc_id, text)
