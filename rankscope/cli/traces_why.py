"""``rankscope traces why``: why a document is, or is not, in the result of a stored or imported trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rankscope.cli.why_output import lines_of, to_json
from rankscope.core.sanitize import one_line
from rankscope.errors import InputError, RankScopeError

if TYPE_CHECKING:
    from rankscope.core.trace import Trace
    from rankscope.engine.inspection import Inspection

__all__ = ["traces_why"]

_NOT_TRIED = (
    "It was recorded by another pipeline than the workspace's: what would bring it in cannot be tried."
)


@click.command(name="why")
@click.argument("trace_id", metavar="ID")
@click.argument("document", metavar="DOC_ID")
@click.option(
    "--db", type=click.Path(dir_okay=False, path_type=Path), help="Trace database; default: the workspace's."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def traces_why(
    workspace_folder: str | None, trace_id: str, document: str, db: Path | None, as_json: bool
) -> None:
    """Follow a document through a stored trace, exactly as recorded, and say what the trace does not hold.

    DOC_ID may also be a fragment of text that only one document of the trace holds. What would bring the
    document in is tried where the workspace still has the pipeline that made the trace.

    \b
    Example:
      rankscope traces why 019c1f ibu-adult-01
      rankscope traces why 019c1f "for children" --json
    """
    from rankscope.cli.traces import opened, print_json
    from rankscope.insight.gaps import gaps

    with opened(workspace_folder, db) as store:
        trace = store.get(trace_id)
    found = _looked_up(workspace_folder, trace, document)
    tried = found is not None
    found = found or _as_recorded(trace, document)
    missing = gaps(trace, found.biography.doc_id) + ([] if tried else [_NOT_TRIED])
    if as_json:
        print_json(
            {**to_json(found), "cause": "" if not tried else to_json(found)["cause"], "not_known": missing}
        )
        return
    lines = lines_of(found, tried=tried)
    click.echo(
        "\n".join([*lines, *(["", "Not known:"] if missing else []), *(f"  {one_line(m)}" for m in missing)])
    )


def _as_recorded(trace: Trace, document: str) -> Inspection:
    """What the trace alone says. Raises InputError where it names no document, or several."""
    from rankscope.engine.inspection import Inspection
    from rankscope.insight.biography import biography
    from rankscope.insight.find_in_trace import find_in_trace

    matches = find_in_trace(trace, document, limit=6)
    if not matches:
        raise InputError(
            f"no list of the trace holds {document!r:.80}, as an id or in a text that it keeps.",
            remedy="`rankscope traces show` lists its documents.",
        )
    if len(matches) > 1 and matches[0].doc_id != document:
        names = ", ".join(match.doc_id for match in matches[:5])
        raise InputError(
            f"several documents hold {document!r:.80}: {names}.", remedy="Give one of these ids."
        )
    doc_id = matches[0].doc_id
    return Inspection(trace, trace.documents.get(doc_id), biography(trace, doc_id), None)


def _looked_up(workspace_folder: str | None, trace: Trace, document: str) -> Inspection | None:
    """Biography and rescue by the pipeline that made the trace; None where the workspace has another one."""
    from rankscope.engine.inspection import find_document, inspect_document
    from rankscope.engine.workspace import find_workspace

    try:
        workspace = find_workspace(workspace_folder)
        manifest = workspace.manifest
        if manifest is None or manifest.fingerprint not in trace.pipeline.corpus:
            return None  # without loading a model
        pipeline = workspace.pipeline()
    except RankScopeError:  # an index that cannot be opened: the trace is shown as recorded
        return None
    try:
        if pipeline.describe().fingerprint != trace.pipeline.fingerprint:
            return None
        doc_id = find_document(pipeline.documents, document)
        return replace(inspect_document(pipeline, trace.query, doc_id, trace=trace), trace=trace)
    finally:
        workspace.close()
