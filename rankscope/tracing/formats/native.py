"""RankScope's own format, ``rankscope.trace/1``: one JSON object a trace, one a line in ``.jsonl`` files.

``from_json(to_json(trace)) == trace`` for every trace that JSON can hold. Beyond the contract's keys,
``query.id``, ``rankings[].details``, ``rankings[].hits[].details`` and ``attributes`` are written where
they are not empty. ``trace.schema.json`` beside this file is the JSON Schema of the format.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rankscope.core.documents import Document, Query
from rankscope.core.trace import Finding, Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.errors import TraceError
from rankscope.tracing.checks import (
    LARGEST,
    finite,
    key_path,
    list_at,
    mapping_at,
    number_at,
    optional_text_at,
    scale_at,
    shown,
    table_at,
    text_at,
    texts_at,
    whole_at,
)
from rankscope.tracing.json_text import format_time, parse_time, to_json_text

__all__ = ["SCHEMA", "dumps", "from_json", "iter_file", "json_schema", "loads", "to_json"]

SCHEMA = "rankscope.trace/1"


# Trace -> JSON


def to_json(trace: Trace) -> dict[str, Any]:
    """The trace as plain JSON values. Raises TraceError where a document stands under another's id."""
    query: dict[str, Any] = {"text": trace.query.text, "filters": dict(trace.query.filters)}
    if trace.query.query_id is not None:
        query["id"] = trace.query.query_id
    floor = trace.floor
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "id": trace.trace_id,
        "created_at": format_time(trace.created_at),
        "origin": trace.origin,
        "parent_id": trace.parent_id,
        "query": query,
        "pipeline": _pipeline_to_json(trace.pipeline),
        "rankings": [_ranking_to_json(ranking) for ranking in trace.rankings],
        "floor": None
        if floor is None
        else {"value": floor.value, "score_scale": floor.score_scale.value, "source": floor.source},
        "top_k": trace.top_k,
        "kept": list(trace.kept),
        "decision": trace.decision,
        "findings": [
            {
                "code": item.code,
                "severity": item.severity,
                "message": item.message,
                "doc_ids": list(item.doc_ids),
            }
            for item in trace.findings
        ],
        "documents": {key: _document_to_json(key, document) for key, document in trace.documents.items()},
    }
    if trace.attributes:
        data["attributes"] = dict(trace.attributes)
    return data


def dumps(trace: Trace) -> str:
    """The trace as one line of JSON without the line's end, safe to print and to write as UTF-8."""
    return to_json_text(to_json(trace), "trace")


def _pipeline_to_json(pipeline: PipelineInfo) -> dict[str, Any]:
    models: dict[str, dict[str, Any]] = {}
    for role, model in pipeline.models.items():
        models[role] = {
            "name": model.name,
            "revision": model.revision,
            "dtype": model.dtype,
            "max_length": model.max_length,
        }
        if model.activation:
            models[role]["activation"] = model.activation
    return {
        "fingerprint": pipeline.fingerprint,
        "corpus": pipeline.corpus,
        "settings": dict(pipeline.settings),
        "models": models,
    }


def _ranking_to_json(ranking: Ranking) -> dict[str, Any]:
    data: dict[str, Any] = {
        "stage": ranking.stage,
        "score_scale": ranking.score_scale.value,
        "ms": ranking.ms,
        "depth": ranking.depth,
        "status": ranking.status,
        "hits": [_hit_to_json(hit) for hit in ranking.hits],
    }
    if ranking.details:
        data["details"] = dict(ranking.details)
    return data


def _hit_to_json(hit: Hit) -> dict[str, Any]:
    data: dict[str, Any] = {"doc_id": hit.doc_id, "rank": hit.rank, "score": hit.score}
    if hit.details:
        data["details"] = dict(hit.details)
    return data


def _document_to_json(key: str, document: Document) -> dict[str, Any]:
    if document.doc_id != key:
        raise TraceError(f"documents[{key!r:.60}] holds document {document.doc_id!r:.60}, expected its own.")
    return {"title": document.title, "text": document.text, "metadata": dict(document.metadata)}


# JSON -> Trace


