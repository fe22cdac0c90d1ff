"""``rankscope judgments``: judgments in and out of the store, and what it holds."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.engine.judgment_files import Imported
    from rankscope.tracing.judgment_log import JudgmentLog, StoredJudgment

__all__ = ["command"]

_PATH = click.Path(exists=True, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FORMAT = click.Choice(["trec", "beir", "quepid"])


@click.group(name="judgments")
def command() -> None:
    """Bring judgments in, take them out, and list them.

    \b
    Example:
      rankscope judgments import qrels/test.tsv --queries queries.jsonl
      rankscope judgments list --query leave
      rankscope judgments export judged --format beir
    """


@command.command(name="import")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--format", "form", type=_FORMAT, help="Format of the files; default: by their names.")
@click.option("--queries", type=_FILE, help="Texts of the queries: BEIR .jsonl, or lines of id, tab, text.")
@click.option("--judge", help="Whose judgments these are; default: the name of the file.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON document.")
@click.pass_obj
def import_files(
    workspace: str | None,
    files: tuple[Path, ...],
    form: Any,
    queries: Path | None,
    judge: str | None,
    as_json: bool,
) -> None:
    """Store judgments of TREC or BEIR qrels, BEIR folders, or Quepid CSV files.

    With the texts of the queries they count for live queries too, which have no id. Importing a file again
    adds only what has changed; where a line of any file is bad, nothing is added.

    \b
    Example:
      rankscope judgments import qrels/test.tsv --queries queries.jsonl --judge anna
      rankscope judgments import quepid-ratings.csv
    """
    from rankscope.engine.judgment_files import import_judgments

    log = _log(workspace)
    done = import_judgments(log, files, judge, form=form, queries=queries)
    if as_json:
        _print([_imported_json(item) for item in done])
        return
    for item in done:
        click.echo("\n".join(_imported_lines(item)), err=True)


def _imported_lines(item: Imported) -> list[str]:
    name = one_line(str(item.path), 80)
    lines = [
        f"{name}: {counted(item.added, 'judgment')} added, {item.unchanged:,} known already, "
        f"{counted(item.queries, 'query', 'queries')}"
    ]
    if item.unrated:
        unrated = counted(item.unrated, "row has no rating and was", "rows have no rating and were")
        lines.append(f"{name}: {unrated} left out")
    by_id = item.queries - item.by_text
    if by_id:
        stored = counted(
            by_id, "query is stored by its id: it counts", "queries are stored by their id: they count"
        )
        lines.append(f"{name}: {stored} for traces that carry it. --queries FILE stores them by text.")
    return lines


def _imported_json(item: Imported) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(item), "path": str(item.path)}


@command.command(name="export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--format", "form", type=_FORMAT, default="beir", show_default=True, help="Format to write.")
@click.option("--judge", help="Only this judge's; default: of several judges the last one counts.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.pass_obj
def export(workspace: str | None, target: Path, form: Any, judge: str | None, force: bool) -> None:
    """Write the judgments that hold now: a BEIR folder, TREC qrels, or a CSV for Quepid.

    Files that exist are kept, and nothing is written then; --force replaces them.

    \b
    Example:
      rankscope judgments export judged --format beir
      rankscope judgments export qrels.txt --format trec
    """
    from rankscope.engine.floors import judged_of
    from rankscope.engine.judgment_files import export_judgments
    from rankscope.engine.workspace import find_workspace

    log = _log(workspace)
    if judge is None:
        grades = log.grades()
    else:
        grades = {}
        for item in log.standing():
            if item.judge == judge:
                grades.setdefault(item.query, {})[item.doc_id] = item.grade
    ids = {text: query_id for query_id, text in judged_of(find_workspace(workspace)).texts.items()}
    made = export_judgments(grades, target, form, ids=ids, force=force)
    count = sum(len(known) for known in grades.values())
    names = ", ".join(one_line(str(path), 80) for path in made)
    click.echo(
        f"{counted(count, 'judgment')} of {counted(len(grades), 'query', 'queries')}: {names}", err=True
    )


@command.command(name="list")
@click.option("--query", "part", help="Only queries that contain this, in any case.")
@click.option("--judge", help="Only this judge's.")
@click.option("--conflicts", is_flag=True, help="Only documents on which judges differ.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Most rows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_judgments(
    workspace: str | None, part: str | None, judge: str | None, conflicts: bool, limit: int, as_json: bool
) -> None:
    """List the judgments that hold now, the newest first, and how many each judge gave.

    \b
    Example:
      rankscope judgments list --query leave
      rankscope judgments list --conflicts --json
    """
    log = _log(workspace)
    rows = (
        [item for conflict in log.conflicts() for item in conflict.judgments]
        if conflicts
        else list(reversed(log.standing()))
    )
    chosen = [
        item
        for item in rows
        if (part is None or part.casefold() in item.query.casefold()) and judge in (None, item.judge)
    ]
    if as_json:
        _print([_row_json(item) for item in chosen])
        return
    if not chosen:
        filtered = bool(rows) or part is not None or judge is not None or conflicts
        click.echo(f"no judgments{' like that' if filtered else ''}.{_beside(workspace)}", err=True)
        return
    click.echo("\n".join(_table(chosen[:limit])))
    counts = Counter(item.judge for item in chosen)
    said = ", ".join(f"{one_line(name, 30)} {count:,}" for name, count in counts.most_common(12))
    queries = len({item.query for item in chosen})
    more = f"; {counted(len(chosen) - limit, 'more is', 'more are')} not shown" if len(chosen) > limit else ""
    click.echo(
        f"{counted(len(chosen), 'judgment')} of {counted(queries, 'query', 'queries')} ({said}){more}."
        f"{_beside(workspace)}",
        err=True,
    )


def _beside(workspace: str | None) -> str:
    """How many judgments stand beside the corpus; they are not in the store, and count as well."""
    from rankscope.engine.floors import file_judgments
    from rankscope.engine.workspace import find_workspace

    grades = file_judgments(find_workspace(workspace)).grades
    count = sum(len(known) for known in grades.values())
    return f" {count:,} came with the corpus." if count else ""


def _table(rows: list[StoredJudgment]) -> list[str]:
    from rankscope.cli.eval_tables import text_table

    table = [["query", "document", "grade", "judge", "when", "note"]]
    for item in rows:
        table.append(
            [
                one_line(item.query, 44),
                one_line(item.doc_id, 32),
                f"{item.grade}{' borderline' if item.borderline else ''}",
                one_line(item.judge, 20),
                item.created_at.astimezone().strftime("%Y-%m-%d %H:%M"),
                one_line(item.note, 40),
            ]
        )
    return text_table(table, words=(0, 1, 3, 4, 5))


def _row_json(item: StoredJudgment) -> dict[str, Any]:
    return {
        "number": item.number,
        "created_at": item.created_at.isoformat(),
        "query": item.query,
        "doc_id": item.doc_id,
        "grade": item.grade,
        "judge": item.judge,
        "borderline": item.borderline,
        "note": item.note,
        "trace_id": item.trace_id,
    }


def _print(data: Any) -> None:
    json.dump(data, sys.stdout, ensure_ascii=True, indent=1)
    sys.stdout.write("\n")


def _log(workspace: str | None) -> JudgmentLog:
    from rankscope.engine.workspace import find_workspace
    from rankscope.tracing.judgment_log import JudgmentLog

    found = find_workspace(workspace)
    if not found.folder.is_dir():
        if not found.sample:
            raise UsageError(f"{found.folder}: there is no such workspace.")
        found.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return JudgmentLog(found.traces_path)
