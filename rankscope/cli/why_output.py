"""What ``rankscope why`` prints: biography, rescue and explanations, as lines or as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rankscope.core.sanitize import one_line

if TYPE_CHECKING:
    from rankscope.engine.explaining import Retrieved
    from rankscope.engine.inspection import Inspection
    from rankscope.insight.attribution import Attribution, Part
    from rankscope.insight.biography import Biography, StageRecord
    from rankscope.insight.standing import StageStanding

__all__ = ["lines_of", "retrieval_json", "retrieval_lines", "to_json", "words_json", "words_lines"]

_NAMED = 8


def lines_of(found: Inspection, *, tried: bool = True) -> list[str]:
    """The inspection as lines of text: fate, a line a stage, and the changes or the cause.

    Unless changes were ``tried``, nothing is said about what would bring the document in.
    """
    from rankscope.insight.narrative import change_sentence, fate_sentence

    life = found.biography
    title = found.document.title if found.document is not None else ""
    lines = [
        f"query     {one_line(found.trace.query.text, 100)}",
        f"document  {one_line(life.doc_id, 60)}  {one_line(title, 60)}".rstrip(),
        "",
        one_line(fate_sentence(life)),
        "",
    ]
    lines += [_stage_line(life, record) for record in life.records]
    standing = life.standing
    if standing is not None and standing.shared_terms is not None:
        terms = one_line(", ".join(standing.shared_terms), 90) or "none in common with the query"
        lines.append(f"{'terms':<8} {terms}")
    if found.rescue is not None and found.rescue.changes:
        lines += ["", "Each of these alone would bring it in, the smallest first:"]
        lines += [f"  {one_line(change_sentence(change))}" for change in found.rescue.changes]
    reason = _why_not(found) if tried else ""
    return [*lines, "", one_line(reason)] if reason else lines


def _why_not(found: Inspection) -> str:
    """Why no single change brings it in, or why none was tried."""
    from rankscope.insight.narrative import cause

    if found.untried and found.biography.fate not in ("kept", "filtered_out", "not_in_corpus"):
        return found.untried
    return cause(found.biography, found.rescue)


def _stage_line(life: Biography, record: StageRecord) -> str:
    """Rank, score and arithmetic at one stage; where it is absent, its place in the whole corpus."""
    start = f"{record.stage:<8} "
    if record.status != "ok":
        start += f"{one_line(record.status, 60)}  "
    if record.rank is not None:
        score = f"{record.score:.6g} {record.score_scale}" if record.score is not None else "no score"
        parts = " + ".join(
            f"{share.weight:g}/({share.k:g}+{share.rank}) {share.stage}" for share in record.shares
        )
        return f"{start}{record.rank:>4} of {record.listed:<5} {score}{f' = {parts}' if parts else ''}"
    standing = life.standing
    place = standing.stage(record.stage) if standing is not None else None
    absent = f"{start}not in top {record.listed}" if record.listed else f"{start}no list"
    if place is not None and place.rank is not None:
        return f"{absent}; in the whole corpus {place.rank} of {place.of}, {_score(place)}"
    if record.stage == "rerank" and standing is not None and standing.rerank_score is not None:
        return f"{absent}; as a candidate it would have {standing.rerank_score:.6g} {standing.rerank_scale}"
    return absent


def _score(place: StageStanding) -> str:
    return f"{place.score:.6g} {place.score_scale}" if place.score is not None else "no score"


def to_json(found: Inspection) -> dict[str, Any]:
    """The inspection as plain JSON values."""
    from rankscope.insight.narrative import fate_sentence

    life = found.biography
    return {
        "schema": "rankscope.why/1",
        "trace_id": found.trace.trace_id,
        "query": found.trace.query.text,
        "filters": dict(found.trace.query.filters),
        "doc_id": life.doc_id,
        "fate": life.fate,
        "sentence": fate_sentence(life),
        "lost_at": life.lost_at,
        "places_short": life.places_short,
        "score_short": life.score_short,
        "margin": life.margin,
        "top_k": life.top_k,
        "floor": None
        if life.floor is None
        else {"value": life.floor.value, "score_scale": life.floor.score_scale},
        "stages": [{**asdict(record), "details": dict(record.details)} for record in life.records],
        "corpus": None if life.standing is None else asdict(life.standing),
        "rescue": None
        if found.rescue is None
        else {
            "changes": [
                {
                    "setting": change.setting,
                    "now": change.now,
                    "to": change.to,
                    "step": change.step,
                    "rank": change.rank,
                    "displaced": list(change.displaced),
                    "entered": list(change.entered),
                }
                for change in found.rescue.changes
            ],
            "obstacles": list(found.rescue.obstacles),
        },
        "cause": _why_not(found),
    }


def retrieval_lines(found: Retrieved) -> list[str]:
    """What each query term gives under BM25; cosine, exact rank and the nearest sentence."""
    from rankscope.insight.terms import term_rows, term_summary

    lines: list[str] = []
    if found.bm25 is not None:
        lines += ["", f"BM25 {found.bm25.score:.6g}: {one_line(term_summary(found.bm25))}"]
        for row in term_rows(found.bm25):
            known = (
                f"idf {row.idf:.3f}, {row.term_frequency} here, in {row.document_frequency:,} of the corpus"
            )
            note = f"; {row.note}" if row.note else ""
            lines.append(f"  {one_line(row.term, 24):<24} {row.share:>8.4f}  {known}{note}")
    if found.dense is not None:
        dense = found.dense
        listed = "not listed" if dense.found_at is None else f"listed at {dense.found_at}"
        how = "approximate" if dense.approximate else "exact"
        lines += [
            "",
            f"Dense {dense.cosine:.6g}: exact rank {dense.rank} of {dense.of}, {listed} ({how} search)",
        ]
        if dense.nearest is not None:
            start, end = found.sentences[dense.nearest]
            text = one_line(found.document.text[start:end].strip(), 90)
            lines.append(f"  nearest sentence {dense.sentences[dense.nearest]:.4f}: {text}")
    return lines


def retrieval_json(found: Retrieved) -> dict[str, Any]:
    """The same as plain JSON values."""
    dense = None
    if found.dense is not None:
        text = found.document.text
        dense = {
            "cosine": found.dense.cosine,
            "rank": found.dense.rank,
            "of": found.dense.of,
            "approximate": found.dense.approximate,
            "found_at": found.dense.found_at,
            "sentences": [
                {"text": text[start:end], "cosine": cosine}
                for (start, end), cosine in zip(found.sentences, found.dense.sentences, strict=True)
            ],
        }
    return {"bm25": None if found.bm25 is None else asdict(found.bm25), "dense": dense}


def words_lines(names: Sequence[str], states: Sequence[Attribution], scale: str) -> list[str]:
    """What the cross-encoder's score loses without each part; of two documents, what speaks for the first."""
    lines: list[str] = []
    for name, known in zip(names, states, strict=True):
        base = "" if known.base is None else f"{known.base:+.3f}"
        lines += ["", f"The cross-encoder gives {one_line(name, 60)} {base} ({scale}). Without ... it loses:"]
        lines += _effects("of the query", known.query_words)
        lines += _effects("of the text", known.words)
        lines += _effects("sentence", known.sentences)
    if len(states) == 2:
        lines += _preference_lines(names, states[0], states[1])
    return lines


