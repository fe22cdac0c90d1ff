"""From what a source says about each candidate to rankings, documents, and a count of what was odd."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from rankscope.core.counting import counted
from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Decision, Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.tracing.formats.identity import TraceIds, content_id
from rankscope.tracing.formats.importer import ImportOptions
from rankscope.tracing.formats.values import as_id, as_number, as_rank

__all__ = ["Candidate", "Draft", "Order", "file_moment"]

Order = Literal["list", "score", "rank"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One document in one list, in the source's own values."""

    doc_id: Any = None
    text: str = ""
    title: str = ""
    score: Any = None
    rank: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    details: dict[str, float] = field(default_factory=dict)


@dataclass
class Draft:
    """A trace in the making. Stages are added in the order in which the query passed them."""

    query: Query
    created_at: datetime | None = None
    source: dict[str, Any] = field(default_factory=dict)
    """Where it comes from, as the trace's attributes will say: file, line, trace id."""
    options: ImportOptions = field(default_factory=ImportOptions)
    attributes: dict[str, Any] = field(default_factory=dict)
    rankings: list[Ranking] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    floor: Floor | None = None
    top_k: int | None = None
    kept: tuple[str, ...] = ()
    decision: Decision | None = None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    ran: bool = False
    """Whether any stage so far has run."""
    _by_content: dict[str, str] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)
    """The names that are taken, with the number up to which names made from each are taken too."""

    def introduce(self, candidates: Iterable[Candidate]) -> None:
        """Learn which content has which id, so that a list without ids can be joined by content."""
        for candidate in candidates:
            doc_id = as_id(candidate.doc_id)
            if doc_id is not None and candidate.text:
                self._by_content.setdefault(content_id("", candidate.text), doc_id)

    def known_id(self, candidate: Candidate) -> str | None:
        """The id that this candidate has or gets by its content; None where it has neither."""
        doc_id = as_id(candidate.doc_id)
        if doc_id is None and candidate.text:
            key = content_id("", candidate.text)
            doc_id = self._by_content.get(key, key)
        return doc_id

    def add_stage(
        self,
        stage: str,
        candidates: Sequence[Candidate],
        *,
        scale: ScoreScale = ScoreScale.UNKNOWN,
        order: Order = "list",
        ms: float | None = None,
        depth: int | None = None,
        status: str = "ok",
        details: dict[str, float | str] | None = None,
    ) -> Ranking:
        """Put a stage's list behind those that stand; odd things are counted and said in ``notes``."""
        name = self.free_name(stage)
        self.introduce(candidates)
        rows = [
            (self._resolve(candidate, place, name), candidate) for place, candidate in enumerate(candidates)
        ]
        hits = self._ordered(name, rows, order)
        ranking = Ranking(
            stage=name,
            score_scale=self.options.scales.get(name, scale),
            hits=tuple(hits),
            ms=ms if ms is None or ms >= 0 else None,
            depth=depth,
            status=status,
            details=details or {},
        )
        self.rankings.append(ranking)
        self._names.setdefault(name, 1)
        self.ran = self.ran or ranking.ran
        self._count(name, "repeated_ids", sum(n - 1 for n in ranking.repeated_ids().values()), len(hits))
        self._count(name, "missing_scores", sum(1 for hit in hits if hit.score is None), len(hits))
        return ranking

    def free_name(self, stage: str) -> str:
        """The stage's name, numbered where an earlier stage has it."""
        if stage not in self._names:
            return stage
        number = self._names[stage] + 1
        while f"{stage}-{number}" in self._names:
            number += 1
        self._names[stage] = number - 1
        return f"{stage}-{number}"

    def _resolve(self, candidate: Candidate, place: int, stage: str) -> str:
        """The candidate's id: its own, else the one that its content has elsewhere, else its content's."""
        doc_id = self.known_id(candidate) or f"unidentified:{place + 1}"
        if as_id(candidate.doc_id) is None and doc_id.startswith(("content:", "unidentified:")):
            self._count(stage, "missing_ids", 1)
        if candidate.text or candidate.title or candidate.metadata:
            self._keep_document(Document(doc_id, candidate.text, candidate.title, candidate.metadata), stage)
        return doc_id

    def _keep_document(self, document: Document, stage: str) -> None:
        known = self.documents.get(document.doc_id)
        if known is None or (document.text and not known.text):
            self.documents[document.doc_id] = document
        elif document.text and document.text != known.text:
            self._count(stage, "differing_texts", 1)

    def _ordered(self, stage: str, rows: list[tuple[str, Candidate]], order: Order) -> list[Hit]:
        hits = [
            Hit(doc_id, place, as_number(row.score), row.details)
            for place, (doc_id, row) in enumerate(rows, start=1)
        ]
        if order == "score":
            hits.sort(key=lambda hit: (hit.score is None, -(hit.score or 0.0)))
        elif order == "rank":
            return self._by_rank(stage, hits, [as_rank(row.rank) for _, row in rows])
        return _numbered(hits, range(1, len(hits) + 1))

    def _by_rank(self, stage: str, hits: list[Hit], ranks: list[int | None]) -> list[Hit]:
        known = [rank for rank in ranks if rank is not None]
        shift = 1 if known and min(known) == 0 else 0
        pairs = sorted(
            zip(hits, ranks, strict=True), key=lambda pair: (pair[1] is None, pair[1] or 0, pair[0].rank)
        )
        given = [rank + shift for _, rank in pairs if rank is not None]
        if len(given) == len(pairs) and all(a < b for a, b in pairwise(given)):
            return _numbered([hit for hit, _ in pairs], given)
        self._count(stage, "missing_ranks", len(pairs) - len(given), len(pairs))
        self._count(stage, "repeated_ranks", len(given) - len(set(given)), len(pairs))
        return _numbered([hit for hit, _ in pairs], range(1, len(pairs) + 1))

    def _count(self, stage: str, what: str, number: int, of: int | None = None) -> None:
        if number:
            table = self.counts.setdefault(what, {})
            table[stage] = table.get(stage, 0) + number
            if of is not None:
                self.notes.append(f"{stage}: {_explained(what, number, of)}")

    def build(self, source_format: str, ids: TraceIds, content: str, fallback: datetime) -> Trace:
        """The finished trace. ``content`` identifies it; ``fallback`` is its time where none is known."""
        note: dict[str, Any] = dict(self.source)
        if self.created_at is None:
            note["created_at"] = "unknown; the file's time stands in"
        note.update(self.counts)
        for what in ("missing_ids", "differing_texts"):
            for stage, number in self.counts.get(what, {}).items():
                self.notes.append(f"{stage}: {_explained(what, number)}")
        if self.notes:
            note["notes"] = list(self.notes)
        return Trace(
            trace_id=ids.make(content, self.created_at),
            created_at=self.created_at or fallback,
            origin=f"import:{source_format}",
            query=self.query,
            rankings=tuple(self.rankings),
            pipeline=PipelineInfo(models=self.models) if self.models else PipelineInfo(),
            floor=self.floor,
            top_k=self.top_k,
            kept=self.kept,
            decision=self.decision,
            documents=self.documents,
            attributes={**self.attributes, "import": note},
        )


