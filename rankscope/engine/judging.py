"""What judging needs of a workspace: the queries of its traces, their pools, and every judgment so far."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rankscope.config import Settings
from rankscope.core.documents import Document
from rankscope.core.trace import Trace
from rankscope.engine.manifest import Manifest
from rankscope.errors import InputError, RankScopeError
from rankscope.insight.agreement import Agreement, agreement, agreements
from rankscope.insight.pooling import POOL_DEPTH, Pool, pool
from rankscope.tracing.judgment_log import JudgmentKind, JudgmentLog, StoredJudgment
from rankscope.tracing.stored_queries import StoredQuery, read_stored_queries

if TYPE_CHECKING:
    from rankscope.engine.factory import Parts

__all__ = ["FILE_JUDGE", "JudgingWorkspace", "JudgmentDesk", "Overview", "judge_name"]

MOST_QUERIES = 5_000
"""More than anybody judges; of a larger store the queries that were run last are read."""
FILE_JUDGE = "qrels"
"""Name of the judge whose grades lie in a file beside the corpus."""


def _no_texts(doc_ids: Sequence[str]) -> Mapping[str, Document]:  # noqa: ARG001
    return {}


class TraceSource(Protocol):
    """Where traces come from: :class:`rankscope.tracing.store.TraceStore`."""

    def get(self, trace_id: str) -> Trace:
        """A stored trace. Raises InputError."""


class JudgingWorkspace(Protocol):
    """What is needed of :class:`rankscope.engine.workspace.Workspace`."""

    @property
    def traces_path(self) -> Path:
        """The trace database; it need not exist."""

    @property
    def traces(self) -> TraceSource:
        """The trace store; asking for it may create the database."""

    @property
    def settings(self) -> Settings:
        """Settings of its file."""

    @property
    def manifest(self) -> Manifest | None:
        """Facts about the index in use."""

    def parts(self) -> Parts:
        """The opened index."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that can be judged, and what was said so far."""

    queries: tuple[StoredQuery, ...]
    judgments: tuple[StoredJudgment, ...]
    """What holds now of every judge, models included, under the queries' texts; oldest first."""
    total: int = 0
    """Queries that are stored; more than ``queries`` where only the newest were read."""
    note: str = ""
    """Why the judgments beside the corpus are missing, where they cannot be read."""

    def by_judge(self) -> dict[str, dict[str, dict[str, int]]]:
        """Grades by judge, query and document."""
        judges: dict[str, dict[str, dict[str, int]]] = {}
        for item in self.judgments:
            judges.setdefault(item.judge, {}).setdefault(item.query, {})[item.doc_id] = item.grade
        return judges

    def agreements(self) -> tuple[Agreement, ...]:
        """Every two judges on what both judged."""
        return agreements(self.by_judge())

    def unseen(self) -> dict[str, Agreement]:
        """By model: its agreement with everybody's grades that were given before it proposed any.

        A person who sees a proposal leans towards it, so only these tell what the model is worth.
        """
        proposals = [item for item in self.judgments if item.kind is JudgmentKind.PROPOSAL]
        counts = {
            (item.query, item.doc_id): item for item in self.judgments if item.kind is JudgmentKind.GRADE
        }
        found = {}
        for model in dict.fromkeys(item.judge for item in proposals):
            theirs: dict[str, dict[str, int]] = {}
            people: dict[str, dict[str, int]] = {}
            for item in proposals:
                grade = counts.get((item.query, item.doc_id))
                if item.judge == model and grade is not None and grade.number < item.number:
                    theirs.setdefault(item.query, {})[item.doc_id] = item.grade
                    people.setdefault(item.query, {})[item.doc_id] = grade.grade
            found[model] = agreement("people", people, model, theirs)
        return found


