"""``rankscope index``: build the index of a workspace from documents."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

import click

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line, visible
from rankscope.errors import Cancelled

__all__ = ["command"]


@click.command(name="index")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--workspace",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to keep settings, index and traces in; default: the current folder.",
)
@click.option("--format", "format_", help="Format of SOURCE, when its name does not tell.")
@click.option("--text-column", help="Column or key that holds the text.")
@click.option("--id-column", help="Column or key that holds the document id.")
@click.option("--title-column", help="Column or key that holds the title.")
@click.option("--delimiter", help="Delimiter of a CSV file, one character; default: found out.")
@click.option("--skip-bad", is_flag=True, help="Leave bad records out, list and count them, and go on.")
@click.pass_obj
def command(
    workspace_folder: str | None,
    source: Path,
    folder: Path | None,
    format_: str | None,
    text_column: str | None,
    id_column: str | None,
    title_column: str | None,
    delimiter: str | None,
    skip_bad: bool,
) -> None:
    """Index SOURCE: a folder of .md and .txt, .jsonl, .csv, .parquet, or a BEIR folder.

    Ctrl-C stops; the same command resumes. A second run embeds only what changed.

    \b
    Example:
      rankscope index docs/ --workspace ~/search/docs
      rankscope index tickets.csv --text-column body
    """
    from rankscope.cli.progress import show_progress
    from rankscope.corpus.loader import LoadOptions
    from rankscope.engine.indexing import IndexBuild
    from rankscope.engine.workspace import Workspace

    target = folder or (Path(workspace_folder) if workspace_folder else Path.cwd())
    target.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(target)
    options = LoadOptions(
        format=format_,
        text_column=text_column,
        id_column=id_column,
        title_column=title_column,
        delimiter=delimiter,
        skip_bad=skip_bad,
        chunking=workspace.settings.chunking,
    )
    build = IndexBuild(workspace, source.resolve(), options)
    stop = _StopOnInterrupt()
    with stop:
        show_progress(build.iter_progress(lambda: stop.asked))
    report = build.report
    if report is None:
        raise Cancelled("indexing was stopped;", remedy="run the same command again to resume.")
    for line in (*report.notes, *report.rejected):
        click.echo(visible(line), err=True)
    if report.unchanged:
        indexed = counted(report.documents, "document is", "documents are")
        click.echo(one_line(f"Nothing changed: {indexed} indexed in {target}."))
        return
    click.echo(
        one_line(
            f"Indexed {counted(report.documents, 'document')} in {target} ({report.embedded:,} embedded now)."
        )
    )
    if report.skipped:
        left_out = counted(report.skipped, "bad record was", "bad records were")
        click.echo(f"{left_out} left out, listed above.", err=True)
    if report.truncated_documents:
        click.echo(
            f"The bi-encoder did not read the end of {counted(report.truncated_documents, 'document')} "
            f"({counted(report.truncated_tokens, 'token')}). Shorter passages would be read whole.",
            err=True,
        )


class _StopOnInterrupt:
    """Turns the first Ctrl-C into a request to stop at the next batch; a second one interrupts at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: signal.Handlers | int | None = None

    def __enter__(self) -> None:
        self._before = signal.getsignal(signal.SIGINT)  # type: ignore[assignment]  # a handler of ours or Python's
        signal.signal(signal.SIGINT, self._on_interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        click.echo("\nStopping after this batch; Ctrl-C again to stop at once.", err=True)
