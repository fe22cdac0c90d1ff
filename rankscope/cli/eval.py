"""``rankscope eval``: every stage measured on judged queries, before and after."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.eval_targets import (
    Target,
    collection_targets,
    load_queries,
    run_queries,
    with_score_cache,
    workspace_target,
)
from rankscope.cli.judged_source import Given, given_traces, said_of
from rankscope.cli.options import pipeline_options, with_overrides
from rankscope.core.sanitize import one_line
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.config import Settings
    from rankscope.core.trace import Trace
    from rankscope.engine.evaluation import EvaluationRun
    from rankscope.insight.judgments import Judgments
    from rankscope.insight.reliability import Reliability
    from rankscope.insight.report import CollectionReport

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_PRESENT_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for, one field an option."""

    queries: Path | None
    qrels: Path | None
    collections: tuple[Path, ...]
    own: bool
    work: Path | None
    by: str | None
    candidates: int | None
    top_k: int | None
    depth: int | None
    rrf_k: int | None
    floor: str | None
    no_rerank: bool
    relevant_from: int | None
    limit: int | None
    measure: str
    baseline: Path | None
    max_drop: float | None
    reuse: bool
    fresh: bool
    runs: Path | None
    stored: bool
    files: tuple[Path, ...]
    staged: tuple[str, ...]
    pipeline: str | None
    reliability: bool
    as_json: bool
    markdown: bool

    def check(self) -> None:
        """Raise UsageError for options that contradict one another."""
        self.source.check()
        if self.source.any and self.collections:
            raise UsageError("--collection is run anew.", remedy="Leave --traces, --from and --as out.")
        if (self.queries is None) != (self.qrels is None) and not self.source.any:
            raise UsageError("--queries and --qrels are given together or not at all.")
        if self.queries is not None and self.collections:
            raise UsageError("--collection has queries and qrels of its own.", remedy="Leave --queries out.")
        if self.own and not self.collections:
            raise UsageError(
                "--own adds the workspace to --collection.", remedy="Leave it out: alone it is the default."
            )
        if self.as_json and self.markdown:
            raise UsageError("--json and --markdown exclude each other.")
        if self.reuse and self.fresh:
            raise UsageError("--reuse and --fresh exclude each other.")
        if self.max_drop is not None and self.baseline is None:
            raise UsageError("--max-drop needs --baseline FILE to compare with.")
        names = [folder.resolve().name for folder in self.collections]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"two collections are named {twice!r}.", remedy="A report names them by folder: rename one."
            )

    @property
    def source(self) -> Given:
        """Traces that exist, where they are asked for."""
        return Given(
            self.stored,
            self.files,
            self.staged,
            self.pipeline,
            self.queries,
            self.qrels,
            self.relevant_from,
        )

    def settings(self, base: Settings) -> Settings:
        """The workspace's settings with what the command line says in their place."""
        return with_overrides(
            base,
            candidates=self.candidates,
            depth=self.depth,
            rrf_k=self.rrf_k,
            top_k=self.top_k,
            floor=self.floor,
            no_rerank=self.no_rerank,
        )

    def measures(self, settings: Settings) -> tuple[str, ...]:
        """The measures of the report. Raises UsageError when --measure is none of them."""
        from rankscope.insight.metrics import measure_names

        names = measure_names(settings.retrieval.candidates, settings.floor.top_k)
        gains = [name for name in names if not name.startswith(("judged@", "recall@"))]
        if self.measure not in gains:
            raise UsageError(f"--measure is {self.measure!r}.", remedy=f"Choose of {', '.join(gains)}.")
        return names