def _effects(kind: str, parts: Sequence[Part]) -> list[str]:
    felt = [part for part in parts if part.effect is not None and abs(part.effect) >= 0.0005]
    strongest = sorted(felt, key=lambda part: -abs(part.effect or 0.0))[:_NAMED]
    return [f"  {kind:<13} {part.effect:>+8.3f}  {one_line(part.text.strip(), 80)}" for part in strongest]


def _preference_lines(names: Sequence[str], first: Attribution, second: Attribution) -> list[str]:
    from rankscope.insight.preference import prefer

    found = prefer(first, second)
    difference = "unknown" if found.difference is None else f"{found.difference:+.3f}"
    one, other = (one_line(name, 40) for name in names)
    lines = ["", f"{one} over {other}: {difference}. What speaks for the first; negative, for the second:"]
    for kind, gaps in (("of the query", found.query_words), ("of the texts", found.words)):
        lines += [f"  {kind:<13} {gap.gap:>+8.3f}  {one_line(gap.word, 40)}" for gap in gaps[:_NAMED]]
    return lines


def words_json(names: Sequence[str], states: Sequence[Attribution], scale: str) -> dict[str, Any]:
    """Attributions as plain JSON values; ``difference`` with two documents."""
    from rankscope.insight.preference import prefer

    documents = [
        {
            "doc_id": name,
            "score": known.base,
            "query_words": [_part(part) for part in known.query_words],
            "words": [_part(part) for part in known.words],
            "sentences": [_part(part) for part in known.sentences],
        }
        for name, known in zip(names, states, strict=True)
    ]
    result: dict[str, Any] = {"score_scale": scale, "documents": documents}
    if len(states) == 2:
        found = prefer(states[0], states[1])
        result["difference"] = found.difference
        for kind, gaps in (("query_words", found.query_words), ("words", found.words)):
            result[kind] = [
                {"word": gap.word, "first": gap.first, "second": gap.second, "gap": gap.gap} for gap in gaps
            ]
    return result


def _part(part: Part) -> dict[str, Any]:
    return {"text": part.text, "spans": [list(span) for span in part.spans], "effect": part.effect}
