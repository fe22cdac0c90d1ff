"""Drafts to records, on the recorder's thread.

Anything odd is kept and noted, not refused: the trace of a broken ranking is the one that will be needed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import index
from typing import Any, TypeAlias

from rankscope.core.documents import Document, Query
from rankscope.core.filter_text import filter_text
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, PipelineInfo
from rankscope.tracing.drafts import NO_SCORE, StageDraft, TraceDraft
from rankscope.tracing.json_text import to_json_text
from rankscope.tracing.record import Content, RankingRecord, TraceRecord, trace_of

__all__ = ["build_pipeline", "build_record"]

_SCALES: dict[str, ScoreScale] = {scale.value: scale for scale in ScoreScale}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEEPEST = 20
_Columns: TypeAlias = tuple[Sequence[str], Sequence[int], Sequence[float | None]]


def build_pipeline(
    corpus: str, settings: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]
) -> PipelineInfo:
    """The description that all traces of a recorder share; its fingerprint is a hash of the whole."""
    known = {str(role): ModelInfo(**model) for role, model in models.items()}
    plain = {str(key): _plain(value) for key, value in settings.items()}
    if not (corpus or plain or known):
        return PipelineInfo()
    described = to_json_text([corpus, plain, {role: repr(model) for role, model in known.items()}])
    digest = hashlib.sha256(described.encode()).hexdigest()
    return PipelineInfo(f"sha256:{digest}", corpus, plain, known)


def build_record(draft: TraceDraft, pipeline: PipelineInfo) -> TraceRecord:
    """The record of a draft. What does not fit the model is noted in its attributes."""
    notes: dict[str, Any] = {}
    decision, kept, top_k = draft.decided
    if decision not in (None, "answer", "refuse"):
        notes["decision_given"], decision = str(decision), None
    names: dict[str, int] = {}
    rankings: list[RankingRecord] = []
    for stage in draft.stages:
        base = str(stage.name)
        names[base] = names.get(base, 0) + 1
        rankings.append(_ranking(stage, base if names[base] == 1 else f"{base}#{names[base]}"))
    floor = _floor(draft.floor_given, notes)
    attributes = {str(key): _plain(value) for key, value in draft.noted.items()}
    record = TraceRecord(
        trace_id=draft.id,
        created_at=_EPOCH + timedelta(microseconds=draft.created_ns // 1000),
        origin="recorder",
        parent_id=None if draft.parent_id is None else str(draft.parent_id),
        query=Query(
            text=str(draft.query),
            filters={str(key): _filter(value) for key, value in draft.filters.items() if value is not None},
            query_id=None if draft.query_id is None else str(draft.query_id),
        ),
        pipeline=pipeline,
        rankings=rankings,
        floor=floor,
        top_k=_whole(top_k),
        kept=tuple(map(str, kept)),
        decision=decision,
        findings=(),
        contents=_contents(draft.contents),
        attributes={**attributes, **notes},
        whole=lambda: trace_of(record),
    )
    return record


def _ranking(stage: StageDraft, name: str) -> RankingRecord:
    """In rank order where every hit has a rank of its own, else in the order given."""
    notes: dict[str, float | str] = {}
    scale = _SCALES.get(str(stage.score_scale))
    if scale is None:
        notes["score_scale_given"] = str(stage.score_scale)
    columns = _usual_columns(stage.found) or _columns(stage.found, notes)
    return RankingRecord(
        stage=name,
        score_scale=(scale or ScoreScale.UNKNOWN).value,
        ms=None if stage.ms is None else _number(stage.ms),
        depth=_whole(stage.depth),
        status=str(stage.status),
        details={**{str(key): _detail(value) for key, value in stage.details.items()}, **notes},
        doc_ids=columns[0],
        ranks=columns[1],
        scores=columns[2],
    )


def _usual_columns(found: list[Any]) -> _Columns | None:
    """Ids, ranks and scores of the usual list, pairs of text and finite number; None for any other."""
    if not found:
        return None
    try:
        doc_ids, scores = zip(*found, strict=True)
        if set(map(type, scores)) != {float}:  # numpy's, as vector indexes give them
            scores = tuple(map(float, scores))
        usual = set(map(type, doc_ids)) == {str} and all(map(math.isfinite, scores))
    except (TypeError, ValueError, OverflowError):
        return None
    return (doc_ids, range(1, len(found) + 1), scores) if usual else None


def _columns(found: list[Any], notes: dict[str, float | str]) -> _Columns:
    """Ids, ranks and scores of any list; what could not be used is noted."""
    hits = [hit if len(hit) == 3 else (*hit, None) for hit in found]
    ranks = _usable_ranks([rank for _, _, rank in hits])
    if ranks is None:
        ranks = list(range(1, len(hits) + 1))
        if any(rank is not None for _, _, rank in hits):
            notes["ranks_ignored"] = "missing, repeated or not whole numbers"
    unreadable = 0
    rows: list[tuple[int, str, float | None]] = []
    for (doc_id, score, _), rank in zip(hits, ranks, strict=True):
        number = None
        if score is not None and score is not NO_SCORE:
            number = _number(score)
            unreadable += number is None
        rows.append((rank, str(doc_id), number))
    rows.sort(key=lambda row: row[0])
    if unreadable:
        notes["scores_unreadable"] = unreadable
    return [row[1] for row in rows], [row[0] for row in rows], [row[2] for row in rows]


def _usable_ranks(ranks: list[Any]) -> list[int] | None:
    """Ranks from 1, where every hit has one of its own; lists that count from 0 are shifted."""
    known = [number for number in map(_whole, ranks) if number is not None]
    if len(set(known)) < len(ranks):
        return None
    shift = 1 if 0 in known else 0
    return [rank + shift for rank in known]


def _floor(given: tuple[Any, Any, Any] | None, notes: dict[str, Any]) -> Floor | None:
    if given is None:
        return None
    value, scale, source = given
    number = _number(value)
    if number is None:
        notes["floor_given"] = str(value)
        return None
    if str(scale) not in _SCALES:
        notes["floor_scale_given"] = str(scale)
    return Floor(number, _SCALES.get(str(scale), ScoreScale.UNKNOWN), str(source))


def _contents(given: Mapping[str, Any]) -> Mapping[str, Content]:
    if set(map(type, given.values())) <= {str}:  # the usual thing costs nothing
        return given
    return {doc_id: _content(content) for doc_id, content in given.items()}


def _content(content: Any) -> Content:
    if isinstance(content, str):
        return content
    if isinstance(content, Document):
        return content.title, content.text, content.metadata
    if not isinstance(content, Mapping):
        return "", str(content), {}
    metadata = content.get("metadata")
    known = metadata if isinstance(metadata, Mapping) else {}
    plain = {str(key): _plain(value) for key, value in known.items()}
    return str(content.get("title") or ""), str(content.get("text", "")), plain


def _number(value: Any) -> float | None:
    """A finite float, or None for anything that is not one."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    """A whole number from 0, numpy's included, or None for anything that is not one."""
    if isinstance(value, bool):
        return None
    try:
        number = index(value)
    except TypeError:
        return None
    return number if 0 <= number <= 2**53 else None


def _filter(value: Any) -> str:
    """A filter's value spelled as the index spells metadata; several, of which any will do, as JSON."""
    if isinstance(value, Mapping):
        return to_json_text(_plain(value))
    if isinstance(value, list | tuple | set | frozenset):
        texts = [filter_text(item) for item in value if item is not None]
        return to_json_text(sorted(texts) if isinstance(value, set | frozenset) else texts)
    return filter_text(value)


def _detail(value: Any) -> float | str:
    number = None if isinstance(value, str) else _number(value)
    return str(value) if number is None else number


def _plain(value: Any, depth: int = 0) -> Any:
    """A value that JSON can hold; what it cannot hold becomes its text."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return str(value)
