"""``rankscope bench``: this machine, beside the stock libraries."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rankscope.bench.keys import KeyTimes
    from rankscope.bench.latency import StageTimes
    from rankscope.bench.timing import Comparison
    from rankscope.engine.workspace import Workspace

__all__ = ["command"]

PARTS = ("bm25", "embed", "rerank", "stages", "keys")


@click.command(name="bench")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Measure this part alone; repeatable.")
@click.option(
    "--documents", default=20_000, type=click.IntRange(1), show_default=True, help="Corpus size for BM25."
)
@click.option(
    "--rounds",
    default=3,
    type=click.IntRange(1),
    show_default=True,
    help="Runs of each way; medians are shown.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON document.")
@click.pass_obj
def command(
    workspace_folder: str | None, only: tuple[str, ...], documents: int, rounds: int, as_json: bool
) -> None:
    """Time each stage here, beside the stock way of doing the same thing with the same models.

    Ratios are from one run, both ways in turn, and the results of both ways are compared.

    \b
    Example:
      rankscope bench
      rankscope bench --only bm25 --documents 300000
    """
    from rankscope.cli.options import workspace_of
    from rankscope.engine.sample import sample_corpus_folder

    workspace = workspace_of(workspace_folder)
    wanted = only or PARTS
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    folder = sample_corpus_folder()
    figures: dict[str, Any] = {"machine": machine, "ratios": [], "stages": [], "keys": None}
    if not as_json:
        click.echo(f"{machine}; medians of {rounds}\n")
    try:
        for comparison in _ratios(workspace, wanted, folder, documents, rounds):
            figures["ratios"].append(comparison.as_mapping())
            if not as_json:
                click.echo(_line(comparison))
        if "stages" in wanted:
            from rankscope.bench.latency import measure_stages
            from rankscope.bench.material import sample_queries

            times = measure_stages(workspace, sample_queries(folder)[:20])
            figures["stages"] = [{"candidates": row.candidates, **row.median_ms} for row in times]
            if not as_json:
                click.echo("\n" + "\n".join(_stage_table(times)))
        if "keys" in wanted:
            from rankscope.bench.keys import measure_keys

            keys = measure_keys(workspace)
            figures["keys"] = keys.as_mapping()
            if not as_json:
                click.echo("\n" + "\n".join(_key_lines(keys)))
    finally:
        workspace.close()
    if as_json:
        json.dump(figures, sys.stdout, indent=2)
        sys.stdout.write("\n")


def _ratios(
    workspace: Workspace, wanted: tuple[str, ...], folder: Any, documents: int, rounds: int
) -> Iterator[Comparison]:
    from rankscope.bench import material

    sample = material.sample_documents(folder)
    queries = material.sample_queries(folder)
    if "bm25" in wanted:
        from rankscope.bench.bm25_ratio import measure_bm25

        yield measure_bm25(material.shuffled_texts(sample, documents), queries[:20], rounds)
    if "embed" in wanted:
        from rankscope.bench.embed_ratio import measure_embedding

        texts = [document.searchable for document in sample]
        yield measure_embedding(texts, workspace.settings.models, rounds)
    if "rerank" in wanted:
        from rankscope.bench.rerank_ratio import measure_reranking

        passages = material.passages_of_words(sample, count=100, words=115)
        settings = workspace.settings
        yield from measure_reranking(queries[0], passages, settings.rerank, settings.models, rounds)


def _line(comparison: Comparison) -> str:
    return (
        f"{comparison.name}\n"
        f"  rankscope {comparison.ours_ms:10.2f} ms    {comparison.stock} {comparison.stock_ms:10.2f} ms"
        f"    {comparison.ratio:.1f} times faster\n"
        f"  {comparison.agreement}"
    )


def _stage_table(times: list[StageTimes]) -> list[str]:
    stages = list(times[-1].median_ms)
    lines = ["median ms  " + "".join(f"{stage:>10}" for stage in stages)]
    for row in times:
        cells = "".join(f"{row.median_ms.get(stage, 0.0):>10.1f}" for stage in stages)
        lines.append(f"N = {row.candidates:<6} {cells}")
    return lines


def _key_lines(keys: KeyTimes) -> list[str]:
    return [
        _spread("typed query to fused column, warm", keys.fused_median_ms, keys.fused_worst_ms),
        _spread("key answered while reranking", keys.key_median_ms, keys.key_worst_ms),
    ]


def _spread(name: str, median_ms: float | None, worst_ms: float | None) -> str:
    if median_ms is None or worst_ms is None:
        return f"{name:<35} not measured: reranking was over before a key could be pressed"
    return f"{name:<35} median {median_ms:.0f} ms, worst {worst_ms:.0f} ms"
