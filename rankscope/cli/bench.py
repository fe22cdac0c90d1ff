"""``rankscope bench``: this machine, beside the stock libraries."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from rankscope.core.counting import counted

if TYPE_CHECKING:
    from rankscope.bench.floors import FloorTimes
    from rankscope.bench.keys import KeyTimes
    from rankscope.bench.latency import StageTimes
    from rankscope.bench.recording import RecordingFigures
    from rankscope.bench.replay_ratio import ReplayTimes
    from rankscope.bench.timing import Comparison
    from rankscope.engine.workspace import Workspace

__all__ = ["command"]

PARTS = ("bm25", "embed", "rerank", "stages", "keys", "recording", "floors", "replay", "attribution")
QUICK = tuple(part for part in PARTS if part not in ("floors", "replay", "attribution"))
"""What is measured unless told: a replay of ten thousand pairs and a hundred attributions take minutes, and a
million planted scores nearly one."""


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
@click.option(
    "--traces", default=200, type=click.IntRange(1), show_default=True, help="Traces of 50 for the replay."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON document.")
@click.pass_obj
def command(
    workspace_folder: str | None,
    only: tuple[str, ...],
    documents: int,
    rounds: int,
    traces: int,
    as_json: bool,
) -> None:
    """Time each stage here, beside the stock way of doing the same thing with the same models.

    Ratios are from one run, both ways in turn, and the results of both ways are compared. Replaying many
    traces and explaining many scores take minutes and are measured only when they are named.

    \b
    Example:
      rankscope bench
      rankscope bench --only bm25 --documents 300000
      rankscope bench --only recording --only replay
    """
    from rankscope.cli.options import workspace_of
    from rankscope.engine.sample import sample_corpus_folder

    workspace = workspace_of(workspace_folder)
    wanted = only or QUICK
    machine = (
        f"{counted(os.cpu_count() or 1, 'core')}, {platform.machine()}, Python {platform.python_version()}"
    )
    folder = sample_corpus_folder()
    figures: dict[str, Any] = {"machine": machine, "ratios": [], "stages": [], "keys": None}
    if not as_json:
        click.echo(f"{machine}; medians of {rounds} where a part is repeated\n")
    try:
        for comparison in _ratios(workspace, wanted, folder, documents, rounds):
            figures["ratios"].append(comparison.as_mapping())
            if not as_json:
                click.echo(_line(comparison))
        for part, measured, lines in _figures(workspace, wanted, folder, traces):
            figures[part] = measured
            if not as_json:
                click.echo("\n" + "\n".join(lines))
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


def _figures(
    workspace: Workspace, wanted: tuple[str, ...], folder: Any, traces: int
) -> Iterator[tuple[str, Any, list[str]]]:
    """Parts that are no plain ratio: name, figures for JSON, lines for people."""
    from rankscope.bench.material import sample_queries

    if "stages" in wanted:
        from rankscope.bench.latency import measure_stages

        times = measure_stages(workspace, sample_queries(folder)[:20])
        rows = [{"candidates": row.candidates, **row.median_ms} for row in times]
        yield "stages", rows, _stage_table(times)
    if "attribution" in wanted:
        from rankscope.bench.faithfulness import attribution_lines, measure_attribution

        workspace.warm_up()
        found = measure_attribution(workspace.pipeline(), folder, 100)
        yield "attribution", found.as_mapping(), attribution_lines(found)
    if "keys" in wanted:
        from rankscope.bench.keys import measure_keys

        keys = measure_keys(workspace)
        yield "keys", keys.as_mapping(), _key_lines(keys)
    if "recording" in wanted:
        from rankscope.bench.recording import measure_recording

        recording = measure_recording()
        yield "recording", recording.as_mapping(), _recording_lines(recording)
    if "floors" in wanted:
        from rankscope.bench.floors import measure_floors

        floors = measure_floors()
        yield "floors", floors.as_mapping(), _floor_lines(floors)
    if "replay" in wanted:
        from rankscope.bench.replay_ratio import measure_replay

        replay = measure_replay(workspace, sample_queries(folder), traces)
        yield "replay", replay.as_mapping(), _replay_lines(replay)


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


def _recording_lines(figures: RecordingFigures) -> list[str]:
    return [
        "recording traces of 100 candidates with their texts",
        f"  importing the recorder      {figures.import_ms:10.1f} ms",
        f"  calling thread, p99         {figures.paced_p99_us:10.0f} us    at 100 a second, 3 runs pooled",
        f"  calling thread, p99         {figures.flooded_p99_us:10.0f} us    as fast as they come, 1 run",
        f"  written to SQLite           {figures.sqlite_per_s:10,.0f} traces/s",
        f"  without texts               {figures.sqlite_without_texts_per_s:10,.0f} traces/s",
        f"  written to JSON lines       {figures.jsonl_per_s:10,.0f} traces/s",
        f"  json.dumps and append       {figures.append_per_s:10,.0f} traces/s    no recorder: the floor",
    ]


def _floor_lines(times: FloorTimes) -> list[str]:
    rows = (
        ("first histogram", times.first_histogram_ms, "reading the scores included"),
        ("first histogram, never read before", times.never_read_ms, ""),
        ("peer: the scores by plain SQL", times.sql_ms, "not counted yet"),
        ("limit: numpy.histogram in memory", times.numpy_ms, ""),
        ("key to first histogram on the screen", times.screen_ms, "importing and mounting included"),
        ("step of the floor, key to frame", times.step_ms, f"worst {times.step_worst_ms:.0f} ms"),
    )
    return [
        f"floors over {times.scores:,} stored scores",
        *(f"  {name:<38} {ms:>9.1f} ms    {note}".rstrip() for name, ms, note in rows),
    ]


def _replay_lines(times: ReplayTimes) -> list[str]:
    rows = (
        ("rankscope replay", times.replay_s, times.replay_cpu_s, f"{times.dtype}, with findings, stored"),
        (
            "rankscope, trace by trace",
            times.loop_s,
            times.loop_cpu_s,
            _shares(times.of_loop, times.cpu_of_loop),
        ),
        (
            "CrossEncoder.predict",
            times.predict_s,
            times.predict_cpu_s,
            _shares(times.of_predict, times.cpu_of_predict),
        ),
    )
    return [
        f"replaying {counted(times.traces, 'trace')}: {counted(times.candidates, 'candidate')}, "
        f"{counted(times.passages, 'distinct passage')}",
        f"  {'':<27} {'seconds':>10} {'processor':>10}",
        *(f"  {name:<27} {wall:>10.1f} {cpu:>10.1f}    {note}" for name, wall, cpu, note in rows),
        f"  largest difference of a score {times.largest_difference:.6f} (trace by trace), "
        f"Kendall tau {times.tau:.4f} (predict)",
    ]


def _shares(wall: float, cpu: float) -> str:
    return f"the replay takes {wall:.2f} of its seconds, {cpu:.2f} of its processor time"