_EXPLAINED = {
    "repeated_ids": ("hit", "repeats", "repeat", "an id that stands higher in the list"),
    "missing_scores": ("hit", "has", "have", "no score, or none that is a finite number"),
    "missing_ids": ("hit", "has", "have", "no id; one made from the content stands in"),
    "missing_ranks": ("hit", "has", "have", "no whole-number rank: listed last"),
    "repeated_ranks": ("hit", "shares", "share", "a rank; the list is renumbered"),
    "differing_texts": (
        "document",
        "comes",
        "come",
        "with another text than in an earlier list; the first is kept",
    ),
}
"""Noun, verb for one and for many, and what follows."""


def _explained(what: str, number: int, of: int | None = None) -> str:
    """How often something odd was found in a list, out of so many where that is known."""
    noun, one, many, rest = _EXPLAINED[what]
    if of is None:
        return f"{counted(number, f'{noun} {one}', f'{noun}s {many}')} {rest}"
    those = f"of {counted(of, noun)}"
    return f"{counted(number, f'{those} {one}', f'{those} {many}')} {rest}"


def _numbered(hits: Iterable[Hit], ranks: Iterable[int]) -> list[Hit]:
    return [
        hit if hit.rank == rank else replace(hit, rank=rank) for hit, rank in zip(hits, ranks, strict=True)
    ]


def file_moment(path: Path) -> datetime:
    """When the file was last changed, in UTC: stands in for a time that the source does not give."""
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
