"""Floors of a workspace: which scores and judgments it has, and setting a floor in its two places.

The log in the trace database remembers every floor with its passport; ``rankscope.toml`` holds the one in
force, where a person can see and change it. The log is written first: if the program ends between the two,
:func:`floor_state` shows that they differ, and setting again mends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankscope.config import FILE_NAME, FloorSettings, load_settings
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor
from rankscope.engine.merged_grades import RESCALED, lowest_relevant, merge_grades
from rankscope.engine.settings_file import edited_settings, write_settings
from rankscope.errors import SettingsError, UsageError, WorkspaceError
from rankscope.insight.judgments import Judgments

if TYPE_CHECKING:
    from rankscope.core.documents import Query
    from rankscope.core.trace import Trace
    from rankscope.engine.workspace import Workspace
    from rankscope.insight.floors.passport import Passport, PassportCheck
    from rankscope.tracing.floor_log import FloorLog, StoredFloor
    from rankscope.tracing.judgment_log import JudgmentLog

__all__ = [
    "FileJudgments",
    "FloorState",
    "Judged",
    "check_trace",
    "file_judgments",
    "floor_state",
    "judged_of",
    "passport_in_force",
    "set_floor",
    "stored_passports",
    "undo_floor",
    "with_stored",
]

_SETTINGS_BEFORE = "settings_before"


@dataclass(frozen=True, slots=True)
class FileJudgments:
    """What files say: grades by query id, strata by id and text, texts by id, and the file of the grades."""

    grades: Mapping[str, Mapping[str, int]]
    strata: Mapping[str, str]
    texts: Mapping[str, str]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """Judgments by query id and by query text, and the stratum of each query."""

    judgments: Judgments | None
    strata: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    """Where they came from, for a person."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The query's text by its id, where a file of queries tells."""
    relevant_from: int | None = None
    """2 where documents were marked as borderline, which is grade 1, as ``judgments`` have it then too; None
    leaves it to the grades."""
    rescaled: bool = False
    """Whether the files' grades were raised to the scale of the stored ones, which is to be said."""

    def relevant_to(self, query: Query) -> frozenset[str] | None:
        """The relevant documents; empty where none is, None where nobody judged the query.

        An id counts only where nothing says that it is another query's: logs of two collections often
        number their queries alike.
        """
        judgments, query_id = self.judgments, query.query_id
        if judgments is None:
            return None
        if judgments.is_judged(query.text):
            return judgments.relevant(query.text)
        if query_id is None or self.texts.get(query_id, query.text) != query.text:
            return None
        return judgments.relevant(query_id) if judgments.is_judged(query_id) else None


@dataclass(frozen=True, slots=True)
class FloorState:
    """The floor in force, and what the log knows about it."""

    settings: FloorSettings
    stored: StoredFloor | None
    number: int | None
    """Of the newest entry of the log: what the next floor replaces."""

    @property
    def agrees(self) -> bool:
        """Whether the settings hold what the log says was set last."""
        if self.stored is None:
            return True
        settings, stored = self.settings, self.stored
        same_scale = settings.score_scale == stored.score_scale.value
        return settings.value == stored.value and (same_scale or stored.value is None)


def passport_in_force(traces_path: Path, settings: FloorSettings) -> Passport | None:
    """The passport of the floor in these settings, where it was stored.

    A floor that a person moved since, on a screen or in the file, has none: nothing is known of it.
    """
    from rankscope.insight.floors.passport import Passport
    from rankscope.tracing.floor_log import FloorLog

    if settings.value is None or settings.source == "default" or not traces_path.exists():
        return None
    floor = Floor(settings.value, ScoreScale(settings.score_scale), settings.source)
    log = FloorLog(traces_path)
    # Where the newest entry is another one, storing it was interrupted: the floor of the file stands.
    entries = (entry for entry in [log.current()] if entry is not None and entry.floor == floor)
    stored = next(entries, None) or next((entry for entry in log.history() if entry.floor == floor), None)
    return Passport.from_json(stored.passport) if stored is not None and stored.passport else None


def stored_passports(traces_path: Path) -> dict[Floor, Passport]:
    """The passport of every floor that was ever stored, by the floor as traces hold it; newest first wins."""
    from rankscope.insight.floors.passport import Passport
    from rankscope.tracing.floor_log import FloorLog

    found: dict[Floor, Passport] = {}
    for entry in FloorLog(traces_path).history():
        if entry.floor is not None and entry.passport:
            found.setdefault(entry.floor, Passport.from_json(entry.passport))
    return found


def check_trace(state: FloorState, trace: Trace) -> PassportCheck | None:
    """The stored floor's passport against the scores of a trace: what the pipeline asks before applying it.

    None where no passport speaks for the floor in force: nothing is stored, or the settings say otherwise.
    """
    from rankscope.insight.floors.passport import Passport, check

    stored = state.stored
    if stored is None or stored.value is None or not stored.passport or not state.agrees:
        return None
    return check(Passport.from_json(stored.passport), trace)


def floor_state(workspace: Workspace, log: FloorLog) -> FloorState:
    """Read both places afresh: another process may have written since the workspace was opened."""
    settings = load_settings(workspace.folder / FILE_NAME).floor
    return FloorState(settings, log.current(), log.last_number())


