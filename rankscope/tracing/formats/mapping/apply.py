"""A mapping at work: each record of the log becomes a trace, or is rejected with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rankscope.core.counting import counted
from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo
from rankscope.errors import TraceError
from rankscope.tracing.formats.assemble import Candidate, Draft, file_moment
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.identity import TraceIds
from rankscope.tracing.formats.importer import Ignored, Imported, ImportOptions, Outcome, Rejected
from rankscope.tracing.formats.mapping.expressions import compile_expression
from rankscope.tracing.formats.mapping.model import LogMapping, StageMap
from rankscope.tracing.formats.mapping.source import LogRecord, log_records
from rankscope.tracing.formats.values import as_id, as_mapping, as_moment, as_number, as_rank, as_text, plain

__all__ = ["MappedLog", "draft_of"]

_TO_MS = {"ms": 1.0, "s": 1000.0, "us": 0.001, "ns": 1e-6}
_EMPTY: tuple[Any, ...] = (None, "", [], {})


class MappedLog:
    """Reads a log of any shape by a mapping."""

    name = "log"
    unit = "record"

    def __init__(self, mapping: LogMapping) -> None:
        self.mapping = mapping

    def sniff(self, head: Head) -> float:  # noqa: ARG002 - a mapping is given, never found
        return 0.0

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:
        """Everything in the log, in order (rows that are grouped come when the file has ended)."""
        ids, fallback = TraceIds(self.name), file_moment(path)
        for record in log_records(path, self.mapping.source):
            if record.blank:
                yield Ignored(record.line, "blank line", record.records)
                continue
            if record.error:
                yield Rejected(record.line, record.error, record.raw, record.records)
                continue
            try:
                draft = draft_of(record, self.mapping, options)
                draft.source = {"file": path.name, "line": record.line}
                trace = draft.build(self.name, ids, record.raw, fallback)
            except (ValueError, TraceError) as error:
                reason = error.message if isinstance(error, TraceError) else str(error)
                yield Rejected(record.line, reason, record.raw, record.records)
                continue
            yield Imported(trace, record.records)


def draft_of(record: LogRecord, mapping: LogMapping, options: ImportOptions) -> Draft:
    """The trace in the making. Raises ValueError where the record has neither a query nor candidates."""
    value, parts = record.value, mapping.trace
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.60} is not an object")
    query = as_text(_get(parts.query, value))
    error = _error_text(_get(parts.error, value))
    draft = Draft(
        query=Query(query, _filters(_get(parts.filters, value)), as_id(_get(parts.query_id, value))),
        created_at=as_moment(_get(parts.time, value)),
        options=options,
        top_k=as_rank(_get(parts.top_k, value)),
        attributes={
            name: plain(found)
            for name, text in parts.attributes.items()
            if (found := _get(text, value)) not in _EMPTY
        },
    )
    lists = [(stage, _candidates(stage, value, draft)) for stage in mapping.stages]
    for _, candidates in lists:
        draft.introduce(candidates or ())
    for stage, candidates in lists:
        if candidates is not None:
            _add(draft, stage, candidates, value)
    if not query and not any(ranking.hits for ranking in draft.rankings):
        raise ValueError(
            f"an error record: {error}" if error else f"no query ({parts.query}) and no candidates"
        )
    if not query:
        draft.notes.append(f"the record has no query under {parts.query or 'any name'}")
    _add_error(draft, mapping, error)
    _add_rest(draft, mapping, value)
    return draft


def _get(expression: str, value: Any) -> Any:
    return compile_expression(expression)(value) if expression else None


def _error_text(value: Any) -> str:
    if value in _EMPTY or value is False:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(plain(value), ensure_ascii=False)
    return str(value)


def _filters(value: Any) -> dict[str, str]:
    table = as_mapping(value)
    return {
        key: item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
        for key, item in table.items()
        if item is not None
    }


def _candidates(stage: StageMap, value: Any, draft: Draft) -> list[Candidate] | None:
    """The stage's candidates; None where the record has no list for it."""
    if stage.layout == "columns":
        return _from_columns(stage, value, draft)
    found = _get(stage.candidates, value)
    if stage.layout == "object" and isinstance(found, dict):
        found = [{"key": key, "value": item} for key, item in found.items()]
    if found in (None, ""):
        return None
    if not isinstance(found, list):
        draft.notes.append(f"{stage.name}: expected a list under {stage.candidates}, found {found!r:.80}")
        return None
    rows = [_candidate(stage, item) for item in found]
    kept = [row for row in rows if _wanted(stage, row)]
    empty = sum(1 for row in rows if row == Candidate())
    if empty:
        of = f"of {counted(len(rows), 'candidate')}"
        draft.notes.append(f"{stage.name}: {counted(empty, f'{of} was empty', f'{of} were empty')}")
    return kept


