"""``rankscope why``: why a document is in the result of a query, or what would bring it in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.options import parse_filters, pipeline_options, with_overrides, workspace_of
from rankscope.cli.why_output import (
    lines_of,
    retrieval_json,
    retrieval_lines,
    to_json,
    words_json,
    words_lines,
)
from rankscope.core.documents import Query

if TYPE_CHECKING:
    from rankscope.engine.pipeline import Pipeline
    from rankscope.insight.attribution import Attribution

__all__ = ["command"]


@click.command(name="why")
@click.argument("text")
@click.argument("document", metavar="DOC_ID")
@pipeline_options
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Keep only documents with this metadata.")
@click.option("--words", is_flag=True, help="Also say which words and sentences move the reranker's score.")
@click.option("--over", metavar="DOC_ID", help="Also say why it scores above, or below, this document.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(
    workspace_folder: str | None,
    /,
    text: str,
    document: str,
    where: tuple[str, ...],
    words: bool,
    over: str | None,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Follow one document through every stage, and find the smallest change that would bring it in.

    DOC_ID may also be a fragment of text that only one document holds.

    \b
    Example:
      rankscope why "ibuprofen dosage for children" ibu-adult-01
      rankscope why "ibuprofen dosage for children" ibu-child-01 --over ibu-adult-01
      rankscope why "carry over leave" "paid out in December" --where tenant=acme --json
    """
    workspace = workspace_of(workspace_folder)
    settings = with_overrides(workspace.settings, **overrides)
    query = Query(text, filters=parse_filters(where))
    from rankscope.engine.explaining import explain_retrieval
    from rankscope.engine.inspection import find_document, inspect_document

    try:
        pipeline = workspace.pipeline(settings)
        doc_ids = [find_document(pipeline.documents, name) for name in (document, over) if name is not None]
        found = inspect_document(pipeline, query, doc_ids[0])
        retrieved = explain_retrieval(pipeline, query, doc_ids[0])
        explained = _words(pipeline, text, doc_ids) if words or over is not None else None
    finally:
        workspace.close()
    if as_json:
        data = to_json(found)
        data["retrieval"] = None if retrieved is None else retrieval_json(retrieved)
        data["words"] = None if explained is None else words_json(doc_ids, *explained)
        click.echo(json.dumps(data, indent=2))
        return
    lines = lines_of(found)
    lines += [] if retrieved is None else retrieval_lines(retrieved)
    lines += [] if explained is None else words_lines(doc_ids, *explained)
    click.echo("\n".join(lines))


def _words(pipeline: Pipeline, query: str, doc_ids: Sequence[str]) -> tuple[tuple[Attribution, ...], str]:
    """Attributions of these documents in one batch, and the scale of their effects."""
    from rankscope.engine.explaining import attribution_scale, iter_attribution

    texts = pipeline.documents.fetch(list(doc_ids))
    steps = list(iter_attribution(pipeline, query, [texts[doc_id] for doc_id in doc_ids]))
    assert pipeline.reranker is not None  # iter_attribution refuses a pipeline without one
    return steps[-1], str(attribution_scale(pipeline.reranker))