def loads(line: str | bytes, *, path: Path | str | None = None, line_number: int | None = None) -> Trace:
    """The trace that one line of JSON holds. Raises TraceError, which names file, line and key."""
    try:
        data = json.loads(line, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise TraceError(f"not valid UTF-8: {error}.", path=path, line=line_number) from error
    except (ValueError, RecursionError) as error:
        raise TraceError(f"not valid JSON: {error}.", path=path, line=line_number) from error
    return from_json(data, path=path, line_number=line_number)


def iter_file(path: Path) -> Iterator[Trace]:
    """Traces of a ``.jsonl`` file, one at a time; blank lines are passed over."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield loads(line, path=path, line_number=number)


def from_json(data: Any, *, path: Path | str | None = None, line_number: int | None = None) -> Trace:
    """The trace that parsed JSON describes, every key and kind checked.

    Raises TraceError with one line that names the key, such as ``rankings[1].hits[0].rank``. Keys that
    the format does not know are an error, because they would be lost.
    """
    try:
        return _trace(data)
    except TraceError as error:
        raise TraceError(error.message, path=path, line=line_number, remedy=error.remedy) from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the format."""
    schema: dict[str, Any] = json.loads(
        Path(__file__).with_name("trace.schema.json").read_text(encoding="utf-8")
    )
    return schema


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


_TRACE_KEYS = frozenset(
    (
        *("schema", "id", "created_at", "origin", "parent_id", "query", "pipeline", "rankings"),
        *("floor", "top_k", "kept", "decision", "findings", "documents", "attributes"),
    )
)


def _trace(data: Any) -> Trace:
    table = table_at(data, "", _TRACE_KEYS)
    if table.get("schema") != SCHEMA:
        raise TraceError(f"schema is {shown(table.get('schema'))}, expected {SCHEMA!r}.")
    created = text_at(table, "created_at", "")
    try:
        created_at = parse_time(created)
    except ValueError as error:
        raise TraceError(
            f"created_at is {shown(created)}, expected a time such as 2026-01-31T12:00:00.123Z."
        ) from error
    decision = table.get("decision")
    if decision not in (None, "answer", "refuse"):
        raise TraceError(f"decision is {shown(decision)}, expected 'answer', 'refuse' or null.")
    identifier = text_at(table, "id", "")
    if not identifier:
        raise TraceError("id is empty, expected the trace's id.")
    documents = mapping_at(table, "documents", "")
    return Trace(
        trace_id=identifier,
        created_at=created_at,
        origin=text_at(table, "origin", ""),
        parent_id=optional_text_at(table, "parent_id", ""),
        query=_query(table.get("query")),
        pipeline=_pipeline(table.get("pipeline")),
        rankings=tuple(
            _ranking(item, f"rankings[{place}]")
            for place, item in enumerate(list_at(table, "rankings", "", required=True))
        ),
        floor=_floor(table.get("floor")),
        top_k=whole_at(table, "top_k", "", least=0),
        kept=texts_at(table, "kept", ""),
        decision=decision,
        findings=tuple(
            _finding(item, f"findings[{place}]") for place, item in enumerate(list_at(table, "findings", ""))
        ),
        documents={key: _document(key, item) for key, item in documents.items()},
        attributes=mapping_at(table, "attributes", ""),
    )


def _query(data: Any) -> Query:
    table = table_at(data, "query", ("text", "filters", "id"))
    filters = mapping_at(table, "filters", "query.")
    for key, value in filters.items():
        if not isinstance(value, str):
            raise TraceError(f"query.filters.{key_path(key)} is {shown(value)}, expected text.")
    return Query(
        text=text_at(table, "text", "query."),
        filters=filters,
        query_id=optional_text_at(table, "id", "query."),
    )


def _pipeline(data: Any) -> PipelineInfo:
    if data is None:
        return PipelineInfo()
    table = table_at(data, "pipeline", ("fingerprint", "corpus", "settings", "models"))
    models: dict[str, ModelInfo] = {}
    for role, item in mapping_at(table, "models", "pipeline.").items():
        where = f"pipeline.models.{key_path(role)}"
        model = table_at(item, where, ("name", "revision", "dtype", "max_length", "activation"))
        models[role] = ModelInfo(
            name=text_at(model, "name", f"{where}."),
            revision=text_at(model, "revision", f"{where}.", default=""),
            dtype=text_at(model, "dtype", f"{where}.", default=""),
            max_length=whole_at(model, "max_length", f"{where}."),
            activation=text_at(model, "activation", f"{where}.", default=""),
        )
    return PipelineInfo(
        fingerprint=text_at(table, "fingerprint", "pipeline.", default=""),
        corpus=text_at(table, "corpus", "pipeline.", default=""),
        settings=mapping_at(table, "settings", "pipeline."),
        models=models,
    )


def _ranking(data: Any, where: str) -> Ranking:
    table = table_at(data, where, ("stage", "score_scale", "ms", "depth", "hits", "status", "details"))
    status = text_at(table, "status", f"{where}.", default="ok")
    if status not in ("ok", "partial") and not status.startswith(("skipped:", "failed:")):
        raise TraceError(
            f"{where}.status is {shown(status)}, expected ok, partial, skipped:REASON or failed:REASON."
        )
    details = mapping_at(table, "details", f"{where}.")
    for key, value in details.items():
        if not isinstance(value, str):
            finite(value, f"{where}.details.{key_path(key)}", "text or a finite number")
    hits = tuple(
        _hit(item, where, place)
        for place, item in enumerate(list_at(table, "hits", f"{where}.", required=True))
    )
    try:
        return Ranking(
            stage=text_at(table, "stage", f"{where}."),
            score_scale=scale_at(table, f"{where}."),
            hits=hits,
            ms=number_at(table, "ms", f"{where}."),
            depth=whole_at(table, "depth", f"{where}."),
            status=status,
            details=details,
        )
    except TraceError as error:
        raise error if error.message.startswith(where) else TraceError(f"{where}: {error.message}") from error


_HIT_KEYS = frozenset(("doc_id", "rank", "score", "details"))


def _hit(data: Any, ranking: str, place: int) -> Hit:
    # Hundreds of hits a trace: the common case is checked without building any path.
    if type(data) is dict:
        doc_id, rank, score = data.get("doc_id"), data.get("rank"), data.get("score")
        if (type(doc_id) is str and type(rank) is int and type(score) is float) and (
            1 <= rank <= LARGEST and math.isfinite(score)
        ):
            if len(data) == 3:
                return Hit(doc_id, rank, score)
            numbers = _plain_numbers(data.get("details")) if len(data) == 4 else None
            if numbers is not None:
                return Hit(doc_id, rank, score, numbers)
    where = f"{ranking}.hits[{place}]"
    table = table_at(data, where, _HIT_KEYS)
    rank = whole_at(table, "rank", f"{where}.", least=1)
    if rank is None:
        raise TraceError(f"{where}.rank is missing, expected a whole number from 1.")
    if "score" not in table:
        raise TraceError(f"{where}.score is missing, expected a finite number, or null where none is known.")
    details = mapping_at(table, "details", f"{where}.")
    return Hit(
        doc_id=text_at(table, "doc_id", f"{where}."),
        rank=rank,
        score=number_at(table, "score", f"{where}."),
        details={
            key: finite(value, f"{where}.details.{key_path(key)}", "a finite number")
            for key, value in details.items()
        },
    )


_NUMBERS = frozenset((int, float))


def _plain_numbers(details: Any) -> dict[str, float] | None:
    """The details, if all are finite numbers; None where the slower check must say which is not."""
    if type(details) is not dict or not _NUMBERS.issuperset(map(type, details.values())):
        return None
    try:
        total = math.fsum(details.values())
    except (OverflowError, ValueError):
        return None
    return details if math.isfinite(total) else None


def _floor(data: Any) -> Floor | None:
    if data is None:
        return None
    table = table_at(data, "floor", ("value", "score_scale", "source"))
    value = number_at(table, "value", "floor.")
    if value is None:
        raise TraceError("floor.value is missing, expected a finite number.")
    return Floor(value, scale_at(table, "floor."), text_at(table, "source", "floor.", default="default"))


def _finding(data: Any, where: str) -> Finding:
    table = table_at(data, where, ("code", "severity", "message", "doc_ids"))
    severity = table.get("severity")
    if severity not in ("info", "warning", "error"):
        raise TraceError(f"{where}.severity is {shown(severity)}, expected info, warning or error.")
    return Finding(
        code=text_at(table, "code", f"{where}."),
        severity=severity,
        message=text_at(table, "message", f"{where}.", default=""),
        doc_ids=texts_at(table, "doc_ids", f"{where}."),
    )


def _document(key: str, data: Any) -> Document:
    where = f"documents.{key_path(key)}"
    table = table_at(data, where, ("title", "text", "metadata"))
    return Document(
        doc_id=key,
        text=text_at(table, "text", f"{where}."),
        title=text_at(table, "title", f"{where}.", default=""),
        metadata=mapping_at(table, "metadata", f"{where}."),
    )