def _candidate(stage: StageMap, item: Any) -> Candidate:
    return _converted(
        stage,
        Candidate(
            doc_id=_get(stage.id, item),
            text=as_text(_get(stage.text, item)),
            title=as_text(_get(stage.title, item)),
            score=_get(stage.score, item),
            rank=_get(stage.rank, item),
            metadata=_metadata(_get(stage.metadata, item)),
        ),
    )


def _metadata(value: Any) -> dict[str, Any]:
    return {key: item for key, item in as_mapping(value).items() if item is not None}


def _converted(stage: StageMap, row: Candidate) -> Candidate:
    """Distances as scores of which more is better; the distance itself stays in the hit's details."""
    distance = as_number(row.score) if stage.distance else None
    if distance is None:
        return row
    score = 1.0 - distance if stage.distance == "cosine" else -distance
    return Candidate(row.doc_id, row.text, row.title, score, row.rank, row.metadata, {"distance": distance})


def _wanted(stage: StageMap, row: Candidate) -> bool:
    if stage.only_found:
        return as_number(row.score) is not None or as_rank(row.rank) is not None
    return bool(row.doc_id not in _EMPTY or row.text or row.score not in _EMPTY or row.title)


def _from_columns(stage: StageMap, value: Any, draft: Draft) -> list[Candidate] | None:
    """Candidates from lists that run side by side."""
    columns: dict[str, list[Any]] = {}
    for name in ("id", "text", "title", "score", "rank", "metadata"):
        found = _get(getattr(stage, name), value)
        if isinstance(found, str) and stage.split and found.strip():
            found = [part.strip() for part in found.split(stage.split)]
        if isinstance(found, list):
            columns[name] = found
    keys = [columns[name] for name in ("id", "text") if name in columns]
    if not keys:
        return None
    length = max(map(len, keys))
    for name, column in columns.items():
        filled = sum(1 for item in column if item not in _EMPTY)
        if filled and len(column) != length:
            draft.notes.append(
                f"{stage.name}: {name} has "
                + f"{counted(len(column), 'entry', 'entries')} for {counted(length, 'candidate')}"
            )
    rows = [
        _converted(
            stage,
            Candidate(
                doc_id=_at(columns, "id", place),
                text=as_text(_at(columns, "text", place)),
                title=as_text(_at(columns, "title", place)),
                score=_at(columns, "score", place),
                rank=_at(columns, "rank", place),
                metadata=_metadata(_at(columns, "metadata", place)),
            ),
        )
        for place in range(length)
    ]
    return [row for row in rows if _wanted(stage, row)]


def _at(columns: dict[str, list[Any]], name: str, place: int) -> Any:
    column = columns.get(name, [])
    return column[place] if place < len(column) else None


def _add(draft: Draft, stage: StageMap, candidates: list[Candidate], value: Any) -> None:
    took = as_number(_get(stage.ms, value))
    details: dict[str, float | str] = {}
    scale = ScoreScale(stage.scale)
    if stage.distance == "cosine":
        details["score_note"] = "1 minus the source's cosine distance, which the hits' details hold"
        scale = ScoreScale.COSINE
    elif stage.distance:
        details["score_note"] = "minus the source's distance, which the hits' details hold"
    draft.add_stage(
        stage.name,
        candidates,
        scale=scale,
        order=stage.order,
        ms=None if took is None else took * _TO_MS[stage.ms_unit],
        details=details,
    )


def _add_error(draft: Draft, mapping: LogMapping, error: str) -> None:
    """An error beside hits is an attribute; without any it is why the last stage has none."""
    if not error:
        return
    draft.attributes["error"] = error
    if any(ranking.hits for ranking in draft.rankings):
        return
    stage = mapping.stages[-1]
    draft.rankings = [ranking for ranking in draft.rankings if ranking.stage != stage.name]
    draft.add_stage(stage.name, (), scale=ScoreScale(stage.scale), status=f"failed:{error[:500]}")


def _add_rest(draft: Draft, mapping: LogMapping, value: Any) -> None:
    parts = mapping.trace
    for role, text in (("bi_encoder", parts.bi_encoder), ("cross_encoder", parts.cross_encoder)):
        if name := as_text(_get(text, value)):
            draft.models[role] = ModelInfo(name)
    floor = as_number(_get(parts.floor, value))
    if floor is not None and draft.rankings:
        draft.floor = Floor(floor, draft.rankings[-1].score_scale, "manual")
    refused, answered = _get(parts.refused, value), _get(parts.answered, value)
    if isinstance(refused, bool):
        draft.decision = "refuse" if refused else "answer"
    elif isinstance(answered, bool):
        draft.decision = "answer" if answered else "refuse"
    kept = _get(parts.kept, value)
    if isinstance(kept, list):
        draft.kept = tuple(doc_id for item in kept if (doc_id := as_id(item)) is not None)