@click.command(name="eval")
@click.option("--queries", type=_FILE, help="Queries: BEIR .jsonl, or lines of id, tab, text.")
@click.option("--qrels", type=_FILE, help="Judgments: BEIR .tsv or TREC qrels.")
@click.option(
    "--collection", "collections", multiple=True, type=_PRESENT_FOLDER, help="A BEIR folder; repeatable."
)
@click.option("--own", is_flag=True, help="With --collection: the workspace's own queries as well.")
@click.option("--traces", "stored", is_flag=True, help="Take the stored traces instead of running queries.")
@click.option("--from", "files", multiple=True, type=_FILE, help="Take the traces of a file; repeatable.")
@click.option("--as", "staged", multiple=True, metavar="STAGE=FILE", help="A run as one stage; repeatable.")
@click.option("--pipeline", help="Of traces that exist: fingerprint of the pipeline, or its start.")
@click.option("--work", type=_FOLDER, help="Where collections are indexed; default: the user's cache.")
@click.option("--by", type=click.Choice(["stratum"]), help="Figures for each kind of query as well.")
@pipeline_options
@click.option(
    "--relevant-from",
    type=click.IntRange(1),
    help="Lowest grade that is relevant; 2 where documents are marked as borderline, else 1.",
)
@click.option("--limit", type=click.IntRange(1), help="A fixed random sample of this many judged queries.")
@click.option("--measure", default="nDCG@10", help="Measure of the lift and of --max-drop; nDCG@10.")
@click.option("--baseline", type=_FILE, help="An earlier --json output to compare with.")
@click.option("--max-drop", type=click.FloatRange(0), help="Exit 1 past this fall of --measure; 0.02.")
@click.option(
    "--reuse", is_flag=True, help="Take over stored results of the same pipeline, complete ones too."
)
@click.option("--fresh", is_flag=True, help="Neither resume a stopped run nor look scores up.")
@click.option("--runs", type=_FOLDER, help="Write each stage as a TREC run into this folder.")
@click.option(
    "--reliability", is_flag=True, help="How far the reranker's probabilities can be taken at their word."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
@click.pass_obj
def command(workspace_folder: str | None, /, **given: Any) -> None:
    """Measure BM25, dense, fused and reranked order on judged queries, with 95 percent intervals.

    Without options, on the queries that came with the workspace's corpus (the sample corpus has some).
    Queries without a relevant document count for the refusals alone: those are rightly refused, the others
    wrongly. A run that is stopped resumes, and pairs that were scored before are not scored again.

    judged_first is the share of the queries whose first judged document has the highest grade given: the
    right one of those that look alike. Queries without a worse judged document among their candidates are
    left out of it. best@1 asks it of the first document, judged or not.

    Several collections end in their mean, which leaves the workspace's own queries (--own) out. With
    --traces, --from or --as, traces that exist are measured and nothing is run.

    \b
    Example:
      rankscope eval --by stratum
      rankscope eval --reliability
      rankscope eval --as bm25=bm25.run --as rerank=reranked.run --qrels qrels.txt
      rankscope eval --own --collection beir/scifact --collection beir/nfcorpus
      rankscope eval --collection beir/scifact --collection beir/nfcorpus --json > before.json
      rankscope eval --baseline before.json --max-drop 0.02
    """
    from rankscope.cli.eval_baseline import compare, read_baseline
    from rankscope.cli.eval_tables import report_lines
    from rankscope.engine.workspace import find_workspace
    from rankscope.insight.report import mean_of_collections, report_to_json

    options = Options(**given)
    options.check()
    earlier = None if options.baseline is None else read_baseline(options.baseline)
    settings = options.settings(find_workspace(workspace_folder).settings)
    measures = options.measures(settings)
    evaluated = list(_evaluated(workspace_folder, settings, measures, options))
    reports = [report for report, _, _ in evaluated]
    mean = mean_of_collections(reports[1:] if options.own else reports)
    if options.as_json:
        levels = {level for _, _, level in evaluated}
        shown = {
            "measure": options.measure,
            "relevant_from": levels.pop() if len(levels) == 1 else None,
            "limit": options.limit,
        }
        json.dump(report_to_json(reports, mean, shown), sys.stdout, ensure_ascii=True, indent=1)
        sys.stdout.write("\n")
    else:
        lines = report_lines(reports, mean, measure=options.measure, markdown=options.markdown)
        click.echo("\n".join(lines))
    for _, run, _ in evaluated:
        if run is not None:
            run.settle()
    failed = _say_problems(reports)
    if earlier is not None:
        max_drop = 0.02 if options.max_drop is None else options.max_drop
        failed = compare(reports, earlier, measure=options.measure, max_drop=max_drop) or failed
    if failed:
        sys.exit(1)


def _evaluated(
    folder: str | None, settings: Settings, measures: tuple[str, ...], options: Options
) -> Iterator[tuple[CollectionReport, EvaluationRun | None, int]]:
    """The report of each target, the run that made it (none for traces that existed), and the lowest
    relevant grade."""
    if options.source.any:
        report, level = _measure(folder, measures, options)
        yield report, None, level
        return
    for target in _targets(folder, settings, options):
        yield _evaluate(target, settings, measures, options)


def _targets(folder: str | None, settings: Settings, options: Options) -> Iterator[Target]:
    """The workspace's own queries where they are asked for, or nothing else is; then the collections."""
    collections = collection_targets(options.collections, settings, options.work)
    if options.own or not options.collections:
        names = [path.resolve().name for path in options.collections]
        for target in workspace_target(folder, options.queries, options.qrels):
            if target.name in names:
                raise UsageError(
                    f"the workspace and a collection are both named {target.name!r}.",
                    remedy="A report names them by folder: leave one out, or rename it.",
                )
            yield target
    yield from collections


def _measure(folder: str | None, measures: tuple[str, ...], options: Options) -> tuple[CollectionReport, int]:
    """Measure traces that exist."""
    from rankscope.insight.metrics import evaluate
    from rankscope.insight.report import describe_collection
    from rankscope.insight.verdict.rows import identified

    found = given_traces(folder, options.source)
    click.echo(one_line(f"{found.name}: {said_of(found)}"), err=True)
    traces = identified(found.traces, found.judgments)
    if options.runs is not None:
        from rankscope.cli.trec_runs import write_runs

        write_runs(traces, options.runs, found.name)
    report = describe_collection(
        found.name,
        evaluate(traces, found.judgments, measures, strata=found.strata),
        traces,
        by_stratum=options.by is not None,
        counts=found.counts,
        reliability=_reliability(traces, found.judgments, options),
    )
    return report, found.judgments.relevant_from


def _evaluate(
    target: Target, settings: Settings, measures: tuple[str, ...], options: Options
) -> tuple[CollectionReport, EvaluationRun, int]:
    """Run one target's judged queries and measure them."""
    from rankscope.insight.metrics import evaluate
    from rankscope.insight.report import describe_collection

    query_set = load_queries(target, relevant_from=options.relevant_from, limit=options.limit)
    pipeline = target.workspace.pipeline(settings if options.fresh else with_score_cache(settings))
    run = run_queries(target, query_set, pipeline, reuse=options.reuse, fresh=options.fresh)
    if options.runs is not None:
        from rankscope.cli.trec_runs import write_runs

        write_runs(run.traces, options.runs, target.name)
    report = describe_collection(
        target.name,
        evaluate(run.traces, query_set.judgments, measures, strata=query_set.strata),
        run.traces,
        by_stratum=options.by is not None,
        counts={"left_out_of_corpus": target.left_out, **query_set.counts(pipeline.documents)},
        reliability=_reliability(run.traces, query_set.judgments, options),
    )
    return report, run, query_set.judgments.relevant_from


def _reliability(traces: Sequence[Trace], judgments: Judgments, options: Options) -> Reliability | str | None:
    """The reranker's probabilities beside the judgments, where asked for; why not, as a sentence."""
    if not options.reliability:
        return None
    from rankscope.insight.reliability import judged_reliability

    return judged_reliability(traces, judgments)


def _say_problems(reports: list[CollectionReport]) -> bool:
    """Name what must not have happened, on stderr; the first few of each collection."""
    shown = 5
    for report in reports:
        problems = report.evaluation.problems
        for problem in problems[:shown]:
            click.echo(one_line(f"rankscope: {report.name}: {problem}"), err=True)
        if len(problems) > shown:
            click.echo(one_line(f"rankscope: {report.name}: and {len(problems) - shown:,} more."), err=True)
    return any(report.evaluation.problems for report in reports)
