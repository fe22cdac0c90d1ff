"""A mapping proposed from the first records of a log, tried on them, with what was not understood."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from rankscope.core.trace import Trace
from rankscope.errors import InputError, TraceError
from rankscope.tracing.formats.assemble import file_moment
from rankscope.tracing.formats.identity import TraceIds
from rankscope.tracing.formats.importer import ImportOptions
from rankscope.tracing.formats.literals import looks_structured, parse_literal
from rankscope.tracing.formats.mapping.apply import draft_of
from rankscope.tracing.formats.mapping.candidate_lists import CandidateList
from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.find_lists import find_lists
from rankscope.tracing.formats.mapping.guess_rows import Grouping, event_keys, groupings
from rankscope.tracing.formats.mapping.guess_sources import sources_of
from rankscope.tracing.formats.mapping.guess_stages import guess_stages
from rankscope.tracing.formats.mapping.guess_trace import guess_trace
from rankscope.tracing.formats.mapping.model import LogMapping, SourceMap
from rankscope.tracing.formats.mapping.shape import Leaf, leaves_of
from rankscope.tracing.formats.mapping.shape import Path as FieldPath
from rankscope.tracing.formats.mapping.source import (
    LogRecord,
    decode_paths,
    group_records,
    raw_records,
    unpack,
)

__all__ = ["Proposal", "Unused", "guess"]

_SAMPLE = 400
_TABLE_SAMPLE = 4000


@dataclass(frozen=True, slots=True)
class Unused:
    """A field that the mapping does not use: how many sampled records have it, and one value."""

    path: str
    records: int
    example: str


@dataclass
class Proposal:
    """A mapping, how well it fits the sampled records, and all that is to be said about it."""

    mapping: LogMapping
    sampled: int = 0
    imported: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    preview: Trace | None = None
    notes: list[str] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    worth: float = 0.0


def guess(path: Path) -> Proposal:
    """The best mapping found for a log.

    Every way in which the file may fall into records (lines, a list inside a document, a table, rows that
    belong together) is tried on the first records, and the one that gives most traces with most in them is
    taken. Raises InputError where no way gives a single ranking.
    """
    best: Proposal | None = None
    for source in sources_of(path):
        records = _sample(path, source)
        for proposal in _proposals(source, records, path):
            if best is None or proposal.worth > best.worth + 1e-9:
                best = proposal
    if best is None or not _holds_ranking(best):
        raise InputError(
            "no ranking was found in the first records.",
            path=path,
            remedy="Write a mapping by hand: traces/mapping.md in the repository shows one.",
        )
    return best


def _holds_ranking(proposal: Proposal) -> bool:
    """Whether the preview has hits, and either a query or scores: a list of words alone is no ranking."""
    trace = proposal.preview
    if trace is None or not any(ranking.hits for ranking in trace.rankings):
        return False
    scored = any(hit.score is not None for ranking in trace.rankings for hit in ranking.hits)
    return bool(trace.query.text) or scored


def _sample(path: Path, source: SourceMap) -> list[LogRecord]:
    size = _SAMPLE if source.kind == "json" else _TABLE_SAMPLE
    raw = islice(raw_records(path, source), size)
    return list(islice(unpack(raw, source.records), size))


def _proposals(source: SourceMap, records: list[LogRecord], path: Path) -> Iterator[Proposal]:
    """Proposals for one way of reading: each record a trace, then groups of records."""
    tables = [record for record in records if isinstance(record.value, dict)]
    if not tables:
        return
    decode = _structured([record.value for record in tables])
    source = replace(source, decode=tuple(decode))
    decoded = [
        replace(record, value=decode_paths(record.value, source.decode))
        if isinstance(record.value, dict)
        else record
        for record in records
    ]
    few = decoded[:_SAMPLE]
    items = [(place, record.value) for place, record in enumerate(few) if isinstance(record.value, dict)]
    leaves = leaves_of(items)
    yield _try(source, leaves, find_lists(leaves), few, path)
    for keys in event_keys(decoded):
        yield _try_events(replace(source, group_by=keys), list(group_records(decoded, keys)), path)
    for grouping in groupings(decoded):
        grouped = list(group_records(decoded, grouping.keys))
        yield _try_rows(source, grouping, grouped, path)


def _structured(values: list[dict[str, Any]], depth: int = 0) -> list[str]:
    """Paths of fields whose text spells a list or a mapping, structures inside structures included."""
    leaves = leaves_of(list(enumerate(values[:_SAMPLE])))
    found = []
    for path, leaf in leaves.items():
        texts = [text for text in leaf.texts if looks_structured(text)]
        if (
            texts
            and len(texts) >= 0.3 * len(leaf.texts)
            and any(not isinstance(parse_literal(text), str) for text in texts[:20])
        ):
            found.append(path_expression(path))
        rows = [item for value in leaf.lists.values() for item in value if isinstance(item, dict)]
        if rows and depth < 2 and not any(isinstance(token, int) for token in path):
            found += [f"{path_expression(path)}[].{inner}" for inner in _structured(rows, depth + 2)]
    if found and depth < 2:
        again = [decode_paths(value, tuple(found)) for value in values[:_SAMPLE]]
        found += [text for text in _structured(again, depth + 1) if text not in found]
    return found


def _try(
    source: SourceMap,
    leaves: Mapping[FieldPath, Leaf],
    lists: list[CandidateList],
    records: list[LogRecord],
    path: Path,
) -> Proposal:
    staged = guess_stages(lists)
    taken = {used for item in (*lists, *staged.lists) for used in item.used}
    found = guess_trace(leaves, staged.stages, taken)
    trace = replace(found.trace, kept=staged.kept)
    mapping = LogMapping(source, trace, tuple(found.stages))
    proposal = Proposal(mapping, notes=[*staged.notes, *found.notes])
    for item in staged.lists:
        proposal.notes += item.fields.notes
    proposal.unused = _unused(leaves, found.used | taken, staged.lists, len(records))
    _judge(proposal, records, path)
    return proposal


def _try_events(source: SourceMap, grouped: list[LogRecord], path: Path) -> Proposal:
    """One line for each step of a request: the steps of a request are a list in one record."""
    items = [(place, record.value) for place, record in enumerate(grouped) if isinstance(record.value, dict)]
    leaves = leaves_of(items)
    lists = [item for item in find_lists(leaves) if item.expression.startswith("rows[?")]
    proposal = _try(source, leaves, lists, grouped, path)
    told = ", ".join(source.group_by)
    proposal.notes.insert(0, f"lines with the same {told} are taken as the steps of one trace")
    return proposal


def _try_rows(source: SourceMap, grouping: Grouping, records: list[LogRecord], path: Path) -> Proposal:
    source = replace(source, group_by=grouping.keys)
    staged = guess_stages(grouping.lists)
    found = guess_trace(grouping.leaves, staged.stages, grouping.used)
    mapping = LogMapping(source, found.trace, tuple(found.stages))
    proposal = Proposal(mapping, notes=[*grouping.notes, *staged.notes, *found.notes])
    proposal.notes += grouping.lists[0].fields.notes
    proposal.unused = _unused(grouping.leaves, found.used | grouping.used, [], len(records))
    _judge(proposal, records, path)
    return proposal


def _unused(
    leaves: Mapping[FieldPath, Leaf], used: set[FieldPath], lists: list[CandidateList], records: int
) -> list[Unused]:
    """Fields that no expression reads, those of candidates included."""
    found = []
    for path, leaf in leaves.items():
        covered = any(path[: len(other)] == other for other in used)
        if leaf.values and not covered:
            found.append(Unused(path_expression(path), min(records, len(set(leaf.owners))), _example(leaf)))
    for item in lists:
        for path, leaf in item.leaves.items():
            if item.layout == "list" and leaf.values and path and path not in item.fields.used:
                name = f"{item.expression}[].{path_expression(path)}"
                found.append(Unused(name, len(set(leaf.owners)), _example(leaf)))
    return found


def _example(leaf: Leaf) -> str:
    return json.dumps(leaf.values[0], ensure_ascii=False, default=str)[:120]


def _judge(proposal: Proposal, records: list[LogRecord], path: Path) -> None:
    """Apply the mapping to the sample and count; what a trace has decides how much it is worth."""
    if not proposal.mapping.stages:
        return
    ids, fallback = TraceIds("log"), file_moment(path)
    total = 0.0
    for record in records:
        if record.blank:
            continue
        proposal.sampled += record.records
        if record.error:
            proposal.rejected[record.error] += record.records
            continue
        try:
            trace = draft_of(record, proposal.mapping, ImportOptions()).build(
                "log", ids, record.raw, fallback
            )
        except (ValueError, TraceError) as error:
            proposal.rejected[str(error)] += record.records
            continue
        proposal.imported += record.records
        total += _trace_worth(trace) * record.records
        full = sum(len(ranking.hits) for ranking in trace.rankings)
        if proposal.preview is None or (full and not any(r.hits for r in proposal.preview.rankings)):
            proposal.preview = trace
    proposal.worth = total / proposal.sampled if proposal.sampled else 0.0


def _trace_worth(trace: Trace) -> float:
    """How much of a ranking a trace holds: a query, several candidates, ids, texts, scores."""
    hits = [hit for ranking in trace.rankings for hit in ranking.hits]
    if not hits:
        return 0.1 if trace.query.text else 0.0
    worth = 3.0 if trace.query.text else 0.0
    longest = max(len(ranking.hits) for ranking in trace.rankings)
    worth += 1.5 if longest > 1 else 0.5
    worth += sum(hit.score is not None for hit in hits) / len(hits)
    worth += 0.7 * sum(not hit.doc_id.startswith(("content:", "unidentified:")) for hit in hits) / len(hits)
    worth += 0.5 * bool(trace.documents) + 0.1 * min(len(trace.rankings), 5)
    repeats = sum(sum(ranking.repeated_ids().values()) for ranking in trace.rankings)
    return worth - 1.5 * repeats / len(hits)
