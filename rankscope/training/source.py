"""Where training queries come from: a workspace's judgments, or a pairs file indexed for mining."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rankscope.config import Settings
from rankscope.corpus.judgments_io import JudgedQuery, beir_query_files
from rankscope.engine.evaluation import load_query_set
from rankscope.engine.progress import IndexProgress
from rankscope.engine.workspace import Workspace
from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments
from rankscope.training.pairs_file import PairsFile, read_pairs

__all__ = ["Source", "source_from_pairs", "source_from_workspace"]


@dataclass(frozen=True, slots=True)
class Source:
    """Judged queries over an indexed corpus, and what the model card says of them."""

    workspace: Workspace
    queries: tuple[JudgedQuery, ...]
    judgments: Judgments
    described: tuple[str, ...]
    """One line for each origin of the data, with its licence where that is known."""


def source_from_workspace(workspace: Workspace, queries: Path | None, qrels: Path | None) -> Source:
    """The given judgments, else those that came with the workspace's corpus. Raises UsageError for none."""
    if queries is None or qrels is None:
        manifest = workspace.manifest
        folder = Path(manifest.source) if manifest is not None else workspace.folder
        files = beir_query_files(folder)
        if files is None:
            raise UsageError(
                f"{folder}: came without queries.jsonl and qrels/test.tsv.",
                remedy="Give --queries FILE and --qrels FILE, or --pairs FILE.",
            )
        queries, qrels = files
    loaded = load_query_set(workspace.name, queries, qrels)
    line = (
        f"{workspace.name}: {len(loaded.queries):,} judged queries, {loaded.judgments.count:,} judgments; "
        "licence as of the corpus, not recorded in it"
    )
    return Source(workspace, loaded.queries, loaded.judgments, (line,))


def source_from_pairs(
    path: Path, work: Path, settings: Settings, say: Callable[[IndexProgress], None]
) -> Source:
    """A pairs file, its passages indexed under ``work`` so that negatives can be mined among them."""
    from rankscope.corpus.loader import LoadOptions
    from rankscope.engine.indexing import IndexBuild

    pairs = read_pairs(path)
    folder = work / "passages"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    corpus = folder / "passages.jsonl"
    with corpus.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"_id": key, "text": text}) + "\n" for key, text in pairs.passages.items())
    workspace = Workspace(folder, settings=settings)
    for step in IndexBuild(workspace, corpus, LoadOptions(format="jsonl")).iter_progress():
        say(step)
    return Source(
        workspace, tuple(pairs.queries.values()), Judgments(pairs.grades), _described(path.name, pairs)
    )


def _described(name: str, pairs: PairsFile) -> tuple[str, ...]:
    return tuple(
        f"{source or name}: {count:,} pairs; licence {licence or 'not stated'}"
        for (source, licence), count in sorted(pairs.origins.items())
    )
