"""``rankscope train``: fine-tune a cross-encoder on judgments, and keep it only when it is better."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.cli.options import workspace_of
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.progress import IndexProgress
    from rankscope.engine.workspace import Workspace
    from rankscope.training.model_card import Outcome
    from rankscope.training.source import Source

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_REDRAW_S = 0.1
_LOG_S = 15.0


@click.command(name="train")
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--pairs", type=_FILE, help='Lines of {"query", "positive"[, "negatives", "source", "licence"]}.'
)
@click.option("--queries", type=_FILE, help="Queries: BEIR .jsonl, or lines of id, tab, text.")
@click.option("--qrels", type=_FILE, help="Judgments: BEIR .tsv or TREC qrels.")
@click.option("--base", help="Model to start from, a folder or a name; default: the present rerank.model.")
@click.option("--loss", type=click.Choice(["lambda", "listnet", "bce"]), help="lambda.")
@click.option("--epochs", type=click.FloatRange(0, min_open=True), help="Passes over the training part; 2.")
@click.option("--max-steps", type=click.IntRange(1), help="End after this many updates.")
@click.option("--queries-per-step", type=click.IntRange(1), help="Queries in one update; 4.")
@click.option("--negatives", type=click.IntRange(1), help="Negatives of one query; 7.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Highest rate; 2e-5.")
@click.option("--held-out", type=click.FloatRange(0.05, 0.5), help="Share of the queries that measure; 0.25.")
@click.option("--folds", type=click.IntRange(2), help="Cross-validate: every query measures once.")
@click.option(
    "--near-misses",
    type=click.FloatRange(0, 1),
    help="Share of queries that get their answer with one condition changed as a negative; 0.5.",
)
@click.option(
    "--first-stage",
    type=click.FloatRange(0, 1, max_open=True),
    help="With listnet, the share of the target that follows the bi-encoder; 0.2.",
)
@click.option("--seed", type=click.IntRange(0), help="1.")
@click.option("--save-every", type=click.IntRange(1), help="Updates between two checkpoints; 25.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint of the same run.")
@click.option("--force", is_flag=True, help="Write the model even if it is not better.")
@click.pass_obj
def command(
    workspace_folder: str | None,
    /,
    output: Path,
    pairs: Path | None,
    queries: Path | None,
    qrels: Path | None,
    base: str | None,
    resume: bool,
    force: bool,
    **chosen: Any,
) -> None:
    """Fine-tune a cross-encoder into the folder OUTPUT, which rerank.model in rankscope.toml can name.

    Trains on the judgments that came with the workspace's corpus together with those made in RankScope, on
    --queries and --qrels, or on --pairs. Hard negatives come from the index. A part of the queries, which
    shares no document with the rest, is held out: it calibrates the scores and decides. With --folds every
    query is held out once, and the model is then trained on all. A model that is not better on held-out
    queries is not written, and the exit status is 1.

    \b
    Example:
      rankscope train models/mine --folds 5
      rankscope train models/mine --pairs pairs.jsonl --epochs 3 --resume
    """
    from rankscope.training.model_card import model_card
    from rankscope.training.model_folder import check_target, publish
    from rankscope.training.recipe import Recipe
    from rankscope.training.run import TrainingRun

    if (queries is None) != (qrels is None):
        raise UsageError("--queries and --qrels are given together or not at all.")
    if pairs is not None and queries is not None:
        raise UsageError("--pairs has queries of its own.", remedy="Leave --queries and --qrels out.")
    recipe = Recipe(**{name: value for name, value in chosen.items() if value is not None})
    check_target(output)
    line = _ProgressLine()
    workspace = workspace_of(workspace_folder)
    with closing(workspace):
        work = workspace.folder / "training"
        source = _source(workspace, pairs, queries, qrels, work, line)
        with closing(source.workspace):
            present = workspace.settings.rerank.model
            run = TrainingRun(source, recipe, base or present, present, work, line)
            _announce(run.folder, resume)
            outcome = run.run(resume=resume)
            line.end()
    click.echo("\n".join(outcome.lines()))
    if not outcome.accepted and not force:
        _refuse(outcome, output)
    publish(run.model_folder, model_card(output.resolve().name, outcome, recipe), output)
    click.echo(f"\n{output}: written. To use it, put into rankscope.toml:\n\n{_setting(output)}")


def _source(
    workspace: Workspace,
    pairs: Path | None,
    queries: Path | None,
    qrels: Path | None,
    work: Path,
    line: _ProgressLine,
) -> Source:
    from rankscope.training.source import source_from_pairs, source_from_workspace

    if pairs is None:
        return source_from_workspace(workspace, queries, qrels)
    from rankscope.stages.checksum import sha256_of

    return source_from_pairs(pairs, work / f"pairs-{sha256_of(pairs)[:16]}", workspace.settings, line)


def _announce(folder: Path, resume: bool) -> None:
    """Say what becomes of checkpoints that an earlier run left."""
    from rankscope.training.checkpoints import last_checkpoint

    found = last_checkpoint(folder)
    if resume:
        where = "the beginning: there is no checkpoint" if found is None else found.name
        click.echo(f"Resuming from {where}.", err=True)
    elif found is not None:
        click.echo(f"{found}: not used, since --resume is not given.", err=True)


def _refuse(outcome: Outcome, output: Path) -> None:
    reason = (
        "the lift's interval does not lie above 0"
        if outcome.calibrated
        else "its scores cannot be calibrated: higher ones are not more relevant"
    )
    click.echo(
        f"rankscope: {output}: not written: the trained model does not beat {outcome.present} on held-out "
        f"queries ({reason}). --force writes it all the same.",
        err=True,
    )
    sys.exit(1)


def _setting(output: Path) -> str:
    import json

    # JSON's strings are TOML's basic strings.
    return f"[rerank]\nmodel = {json.dumps(str(output.resolve()))}"


class _ProgressLine:
    """Progress that is pushed: redrawn on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.last: IndexProgress | None = None
        self.drawn = time.monotonic()

    def __call__(self, step: IndexProgress) -> None:
        """Show ``step`` if it is time to."""
        if self.last is not None and self.last.stage != step.stage:
            self.end()
        self.last = step
        if time.monotonic() - self.drawn >= (_REDRAW_S if self.live else _LOG_S):
            self._draw(step, newline=not self.live)

    def end(self) -> None:
        """Finish the stage's line."""
        if self.last is not None:
            self._draw(self.last, newline=True)
            self.last = None

    def _draw(self, step: IndexProgress, *, newline: bool) -> None:
        from rankscope.cli.progress import line_of

        self.drawn = time.monotonic()
        start = "\r\x1b[K" if self.live else ""
        click.echo(f"{start}{line_of(step)}", nl=newline, err=True)
