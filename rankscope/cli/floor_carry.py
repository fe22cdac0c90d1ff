"""``rankscope floor carry``: the stored floor on another reranker's scores."""

from __future__ import annotations

from pathlib import Path

import click

from rankscope.core.sanitize import one_line

__all__ = ["carry"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--model", "to_model", metavar="NAME", help="The new reranker; default: that of rankscope.toml."
)
@click.option("--pairs", type=click.IntRange(100), default=2_000, show_default=True, help="Pairs scored.")
@click.option("--set", "store", is_flag=True, help="Store the carried floor.")
@click.option("--queries", type=FILE, help="Queries of the judgments; default: the corpus' own.")
@click.option("--qrels", type=FILE, help="Judgments: BEIR .tsv or TREC qrels.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def carry(
    workspace: str | None,
    to_model: str | None,
    pairs: int,
    store: bool,
    queries: Path | None,
    qrels: Path | None,
    as_json: bool,
) -> None:
    """Carry the stored floor over to another reranker, by scoring stored pairs with it.

    The floor goes where it keeps the same share of the pairs. Told is how many pairs the two models decide
    otherwise at it, and with judgments, its F1 beside that of a floor fitted afresh.

    \b
    Example:
      rankscope floor carry --model ./my-reranker
      rankscope floor carry --set
    """
    from rankscope.cli.floor import print_json, print_lines
    from rankscope.cli.floor_material import stored_json
    from rankscope.cli.floor_output import carry_lines, stored_line
    from rankscope.cli.progress import show_progress
    from rankscope.engine.factory import make_reranker
    from rankscope.engine.floor_carry import FloorCarry
    from rankscope.engine.floor_material import read_floors
    from rankscope.engine.workspace import find_workspace
    from rankscope.insight.floors.whatif import whatif as consequences

    found = find_workspace(workspace)
    settings = found.settings
    if to_model is not None:
        settings = settings.override("rerank", model=to_model)
    reading = read_floors(found, queries=queries, qrels=qrels)
    work = FloorCarry(reading, make_reranker(settings.rerank, settings.models), settings.rerank, pairs)
    show_progress(work.iter_progress())
    result = work.result
    assert result is not None
    stored = None
    if store:
        said = consequences(result.new, result.carried.value)
        stored = work.material().store(result.carried.value, said, result.suggestion)
    if as_json:
        print_json({"carried": result.as_json(), "floor": None if stored is None else stored_json(stored)})
        return
    print_lines(carry_lines(result))
    if stored is not None:
        print_lines([stored_line(stored)])
        if to_model is not None and to_model != found.settings.rerank.model:
            click.echo(
                one_line(f"rankscope.toml still names {found.settings.rerank.model} as its reranker."),
                err=True,
            )