@dataclass(frozen=True, slots=True)
class JudgmentDesk:
    """Reads and writes judgments of one judge. Reading takes its time; writing is one small transaction."""

    path: Path
    judge: str
    load: Callable[[str], Trace]
    file_grades: Callable[[], Mapping[str, Mapping[str, int]]] = field(default=dict)
    """Grades by query text of a file beside the corpus."""
    indexed: Callable[[Sequence[str]], Mapping[str, Document]] = field(default=_no_texts)
    """Texts from the index by document id, for traces that recorded none."""
    depth: int = POOL_DEPTH
    busy_seconds: float = 5.0
    """How long a key waits for another process's lock before it says so."""

    @classmethod
    def of(cls, workspace: JudgingWorkspace) -> JudgmentDesk:
        """The desk of a workspace, for the judge that its settings name."""

        def load(trace_id: str) -> Trace:
            return workspace.traces.get(trace_id)  # only here: asking for the store creates the database

        return cls(
            workspace.traces_path,
            judge_name(workspace.settings),
            load,
            lambda: _grades_beside_corpus(workspace),
            lambda doc_ids: _indexed(workspace, doc_ids),
        )

    @property
    def log(self) -> JudgmentLog:
        """The log that judgments go to."""
        return JudgmentLog(self.path, busy_seconds=self.busy_seconds)

    def overview(self) -> Overview:
        """All queries and judgments. Raises WorkspaceError; a broken file beside the corpus is a note."""
        found = read_stored_queries(self.path, depth=self.depth, most=MOST_QUERIES)
        queries = found.queries
        texts = {query.text: query.text for query in queries}
        texts = {query.query_id: query.text for query in queries if query.query_id is not None} | texts
        stored = self.log.standing(proposals=True)
        said = [replace(item, query=texts.get(item.query, item.query)) for item in stored]
        try:
            earlier, note = self.file_grades(), ""
        except RankScopeError as error:
            earlier, note = {}, str(error)
        return Overview(queries, (*_of_file(earlier, texts), *said), found.total, note)

    def pool(self, query: StoredQuery) -> Pool:
        """The candidates of a query. Traces that were deleted meanwhile bring nothing.

        A text that no trace recorded is taken from the index, where that has it.
        """
        traces = []
        for trace_id in query.trace_ids:
            try:
                traces.append(self.load(trace_id))
            except InputError:
                continue
        found = pool(query.text, traces, depth=self.depth)
        missing = [item.doc_id for item in found.candidates if item.document is None]
        if not missing:
            return found
        texts = self.indexed(missing)
        known = (replace(item, document=item.document or texts.get(item.doc_id)) for item in found.candidates)
        return replace(found, candidates=tuple(known))

    def standing(self, query: str, doc_id: str) -> StoredJudgment | None:
        """What this judge's grade of a document is now."""
        found = (item for item in self.log.standing(query) if item.doc_id == doc_id)
        return next((item for item in found if item.judge == self.judge), None)


def judge_name(settings: Settings) -> str:
    """The name in the settings, else that of the account, else ``me``."""
    if settings.judge.name.strip():
        return settings.judge.name.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return "me"


def _of_file(grades: Mapping[str, Mapping[str, int]], texts: Mapping[str, str]) -> Sequence[StoredJudgment]:
    return [
        StoredJudgment(texts[query], doc_id, grade, FILE_JUDGE, kind=JudgmentKind.GRADE)
        for query, known in grades.items()
        if query in texts
        for doc_id, grade in known.items()
    ]


def _indexed(workspace: JudgingWorkspace, doc_ids: Sequence[str]) -> Mapping[str, Document]:
    try:
        return {} if workspace.manifest is None else workspace.parts().documents.fetch(doc_ids)
    except (
        RankScopeError
    ):  # an index that cannot be opened has no texts; the screen says that they are missing
        return {}


def _grades_beside_corpus(workspace: JudgingWorkspace) -> dict[str, dict[str, int]]:
    from rankscope.corpus.judgments_io import beir_query_files, read_qrels, read_queries

    manifest = workspace.manifest
    files = None if manifest is None else beir_query_files(Path(manifest.source))
    if files is None:
        return {}
    queries, qrels = files
    grades = read_qrels(qrels)
    return {
        item.query.text: grades[item.query_id] for item in read_queries(queries) if item.query_id in grades
    }
