"""``rankscope query``: one query without the screen."""

from __future__ import annotations

import json
import sys
from contextlib import closing

import click

from rankscope.cli.options import parse_filters, with_overrides, workspace_of
from rankscope.core.documents import Query

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
    with closing(workspace):
        trace = workspace.pipeline(settings).run(query)
        if as_json:
            from rankscope.tracing.formats.native import to_json

            json.dump(to_json(trace), sys.stdout, ensure_ascii=True, indent=2)
            sys.stdout.write("\n")
        else:
            from rankscope.cli.trace_table import screen_width, trace_lines

            click.echo("\n".join(trace_lines(trace, width=screen_width())))
            if trace.final is None or not trace.final.hits:
                click.echo("Try other words, or fewer --where filters.", err=True)
        if not no_store:
            workspace.traces.append(trace)
