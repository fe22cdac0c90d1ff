"""``rankscope verdict``: should this system rerank, retrieve better, gate, or leave it?"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.eval_targets import (
    Target,
    collection_targets,
    load_queries,
    run_queries,
    workspace_target,
)
from rankscope.cli.judged_source import Given, given_traces, said_of
from rankscope.cli.options import with_overrides
from rankscope.core.counting import counted
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.config import Settings
    from rankscope.core.documents import Document
    from rankscope.core.trace import Trace
    from rankscope.insight.judgments import Judgments

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Material:
    """What a verdict is drawn from."""

    name: str
    source: str
    """Where the traces came from, for a person."""
    traces: Sequence[Trace]
    judgments: Judgments
    strata: Mapping[str, str]
    documents: Mapping[str, Document]
    deep: Sequence[Trace] = ()
    """The same queries reranked deeper, for the curve of latency against gain."""
    basis: str = ""
    """What the verdict rests on, in a line."""


@click.command(name="verdict")
@click.option("--traces", "stored", is_flag=True, help="Take the stored traces instead of running queries.")
@click.option("--from", "files", multiple=True, type=_FILE, help="Take the traces of a file; repeatable.")
@click.option("--as", "staged", multiple=True, metavar="STAGE=FILE", help="A run as one stage; repeatable.")
@click.option("--pipeline", help="Of traces that exist: fingerprint of the pipeline, or its start.")
@click.option("--queries", type=_FILE, help="Queries: BEIR .jsonl, or lines of id, tab, text.")
@click.option("--qrels", type=_FILE, help="Judgments: BEIR .tsv or TREC qrels.")
@click.option("--collection", type=_FOLDER, help="A BEIR folder instead of the workspace.")
@click.option("-n", "--candidates", type=click.IntRange(1), help="N: fused candidates that are reranked.")
@click.option("--depth", type=click.IntRange(1, 1000), help="Measure latency against gain down to this N.")
@click.option("--price", type=click.FloatRange(0), help="Price of a thousand reranked searches at that N.")
@click.option("--searches", type=click.FloatRange(0), default=1e6, help="Searches a month; 1,000,000.")
@click.option("--worth", type=click.FloatRange(0, 1), default=0.02, help="Gain in nDCG@10 worth it; 0.02.")
@click.option(
    "--relevant-from",
    type=click.IntRange(1),
    help="Lowest grade that is relevant; 2 where documents are marked as borderline, else 1.",
)
@click.option("--limit", type=click.IntRange(1), help="A fixed random sample of this many judged queries.")
@click.option("--reuse", is_flag=True, help="Take over the results of an earlier verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(workspace_folder: str | None, /, **given: Any) -> None:
    """Say whether reranking earns its latency here, and show the figures that say so.

    Runs the judged queries that came with the corpus, are judged here, or are given; with --traces, --from
    or --as, takes traces of judged queries that exist. A run that is stopped resumes.

    \b
    Example:
      rankscope verdict
      rankscope verdict --traces
      rankscope verdict --depth 200 --price 2 --searches 300000
    """
    from rankscope.cli.verdict_output import verdict_json, verdict_lines
    from rankscope.engine.workspace import find_workspace
    from rankscope.insight.verdict.assemble import draw_verdict
    from rankscope.insight.verdict.depth import deepened, with_cost
    from rankscope.insight.verdict.model import Criteria

    source = Given(
        stored=given["stored"],
        files=given["files"],
        staged=given["staged"],
        **{name: given[name] for name in ("pipeline", "queries", "qrels", "relevant_from")},
    )
    _check(given, source)
    settings = with_overrides(find_workspace(workspace_folder).settings, candidates=given["candidates"])
    if source.any:
        material = _from_traces(workspace_folder, source)
    else:
        material = _from_run(workspace_folder, settings, given)
    criteria = Criteria(worth=given["worth"])
    verdict = draw_verdict(
        material.traces,
        material.judgments,
        strata=material.strata,
        settings=settings,
        criteria=criteria,
        documents=material.documents,
    )
    if material.deep:
        verdict = deepened(verdict, material.deep, material.judgments, settings.floor.top_k)
    if given["price"] is not None:
        verdict = with_cost(verdict, given["price"], given["searches"])
    if given["as_json"]:
        json.dump(verdict_json(verdict, material.name, material.source, material.basis), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        click.echo("\n".join(verdict_lines(verdict, material.name, material.source, material.basis)))


def _check(given: Mapping[str, Any], source: Given) -> None:
    source.check()
    if (given["queries"] is None) != (given["qrels"] is None) and not source.any:
        raise UsageError("--queries and --qrels are given together or not at all.")
    if given["collection"] is not None and (source.any or given["queries"] is not None):
        raise UsageError("--collection has queries of its own.", remedy="Leave the other sources out.")
    if source.any and (given["depth"] is not None or given["candidates"] is not None):
        raise UsageError("traces that exist are as deep as they are.", remedy="Leave --depth and -n out.")


def _from_traces(folder: str | None, source: Given) -> Material:
    from rankscope.engine.deciding import rests_on

    found = given_traces(folder, source)
    basis = rests_on(found, where="stored" if source.stored else "given")
    said = said_of(found)
    return Material(found.name, said, found.traces, found.judgments, found.strata, {}, basis=basis)


def _from_run(folder: str | None, settings: Settings, given: Mapping[str, Any]) -> Material:
    """Run the judged queries; the only target's pipeline is timed at every depth of the curve."""
    if given["collection"] is not None:
        targets = collection_targets([given["collection"]], settings)
    else:
        targets = workspace_target(folder, given["queries"], given["qrels"])
    for target in targets:
        return _run(target, settings, given)
    raise AssertionError("a command has one target")


def _run(target: Target, settings: Settings, given: Mapping[str, Any]) -> Material:
    from rankscope.engine.depth_run import at_depth, depth_settings, timed_pipeline
    from rankscope.insight.verdict.rows import DEPTHS

    candidates = settings.retrieval.candidates
    deepest = max(given["depth"] or candidates, candidates)
    # Times are measured: a score that is looked up would take none.
    settings = settings.override("rerank", score_cache_mb=0)
    query_set = load_queries(target, relevant_from=given["relevant_from"], limit=given["limit"])
    pipeline = target.workspace.pipeline(depth_settings(settings, deepest))
    timed, complete = timed_pipeline(pipeline, (*DEPTHS, candidates))
    run = run_queries(
        target, query_set, timed, reuse=given["reuse"], variant=f"depths {candidates}", complete=complete
    )
    run.settle()
    traces = [at_depth(trace, candidates) for trace in run.traces]
    top = {hit.doc_id for trace in traces if trace.final for hit in trace.final.hits[: pipeline.top_k]}
    relevant = query_set.judgments.doc_ids
    ran = counted(len(traces), "judged query", "judged queries")
    return Material(
        target.name,
        f"{ran}, run now",
        traces,
        query_set.judgments,
        query_set.strata,
        pipeline.documents.fetch(sorted(top | relevant)),
        run.traces if deepest > candidates else (),
        basis=f"from {ran} run now through today's pipeline",
    )
