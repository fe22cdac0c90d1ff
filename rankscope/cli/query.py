"""``rankscope query``: one query without the screen."""

from __future__ import annotations

import json
import sys

import click

from rankscope.cli.options import parse_filters, with_overrides, workspace_of
from rankscope.core.documents import Query
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace

__all__ = ["command"]


@click.command(name="query")
@click.argument("text")
@click.option("-n", "--candidates", type=click.IntRange(1), help="N: fused candidates that are reranked.")
@click.option("-k", "--top-k", type=click.IntRange(1), help="K: most documents that are kept.")
@click.option("--depth", type=click.IntRange(1), help="Documents that each retriever returns.")
@click.option("--rrf-k", type=click.IntRange(0), help="k of reciprocal rank fusion.")
@click.option("--floor", help="Relevance floor on the reranker's scale, or 'none'.")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Keep only documents with this metadata.")
@click.option("--no-rerank", is_flag=True, help="Stop after fusion.")
@click.option("--no-store", is_flag=True, help="Do not keep the trace.")
@click.option("--json", "as_json", is_flag=True, help="Print the trace as one JSON document.")
@click.pass_obj
def command(
    workspace_folder: str | None,
    text: str,
    candidates: int | None,
    top_k: int | None,
    depth: int | None,
    rrf_k: int | None,
    floor: str | None,
    where: tuple[str, ...],
    no_rerank: bool,
    no_store: bool,
    as_json: bool,
) -> None:
    """Run one query and show the ranking of every stage.

    \b
    Example:
      rankscope query "ibuprofen dosage for children"
      rankscope query "carry over leave" --where tenant=acme-logistics --json
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
    try:
        trace = workspace.pipeline(settings).run(query)
        if not no_store:
            workspace.traces.append(trace)
    finally:
        workspace.close()
    if as_json:
        from rankscope.tracing.formats.native import to_json

        json.dump(to_json(trace), sys.stdout, ensure_ascii=True, indent=2)
        sys.stdout.write("\n")
    else:
        click.echo("\n".join(table_of(trace)))


def table_of(trace: Trace) -> list[str]:
    """The trace as aligned lines of text: a row a document, a column a stage."""
    lines = [f"query     {one_line(trace.query.text, 100)}"]
    for ranking in trace.rankings:
        time = "" if ranking.ms is None else f"{ranking.ms:8.1f} ms"
        status = "" if ranking.status == "ok" else f"  {ranking.status}"
        count = f"{len(ranking.hits)} documents, {ranking.score_scale}"
        lines.append(f"{ranking.stage:<9} {time}  {count}{status}")
    lines.append(_decision(trace))
    lines.append("")
    final = trace.final
    if final is None or not final.hits:
        lines.append("No document was found. Try other words, or fewer --where filters.")
        return lines
    lines.append(f"{'#':>3} {'kept':<5} {'score':>8}  {'bm25':>5} {'dense':>5} {'fused':>5}  document")
    tables = {name: ranking.by_id() for name in _STAGES if (ranking := trace.ranking(name)) is not None}
    kept = set(trace.kept)
    for hit in final.hits[: max(trace.top_k or 10, len(kept))]:
        ranks = []
        for name in _STAGES:
            found = tables.get(name, {}).get(hit.doc_id)
            ranks.append(f"{found.rank:>5}" if found else "    –")
        document = trace.documents.get(hit.doc_id)
        title = one_line(document.title, 60) if document else ""
        score = "" if hit.score is None else f"{hit.score:.4f}"
        mark = "yes" if hit.doc_id in kept else "no"
        name = one_line(hit.doc_id, 28)
        lines.append(f"{hit.rank:>3} {mark:<5} {score:>8}  {' '.join(ranks)}  {name:<28} {title}".rstrip())
    return lines


_STAGES = ("bm25", "dense", "fusion")


def _decision(trace: Trace) -> str:
    """The floor, what it kept and the decision, in one sentence."""
    count = f"{len(trace.kept)} kept (K={trace.top_k})"
    if "floor_not_applied" in trace.attributes:
        reason = trace.attributes["floor_not_applied"]
        return f"decision  {trace.decision}: {count}; no floor applied: {reason}"
    if trace.floor is None:
        return f"decision  {trace.decision}: {count}; no floor"
    floor = f"floor {trace.floor.value:g} ({trace.floor.score_scale}, {trace.floor.source})"
    if trace.decision == "refuse":
        return f"decision  refuse: no document reaches the {floor}"
    return f"decision  {trace.decision}: {count}; {floor}"
