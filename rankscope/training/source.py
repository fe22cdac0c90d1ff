"""Where training queries come from: a workspace's judgments, or a pairs file indexed for mining."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rankscope.config import Settings
from rankscope.core.counting import counted
from rankscope.core.documents import Query
from rankscope.corpus.judgments_io import JudgedQuery, beir_query_files, read_qrels
from rankscope.engine.evaluation import load_query_set
from rankscope.engine.merged_grades import RESCALED, Grades, highest_grade, lowest_relevant
from rankscope.engine.progress import IndexProgress
from rankscope.engine.workspace import Workspace
from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.training.pairs_file import PairsFile, read_pairs

__all__ = ["Source", "between_grades", "source_from_pairs", "source_from_workspace"]


@dataclass(frozen=True, slots=True)
class Source:
    """Judged queries over an indexed corpus, and what the model card says of them."""

    workspace: Workspace
    queries: tuple[JudgedQuery, ...]
    judgments: Judgments
    described: tuple[str, ...]
    """One line for each origin of the data, with its licence where that is known."""
    set_aside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By query id the documents that are neither right nor wrong enough to learn from: see
    :func:`between_grades`."""


def source_from_workspace(workspace: Workspace, queries: Path | None, qrels: Path | None) -> Source:
    """The given judgments, else those that came with the workspace's corpus and those in its store.

    Raises UsageError for none.
    """
    if queries is not None and qrels is not None:
        loaded = load_query_set(workspace.name, queries, qrels)
        described = _described(workspace.name, loaded.judgments.grades)
        return Source(workspace, loaded.queries, loaded.judgments, described)
    manifest = workspace.manifest
    folder = Path(manifest.source) if manifest is not None else workspace.folder
    files = beir_query_files(folder)
    log = JudgmentLog(workspace.traces_path)
    stored, border = log.grades(), log.borderline()
    if files is None and not stored:
        raise UsageError(
            f"{folder}: came without queries.jsonl and qrels/test.tsv, and nothing is judged in the store.",
            remedy="Judge in the screen, or give --queries FILE and --qrels FILE, or --pairs FILE.",
        )
    if files is None:
        return _with_stored(Source(workspace, (), Judgments({}), ()), stored, border)
    loaded = load_query_set(workspace.name, *files, stored=stored, marked=bool(border))
    came = read_qrels(files[1])
    asked = {item.query_id for item in loaded.queries}
    taken = {query_id: grades for query_id, grades in came.items() if query_id in asked}
    described = _described(workspace.name, taken) if taken else ()
    source = Source(workspace, loaded.queries, loaded.judgments, described)
    return _with_stored(source, stored, border, rescaled=loaded.rescaled, in_files=highest_grade(came))


def between_grades(judgments: Judgments, border: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """By query the documents that are marked as borderline, or graded above 0 and below what is relevant.

    A model that is taught either about them learns a line that the judges did not draw.
    """
    found = {}
    for query_id, grades in judgments.grades.items():
        graded = {doc_id for doc_id, grade in grades.items() if 0 < grade < judgments.relevant_from}
        between = frozenset(graded | (border.get(query_id, frozenset()) & grades.keys()))
        if between:
            found[query_id] = between
    return found


def _described(name: str, grades: Grades) -> tuple[str, ...]:
    count = sum(map(len, grades.values()))
    return (
        f"{name}: {counted(len(grades), 'judged query', 'judged queries')}, {counted(count, 'judgment')}; "
        "licence as of the corpus, not recorded in it",
    )


def _with_stored(
    source: Source,
    stored: Grades,
    border: Mapping[str, frozenset[str]],
    *,
    rescaled: bool = False,
    in_files: int = 0,
) -> Source:
    """Add the queries that the store alone has, and say what the judgments made in RankScope changed.

    ``source`` has the store's grades of the queries that came with the corpus already, over those of the
    files and on one scale with them.
    """
    if not stored:
        return source
    names = {name: item.query_id for item in source.queries for name in (item.query_id, item.query.text)}
    fresh = [query for query in stored if query not in names and query.strip()]
    grades = {**source.judgments.grades, **{query: dict(stored[query]) for query in fresh}}
    judgments = Judgments(grades, lowest_relevant(bool(border)))
    queries = (*source.queries, *(JudgedQuery(Query(query, query_id=query)) for query in fresh))
    set_aside = between_grades(judgments, {item.query_id: _marked(item, stored, border) for item in queries})
    count = sum(map(len, stored.values()))
    asked = counted(len(stored), "query", "queries")
    lines = [f"trace store: {counted(count, 'judgment')} of {asked} made in RankScope"]
    if set_aside:
        aside = sum(map(len, set_aside.values()))
        lines.append(f"{aside:,} judged documents on the border of being relevant: trained on as neither")
    if rescaled:
        lines.append(RESCALED)
    elif in_files > 1 and highest_grade(stored) == 1:
        lines.append(
            f"grades of the store reach 1, those that came with the corpus {in_files}: kept as given"
        )
    return replace(
        source,
        queries=queries,
        judgments=judgments,
        described=(*source.described, *lines),
        set_aside=set_aside,
    )


def _marked(item: JudgedQuery, stored: Grades, border: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Documents marked as borderline for a query; what is stored under its text stands above its id."""
    nothing: frozenset[str] = frozenset()
    text = item.query.text
    by_id = border.get(item.query_id, nothing) - stored.get(text, {}).keys()
    return by_id | border.get(text, nothing)


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
        workspace, tuple(pairs.queries.values()), Judgments(pairs.grades), _described_pairs(path.name, pairs)
    )


def _described_pairs(name: str, pairs: PairsFile) -> tuple[str, ...]:
    return tuple(
        f"{source or name}: {count:,} pairs; licence {licence or 'not stated'}"
        for (source, licence), count in sorted(pairs.origins.items())
    )
