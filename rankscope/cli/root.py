"""``rankscope``: the root command, which finds its subcommands only when they are asked for."""

from __future__ import annotations

import errno
import sqlite3
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from rankscope import __version__
from rankscope.errors import RankScopeError

__all__ = ["cli", "main"]

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells give it: 128 and the number of the signal."""

_COMMANDS: dict[str, tuple[str, str]] = {
    "index": ("rankscope.cli.index", "Build the index of a workspace from documents."),
    "query": ("rankscope.cli.query", "Run one query without the screen."),
    "traces": ("rankscope.cli.traces", "List, show, import, export and prune stored traces."),
    "listen": ("rankscope.cli.listen", "Take spans of a running application and store them as traces."),
    "replay": ("rankscope.cli.replay", "Run saved traces through today's reranker or pipeline."),
    "diff": ("rankscope.cli.diff", "Compare two traces, or two groups of traces."),
    "eval": ("rankscope.cli.eval", "Measure every stage on judged queries, before and after."),
    "verdict": ("rankscope.cli.verdict", "Say whether reranking earns its latency here."),
    "ab": ("rankscope.cli.ab", "Compare two pipelines on the same judged queries."),
    "judgments": ("rankscope.cli.judgments", "Import, export and list judgments."),
    "why": ("rankscope.cli.why", "Say why a document is, or is not, in the result of a query."),
    "check": ("rankscope.cli.check", "Look for what is wrong with rankings."),
    "rule": ("rankscope.cli.rule", "Explain a finding."),
    "floor": ("rankscope.cli.floor", "Choose the relevance floor from real scores."),
    "gate": ("rankscope.cli.gate", "Choose when the reranker is not called."),
    "train": ("rankscope.cli.train", "Fine-tune a cross-encoder on judged queries."),
    "bench": ("rankscope.cli.bench", "Time this machine beside the stock libraries."),
    "doctor": ("rankscope.cli.doctor", "Check versions, models, index and database."),
}


class LazyGroup(click.Group):
    """Imports a subcommand's module when it is invoked, so that ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name][0]), "command", None)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="rankscope")
@click.option("--workspace", "-w", type=click.Path(file_okay=False), help="Workspace folder to open.")
@click.pass_context
def cli(ctx: click.Context, workspace: str | None) -> None:
    """Inspect why a document ranks where it ranks.

    Without a command, opens the screen on the workspace found upward from here, else on the sample corpus.

    \b
    Example:
      rankscope
      rankscope query "ibuprofen dosage for children"
    """
    ctx.obj = workspace
    if ctx.invoked_subcommand is None:
        screen: Any = import_module("rankscope.cli.screen")
        screen.open_screen(workspace)


def main() -> None:
    """Entry point: one line on stderr for every expected error, and its exit status."""
    try:
        status = cli.main(prog_name="rankscope", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort) as error:
        if not any(isinstance(e, KeyboardInterrupt) for e in (error, error.__cause__, error.__context__)):
            _stop("nothing was done.", 1)  # a question was answered with no, or there was nobody to ask
        _stop("stopped; what was stored so far is kept.", INTERRUPTED)
    except RankScopeError as error:
        _stop(str(error), error.exit_code)
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror}.", 2)
    except sqlite3.Error as error:
        _stop(f"a database of the workspace cannot be used: {error}. Run `rankscope doctor`.", 2)
    sys.exit(status if isinstance(status, int) else 0)


def _stop(line: str, status: int) -> NoReturn:
    """End with one line on stderr; what came from a file is made safe for the terminal."""
    from rankscope.core.sanitize import visible

    click.echo(f"rankscope: {visible(line)}", err=True)
    sys.exit(status)
