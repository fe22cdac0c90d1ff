"""``rankscope query``: one query without the screen."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import Any

import click

from rankscope.cli.options import parse_filters, pipeline_options, with_overrides, workspace_of
from rankscope.core.documents import Query

__all__ = ["command"]


@click.command(name="query")
@click.argument("text")
@pipeline_options
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Keep only documents with this metadata.")
@click.option("--no-store", is_flag=True, help="Do not keep the trace.")
@click.option("--json", "as_json", is_flag=True, help="Print the trace as one JSON document.")
@click.pass_obj
def command(
    workspace_folder: str | None,
    /,
    text: str,
    where: tuple[str, ...],
    no_store: bool,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Run one query and show the ranking of every stage.

    \b
    Example:
      rankscope query "ibuprofen dosage for children"
      rankscope query "carry over leave" --where tenant=acme-logistics --json
    """
    workspace = workspace_of(workspace_folder)
    settings = with_overrides(workspace.settings, **overrides)
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
