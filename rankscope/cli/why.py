"""``rankscope why``: why a document is in the result of a query, or what would bring it in."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.options import parse_filters, with_overrides, workspace_of
from rankscope.core.documents import Query
from rankscope.core.sanitize import one_line

if TYPE_CHECKING:
    from rankscope.engine.inspection import Inspection
    from rankscope.insight.biography import Biography, StageRecord
    from rankscope.insight.standing import StageStanding

__all__ = ["command", "lines_of", "to_json"]


@click.command(name="why")
@click.argument("text")
@click.argument("document", metavar="DOC_ID")
@click.option("-n", "--candidates", type=click.IntRange(1), help="N: fused candidates that are reranked.")
@click.option("-k", "--top-k", type=click.IntRange(1), help="K: most documents that are kept.")
@click.option("--depth", type=click.IntRange(1), help="Documents that each retriever returns.")
@click.option("--rrf-k", type=click.IntRange(0), help="k of reciprocal rank fusion.")
@click.option("--floor", help="Relevance floor on the reranker's scale, or 'none'.")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Keep only documents with this metadata.")
@click.option("--no-rerank", is_flag=True, help="Stop after fusion.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(
    workspace_folder: str | None,
    text: str,
    document: str,
    candidates: int | None,
    top_k: int | None,
    depth: int | None,
    rrf_k: int | None,
    floor: str | None,
    where: tuple[str, ...],
    no_rerank: bool,
    as_json: bool,
) -> None:
    """Follow one document through every stage, and find the smallest change that would bring it in.

    DOC_ID may also be a fragment of text that only one document holds.

    \b
    Example:
      rankscope why "ibuprofen dosage for children" ibu-adult-01
      rankscope why "carry over leave" "paid out in December" --where tenant=acme --json
    """
    workspace = workspace_of(workspace_folder)
    settings = with_overrides(
        workspace.settings,
        candidates=candidates,
        depth=depth,
        rrf_k=rrf_k,
        top_k=top_k,
        floor=floor,
        no_rerank=no_rerank,
    )
    query = Query(text, filters=parse_filters(where))
    from rankscope.engine.inspection import find_document, inspect_document

    try:
        pipeline = workspace.pipeline(settings)
        doc_id = find_document(pipeline.documents, document)
        found = inspect_document(pipeline, query, doc_id)
    finally:
        workspace.close()
    click.echo(json.dumps(to_json(found), indent=2) if as_json else "\n".join(lines_of(found)))


def lines_of(found: Inspection) -> list[str]:
    """The inspection as lines of text: fate, a line a stage, and the changes or the cause."""
    from rankscope.insight.narrative import cause, change_sentence, fate_sentence

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
    reason = cause(life, found.rescue)
    return [*lines, "", one_line(reason)] if reason else lines


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
    from rankscope.insight.narrative import cause, fate_sentence

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
        "cause": cause(life, found.rescue),
    }
