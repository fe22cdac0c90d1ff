"""``rankscope traces guess``: a mapping for a log of any shape, with a preview and what is not understood."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rankscope.core.counting import counted
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.core.trace import Ranking, Trace
    from rankscope.tracing.formats.importer import Importer
    from rankscope.tracing.formats.mapping.guess import Proposal

__all__ = ["guess_mapping"]

_SHOWN_HITS = 5


@click.command(name="guess")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File for the mapping.")
@click.option("--force", is_flag=True, help="Replace the mapping if it exists.")
@click.option("--anyway", is_flag=True, help="Propose a mapping though the format is a known one.")
@click.option("--json", "as_json", is_flag=True, help="Print the proposal as one JSON document.")
def guess_mapping(file: Path, output: Path | None, force: bool, anyway: bool, as_json: bool) -> None:
    """Propose a mapping for a log from its first records, and preview the first trace.

    Nothing is imported. The mapping is saved as FILE.map.toml, or under -o; correct it there if need be.

    \b
    Example:
      rankscope traces guess answers.csv
      rankscope traces import answers.csv --map answers.csv.map.toml
    """
    from rankscope.cli.traces import print_json
    from rankscope.tracing.formats.mapping.guess import guess
    from rankscope.tracing.formats.mapping.model import dump_mapping
    from rankscope.tracing.formats.registry import sniff

    known = None if anyway else sniff(file)
    if known is not None:
        _tell_known(file, known, as_json)
        return
    target = output or file.with_name(f"{file.name}.map.toml")
    if target.exists() and not force:
        raise UsageError(f"{target} exists.", remedy="Name another file with -o, or add --force.")
    proposal = guess(file)
    text = dump_mapping(proposal.mapping, _comments(file, proposal))
    _save(target, text)
    if as_json:
        print_json(_as_json(proposal, target))
        return
    click.echo("\n".join(_report(file, proposal, target)))


def _tell_known(file: Path, known: Importer, as_json: bool) -> None:
    """A file of a known format needs no mapping: say so, and show its first trace."""
    from rankscope.cli.traces import print_json
    from rankscope.core.sanitize import one_line
    from rankscope.tracing.formats.importer import Imported, ImportOptions
    from rankscope.tracing.formats.native import to_json

    outcomes = known.read(file, ImportOptions())
    first = next((outcome.trace for outcome in outcomes if isinstance(outcome, Imported)), None)
    if as_json:
        preview = None if first is None else to_json(first)
        print_json({"known_format": known.name, "mapping": None, "preview": preview})
        return
    click.echo(f"This is {known.name}, which needs no mapping. To import:")
    click.echo(f"  rankscope traces import {one_line(str(file))}")
    if first is not None:
        click.echo("\n".join(["", "The first trace, as it would be imported:", *_preview(first)]))
    click.echo("\nIf it is something else, --anyway proposes a mapping.")


def _save(target: Path, text: str) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _comments(file: Path, proposal: Proposal) -> tuple[str, ...]:
    from rankscope.core.sanitize import one_line

    unused = ", ".join(item.path for item in proposal.unused)
    lines = [f"How to read {file.name}; proposed by `rankscope traces guess`. Expressions are JMESPath."]
    lines += [f"Note: {note}" for note in proposal.notes]
    lines += [f"Not understood: {unused}"] if unused else []
    return tuple(one_line(line) for line in lines)


def _report(file: Path, proposal: Proposal, target: Path) -> list[str]:
    from rankscope.core.sanitize import one_line

    lines = [f"Sampled {counted(proposal.sampled, 'record')}: {proposal.imported:,} can be imported."]
    lines += [f"  {count:,} not: {one_line(why)}" for why, count in proposal.rejected.most_common(5)]
    if proposal.preview is not None:
        lines += ["", "The first trace, as it would be imported:", *_preview(proposal.preview)]
    if proposal.notes:
        lines += ["", "Choices made:", *(f"  {one_line(note)}" for note in proposal.notes)]
    if proposal.unused:
        lines += ["", "Not understood, so not imported:"]
        lines += [
            f"  {one_line(item.path)}  (in {item.records:,}; for example {one_line(item.example, 60)})"
            for item in proposal.unused
        ]
    lines += ["", f"Saved {one_line(str(target))}. To import:"]
    lines.append(f"  rankscope traces import {one_line(str(file))} --map {one_line(str(target))}")
    return lines


def _preview(trace: Trace) -> list[str]:
    from rankscope.core.sanitize import one_line

    lines = [f"  query   {one_line(trace.query.text, 90) or '(none)'}"]
    note = trace.attributes.get("import")
    told = note if isinstance(note, dict) else {}
    when = trace.created_at.isoformat(timespec="seconds")
    lines.append(f"  time    {told.get('created_at', when)}")
    for ranking in trace.rankings:
        lines += _stage_lines(ranking, trace)
    lines += [f"  note    {one_line(text)}" for text in told.get("notes", ())]
    return lines


def _stage_lines(ranking: Ranking, trace: Trace) -> list[str]:
    from rankscope.core.sanitize import one_line

    took = "" if ranking.ms is None else f", {ranking.ms:.1f} ms"
    state = "" if ranking.status == "ok" else f", {ranking.status}"
    head = f"{counted(len(ranking.hits), 'hit')}, scale {ranking.score_scale.value}{took}{state}"
    lines = [f"  stage   {one_line(ranking.stage)}: {one_line(head)}"]
    for hit in ranking.hits[:_SHOWN_HITS]:
        document = trace.documents.get(hit.doc_id)
        text = one_line(document.searchable, 60) if document is not None else ""
        score = "no score" if hit.score is None else f"{hit.score:.6g}"
        lines.append(f"    {hit.rank:>3}  {score:>10}  {one_line(hit.doc_id, 36):<36}  {text}")
    return lines


def _as_json(proposal: Proposal, target: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from rankscope.tracing.formats.native import to_json

    return {
        "mapping": asdict(proposal.mapping),
        "saved": str(target),
        "known_format": None,
        "sampled": proposal.sampled,
        "imported": proposal.imported,
        "rejected": dict(proposal.rejected),
        "notes": proposal.notes,
        "not_understood": [asdict(item) for item in proposal.unused],
        "preview": None if proposal.preview is None else to_json(proposal.preview),
    }