def judged_of(
    workspace: Workspace,
    queries: Path | None = None,
    qrels: Path | None = None,
    *,
    traces_path: Path | None = None,
    stored: bool = True,
) -> Judged:
    """The judgments in these files, else those beside the indexed corpus; judgments in the store win.

    ``traces_path`` is another trace database than the workspace's; with ``stored`` False none is asked.
    Raises CorpusError for a bad line, UsageError for one file without the other.
    """
    from rankscope.tracing.judgment_log import JudgmentLog

    files = file_judgments(workspace, queries, qrels)
    return with_stored(files, JudgmentLog(traces_path or workspace.traces_path) if stored else None)


def file_judgments(
    workspace: Workspace, queries: Path | None = None, qrels: Path | None = None
) -> FileJudgments:
    """What these files say, else those beside the indexed corpus. Raises as :func:`judged_of` does."""
    from rankscope.corpus.judgments_io import beir_query_files, read_qrels, read_queries

    strata: dict[str, str] = {}
    texts: dict[str, str] = {}
    if queries is None and qrels is None:
        source = _source_of(workspace)
        files = None if source is None else beir_query_files(source)
        queries, qrels = files if files is not None else (None, None)
    if queries is not None and qrels is None:
        raise UsageError("--queries names the queries of judgments.", remedy="Give --qrels FILE as well.")
    grades = {} if qrels is None else read_qrels(qrels)
    for item in read_queries(queries) if queries is not None else ():
        strata[item.query_id] = strata[item.query.text] = item.stratum
        texts[item.query_id] = item.query.text
    return FileJudgments(grades, strata, texts, "" if qrels is None else str(qrels))


def with_stored(files: FileJudgments, log: JudgmentLog | None) -> Judged:
    """The files' judgments and those in the store above them, on one scale."""
    in_store = log.grades() if log is not None else {}
    marked = bool(log is not None and in_store and log.borderline())
    merged = merge_grades(files.grades, in_store, files.texts, marked=marked)
    grades = merged.grades
    for query_id, text in files.texts.items():
        if query_id in grades:  # live traces do not carry the id of their query
            grades[text] = grades[query_id]
    for query, known in in_store.items():
        grades.setdefault(query, dict(known))
    sources = [name for name in (files.source, "the trace store" if in_store else "") if name]
    return Judged(
        Judgments(grades, lowest_relevant(marked)) if grades else None,
        files.strata,
        " and ".join(sources) + (f"; {RESCALED}" if merged.rescaled else ""),
        files.texts,
        lowest_relevant(marked) if marked else None,
        merged.rescaled,
    )


def _source_of(workspace: Workspace) -> Path | None:
    """Where the indexed corpus came from; None without an index that this version reads."""
    try:
        manifest = workspace.manifest
    except WorkspaceError:  # judgments can be given and stored without one; what needs the index says so
        return None
    return None if manifest is None else Path(manifest.source)


def set_floor(
    workspace: Workspace,
    log: FloorLog,
    value: float | None,
    score_scale: ScoreScale,
    method: str,
    *,
    replaces: int | None,
    passport: Mapping[str, Any],
    evidence: Mapping[str, Any],
) -> StoredFloor:
    """Store a floor and write it to ``rankscope.toml``. Raises FloorChanged where ``replaces`` is not last.

    Everything that can be refused is refused before anything is written.
    """
    if score_scale is ScoreScale.UNKNOWN:
        raise UsageError(
            "a floor on an unknown scale says nothing.", remedy="Import the traces with a scale."
        )
    low, high = score_scale.bounds
    if value is not None and not low <= value <= high:
        raise UsageError(f"the floor {value:g} lies outside {low:g} to {high:g}, the {score_scale} scale.")
    path = workspace.folder / FILE_NAME
    before = load_settings(path).floor
    keys = _keys(value, score_scale.value, "manual" if method == "manual" else f"fitted:{method}")
    _check_editable(path, keys)
    known = {
        **evidence,
        _SETTINGS_BEFORE: _keys(before.value, before.score_scale, before.source),
    }
    workspace.folder.mkdir(parents=True, exist_ok=True)
    stored = log.append(value, score_scale, method, replaces=replaces, passport=passport, evidence=known)
    write_settings(path, "floor", keys)
    return stored


def undo_floor(workspace: Workspace, log: FloorLog, *, replaces: int | None) -> StoredFloor:
    """Bring back the floor before this one in both places; before the first, what the file had said."""
    path = workspace.folder / FILE_NAME
    _check_editable(path, _keys(None, "probability", "manual"))
    stored = log.undo(replaces=replaces)
    keys = _keys(stored.value, stored.score_scale.value, stored.source)
    if stored.undone_to == 0:
        entries = {item.number: item for item in log.history()}
        undone = entries[stored.replaces or 0]
        standing = entries[undone.undone_to] if undone.undone_to else undone
        keys = dict(standing.evidence.get(_SETTINGS_BEFORE, keys))
    write_settings(path, "floor", keys)
    return stored


def _keys(value: float | None, score_scale: str, source: str) -> dict[str, str | float]:
    return {"value": "none" if value is None else value, "score_scale": score_scale, "source": source}


def _check_editable(path: Path, keys: Mapping[str, str | float]) -> None:
    """Raise what writing would raise, while nothing is written yet."""
    if path.exists():
        try:
            edited_settings(path.read_text(encoding="utf-8"), "floor", keys)
        except SettingsError as error:
            raise SettingsError(f"{path}: {error.message}", remedy=error.remedy) from error
