"""``rankscope ab``: two pipelines on the same judged queries."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.eval_targets import Target, collection_targets, load_queries, run_queries, workspace_target
from rankscope.cli.judged_source import Given, given_traces
from rankscope.config import parse_toml
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line, visible
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.config import Settings
    from rankscope.core.trace import Trace
    from rankscope.insight.ab import Comparison

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    config: Path | None
    changes: tuple[str, ...]
    pipelines: tuple[str, str] | None
    collection: Path | None
    queries: Path | None
    qrels: Path | None
    measure: str
    relevant_from: int | None
    limit: int | None
    max_drop: float | None
    reuse: bool
    listed: int
    as_json: bool

    def check(self) -> None:
        """Raise UsageError for options that contradict one another, or leave nothing to compare."""
        from rankscope.insight.judgments import Judgments
        from rankscope.insight.metrics import measure_run

        if self.pipelines is None and self.config is None and not self.changes:
            raise UsageError(
                "there is nothing to compare with.",
                remedy="Give CONFIG.toml, --set SECTION.KEY=VALUE, or --pipelines A B.",
            )
        if self.pipelines is not None and (self.config or self.changes or self.collection):
            raise UsageError("--pipelines compares stored traces.", remedy="Leave the other sources out.")
        if (self.queries is None) != (self.qrels is None) and self.pipelines is None:
            raise UsageError("--queries and --qrels are given together or not at all.")
        # A measure that is none is said now and not after both sides have run.
        measure_run({}, Judgments({"q": {"d": 100}}, self.relevant_from or 1), [self.measure])


@click.command(name="ab")
@click.argument("config", required=False, type=_FILE)
@click.option("--set", "changes", multiple=True, metavar="SECTION.KEY=VALUE", help="A setting of side B.")
@click.option("--pipelines", nargs=2, metavar="A B", help="Compare stored traces of two fingerprints.")
@click.option("--collection", type=_FOLDER, help="A BEIR folder instead of the workspace.")
@click.option("--queries", type=_FILE, help="Queries: BEIR .jsonl, or lines of id, tab, text.")
@click.option("--qrels", type=_FILE, help="Judgments: BEIR .tsv or TREC qrels.")
@click.option("--measure", default="nDCG@10", help="Measure of the comparison; nDCG@10.")
@click.option(
    "--relevant-from",
    type=click.IntRange(1),
    help="Lowest grade that is relevant; 2 where documents are marked as borderline, else 1.",
)
@click.option("--limit", type=click.IntRange(1), help="A fixed random sample of this many judged queries.")
@click.option("--max-drop", type=click.FloatRange(0), help="Exit 1 where B is worse than A by more.")
@click.option("--reuse", is_flag=True, help="Take over the results of an earlier comparison.")
@click.option("--list", "listed", type=click.IntRange(0), default=10, help="Queries that are listed; 10.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(workspace_folder: str | None, /, **given: Any) -> None:
    """Compare two pipelines on the same judged queries: the workspace's settings, and others.

    Side A are the settings of the workspace. Side B is CONFIG.toml (what it leaves out is as in A), or A
    with the settings of --set. Both sides' traces are stored, so that each query can be opened.

    \b
    Example:
      rankscope ab --set retrieval.candidates=20
      rankscope ab other.toml --list 20
      rankscope ab --pipelines sha256:1f sha256:9a
    """
    from rankscope.cli.ab_output import comparison_json, comparison_lines

    options = Options(**given)
    options.check()
    compared = _stored(workspace_folder, options) if options.pipelines else _run(workspace_folder, options)
    if options.as_json:
        json.dump(comparison_json(compared), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        click.echo("\n".join(comparison_lines(compared, options.listed)))
    headline = next(row for row in compared.rows if row.name == compared.measure)
    if options.max_drop is not None and -headline.difference.value > options.max_drop + 1e-6:
        sys.exit(1)


def _stored(folder: str | None, options: Options) -> Comparison:
    """Two pipelines that left traces of the same queries."""
    from rankscope.insight.ab import compare

    assert options.pipelines is not None
    sides = [
        given_traces(
            folder,
            Given(
                stored=True,
                pipeline=name,
                queries=options.queries,
                qrels=options.qrels,
                relevant_from=options.relevant_from,
            ),
        )
        for name in options.pipelines
    ]
    if sides[0].pipeline == sides[1].pipeline:
        raise UsageError(f"both names stand for the pipeline {sides[0].pipeline:.40}.")
    names = (f"A {sides[0].pipeline:.18}", f"B {sides[1].pipeline:.18}")
    return compare(
        sides[0].traces,
        sides[1].traces,
        sides[0].judgments,
        names=names,
        strata=sides[0].strata,
        measure=options.measure,
    )


def _run(folder: str | None, options: Options) -> Comparison:
    """Both sides on the judged queries of one target."""
    from rankscope.engine.workspace import find_workspace

    base = find_workspace(folder).settings
    targets = (
        collection_targets([options.collection], base)
        if options.collection is not None
        else workspace_target(folder, options.queries, options.qrels)
    )
    for target in targets:
        return _compare(target, target.workspace.settings, options)
    raise AssertionError("a command has one target")


def _compare(target: Target, a: Settings, options: Options) -> Comparison:
    from rankscope.engine.ab_run import cuts_differently
    from rankscope.insight.ab import compare

    b = _other(a, options)
    if a == b:
        raise UsageError("the two sides have the same settings.", remedy="Change some for side B.")
    query_set = load_queries(target, relevant_from=options.relevant_from, limit=options.limit)
    with _indexed(target, b, a) as other:  # first: what B cannot be indexed by is said before A runs
        sides = [
            _side(target, target, "A", a, query_set, options),
            _side(target, other, "B", b, query_set, options),
        ]
    target.workspace.traces.flush()
    ids = iter(query_set.judgments.doc_ids)
    names = ("A", "B" if options.config is None else f"B {options.config.stem}")
    return compare(
        sides[0],
        sides[1],
        query_set.judgments,
        names=names,
        strata=query_set.strata,
        measure=options.measure,
        top_k=a.floor.top_k,
        by_document=cuts_differently(a, b, ids),
    )


def _other(a: Settings, options: Options) -> Settings:
    """Side B: A, then the file's keys, then those of the command line."""
    from rankscope.engine.ab_run import overridden

    items: dict[str, Any] = {}
    if options.config is not None:
        try:
            data = parse_toml(options.config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{options.config}: not valid TOML: {error}.") from error
        for section, values in data.items():
            keys = values if isinstance(values, dict) else {"": values}
            items.update({f"{section}.{key}": value for key, value in keys.items()})
    for item in options.changes:
        name, equals, text = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item!r:.80} is not SECTION.KEY=VALUE.")
        items[name.strip()] = _value(text.strip())
    return overridden(a, items)


