"""Where training queries come from: a workspace's judgments, or a pairs file indexed for mining."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.corpus.judgments_io import JudgedQuery, beir_query_files
from rankscope.engine.evaluation import load_query_set
from rankscope.engine.progress import IndexProgress
from rankscope.engine.workspace import Workspace
from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments
from rankscope.tracing.stored_grades import read_stored_grades
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
    """The given judgments, else those that came with the workspace's corpus and those in its store.

    Raises UsageError for none.
    """
    if queries is not None and qrels is not None:
        return Source(workspace, *_from_files(workspace.name, queries, qrels))
    manifest = workspace.manifest
    folder = Path(manifest.source) if manifest is not None else workspace.folder
    files = beir_query_files(folder)
    stored = read_stored_grades(workspace.traces_path)
    if files is None and not stored:
        raise UsageError(
            f"{folder}: came without queries.jsonl and qrels/test.tsv, and nothing is judged in the store.",
            remedy="Judge in the screen, or give --queries FILE and --qrels FILE, or --pairs FILE.",
        )
    came: tuple[tuple[JudgedQuery, ...], Judgments, tuple[str, ...]] = ((), Judgments({}), ())
    if files is not None:
        came = _from_files(workspace.name, *files)
    return Source(workspace, *_with_stored(*came, stored))


def _from_files(
    name: str, queries: Path, qrels: Path
) -> tuple[tuple[JudgedQuery, ...], Judgments, tuple[str, ...]]:
    loaded = load_query_set(name, queries, qrels)
    line = (
        f"{name}: {len(loaded.queries):,} judged queries, {loaded.judgments.count:,} judgments; "
        "licence as of the corpus, not recorded in it"
    )
    return loaded.queries, loaded.judgments, (line,)


def _with_stored(
    queries: tuple[JudgedQuery, ...],
    judgments: Judgments,
    described: tuple[str, ...],
    stored: Mapping[str, Mapping[str, int]],
) -> tuple[tuple[JudgedQuery, ...], Judgments, tuple[str, ...]]:
    """Add grades of the store, by query id or text; they stand over those that came with the corpus."""
    if not stored:
        return queries, judgments, described
    known = {item.query.text: item.query_id for item in queries} | {
        item.query_id: item.query_id for item in queries
    }
    grades = {query_id: dict(found) for query_id, found in judgments.grades.items()}
    fresh = []
    for query, found in stored.items():
        query_id = known.get(query, query)
        if query not in known:
            fresh.append(JudgedQuery(Query(query, query_id=query)))
        grades.setdefault(query_id, {}).update(found)
    count = sum(map(len, stored.values()))
    line = f"trace store: {count:,} judgments of {len(stored):,} queries made in RankScope"
    return (*queries, *fresh), Judgments(grades), (*described, line)


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
