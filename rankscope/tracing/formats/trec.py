"""TREC runs: ``qid Q0 docid rank score tag`` a line, tabs or spaces, ranks from 0 or 1, gz or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from rankscope.core.counting import counted
from rankscope.core.documents import Query
from rankscope.errors import TraceError
from rankscope.tracing.formats.assemble import Candidate, Draft, file_moment
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.identity import TraceIds
from rankscope.tracing.formats.importer import Ignored, Imported, ImportOptions, Outcome, Rejected
from rankscope.tracing.formats.text_source import has_undecoded, read_lines
from rankscope.tracing.formats.values import as_number, as_rank

__all__ = ["RunLine", "TrecRun", "parse_line"]


@dataclass(frozen=True, slots=True)
class RunLine:
    """One line of a run."""

    qid: str
    doc_id: str
    rank: int
    score: float
    tag: str


@dataclass
class _Topic:
    line: int
    tag: str
    raw: list[str] = field(default_factory=list)
    rows: list[RunLine] = field(default_factory=list)


def parse_line(text: str) -> RunLine:
    """The fields of a line. Raises ValueError that says which is wrong."""
    if has_undecoded(text):
        raise ValueError("not valid UTF-8")
    parts = text.split("\t") if text.count("\t") >= 4 else text.split()
    parts = [part.strip() for part in parts]
    if len(parts) == 5:
        parts.append("")
    if len(parts) != 6:
        raise ValueError(f"{counted(len(parts), 'field')}, expected qid Q0 docid rank score tag")
    qid, _, doc_id, rank, score, tag = parts
    if not qid or not doc_id:
        raise ValueError("the query id or the document id is empty")
    place, number = as_rank(rank), as_number(score)
    if place is None:
        raise ValueError(f"rank is {rank!r:.60}, expected a whole number from 0")
    if number is None:
        raise ValueError(f"score is {score!r:.60}, expected a finite number")
    return RunLine(qid, doc_id, place, number, tag)


class TrecRun:
    """One trace a query. The order is that of the ranks; where scores say otherwise, that is noted."""

    name = "trec"
    unit = "line"

    def sniff(self, head: Head) -> float:
        good = 0
        for line in head.lines:
            try:
                good += parse_line(line).qid != ""
            except ValueError:
                continue
        share = good / len(head.lines) if head.lines else 0.0
        return share * 0.95 if share >= 0.3 else 0.0

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:
        topics: dict[str, _Topic] = {}
        for number, raw in read_lines(path):
            if not raw.strip():
                yield Ignored(number, "blank line")
                continue
            try:
                row = parse_line(raw)
            except ValueError as error:
                yield Rejected(number, str(error), raw)
                continue
            topic = topics.setdefault(row.qid, _Topic(number, row.tag))
            topic.rows.append(row)
            topic.raw.append(raw)
        ids = TraceIds(f"{self.name}:{options.stage}")
        fallback = file_moment(path)
        for qid, topic in topics.items():
            draft = Draft(
                query=Query("", query_id=qid),
                source={"file": path.name, "line": topic.line, "tag": topic.tag},
                options=options,
                notes=["the run holds query ids, not the queries' text"],
            )
            candidates = [Candidate(row.doc_id, score=row.score, rank=row.rank) for row in topic.rows]
            try:
                ranking = draft.add_stage(options.stage, candidates, order="rank")
                scores = [hit.score or 0.0 for hit in ranking.hits]
                against = sum(1 for a, b in pairwise(scores) if b > a)
                if against:
                    stand = counted(against, "hit stands", "hits stand")
                    draft.notes.append(f"{stand} below a lower score; the ranks were kept")
                trace = draft.build(self.name, ids, "\n".join(topic.raw), fallback)
            except TraceError as error:
                yield Rejected(topic.line, error.message, topic.raw[0], records=len(topic.rows))
                continue
            yield Imported(trace, records=len(topic.rows))