def _value(text: str) -> Any:
    """A TOML value; text that is none stands for itself, so that names need no quotes."""
    try:
        return parse_toml(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


@contextmanager
def _indexed(target: Target, settings: Settings, indexed: Settings) -> Iterator[Target]:
    """The target itself, or one with an index of its own where the settings ask for another."""
    from rankscope.cli.progress import show_progress
    from rankscope.engine.ab_run import needs_own_index, own_index
    from rankscope.stages.user_cache import user_cache_folder

    if not needs_own_index(settings, indexed):
        yield target
        return
    click.echo(f"{one_line(target.name, 60)}: indexing by side B's settings ...", err=True)
    workspace, build = own_index(target.workspace, settings, user_cache_folder() / "ab")
    with closing(workspace):
        show_progress(build.iter_progress())
        if build.report is not None and build.report.skipped:
            for line in build.report.rejected:
                click.echo(visible(line), err=True)
            left_out = counted(build.report.skipped, "bad record was", "bad records were")
            click.echo(f"{left_out} left out, as in side A.", err=True)
        yield Target(target.name, workspace, target.queries, target.qrels)


def _side(
    target: Target, side: Target, name: str, settings: Settings, query_set: Any, options: Options
) -> Sequence[Trace]:
    from rankscope.engine.ab_run import storing

    click.echo(f"side {name}:", err=True)
    pipeline = side.workspace.pipeline(settings)
    run = run_queries(
        side,
        query_set,
        pipeline,
        reuse=options.reuse,
        variant=f"ab {name}",
        complete=storing(target.workspace, name),
    )
    run.settle()
    traces: Sequence[Trace] = run.traces
    return traces
