"""What belongs to the whole record: query, time, error, timings, models, floor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.model import StageMap, TraceMap
from rankscope.tracing.formats.mapping.names import points, stage_hint, word_set, words_of_path
from rankscope.tracing.formats.mapping.shape import Leaf, Path
from rankscope.tracing.formats.values import as_moment

__all__ = ["TraceGuess", "choose_query", "guess_trace"]

_NOT_A_QUERY = word_set(
    "answer answers response output generated completion type id ids time ms count lang language "
    "model status class category embedding hash len length level error reason intent tags system "
    "truth expected name version url path host ip agent session user_id date prefix"
)


@dataclass
class TraceGuess:
    """The trace's expressions, the stages with their times, and which paths that takes up."""

    trace: TraceMap = field(default_factory=TraceMap)
    stages: list[StageMap] = field(default_factory=list)
    used: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def choose_query(leaves: Mapping[Path, Leaf]) -> tuple[str, set[Path], list[str]]:
    """The expression for the query, the paths it uses, and what is to be said about the choice."""
    worth = {path: _query_worth(leaf) for path, leaf in leaves.items()}
    ranked = sorted((path for path in worth if worth[path] > 0), key=lambda path: -worth[path])
    chat = _chat_query(leaves)
    if chat is not None and (not ranked or worth[ranked[0]] < 5):
        return chat[0], {chat[1]}, []
    if not ranked or worth[ranked[0]] < 1.0:
        return "", set(), ["no field looks like the query"]
    best, notes = ranked[0], []
    if points("query", best) == 0:
        notes.append(f"{path_expression(best)} is taken for the query by its content, not its name")
    for other in ranked[1:3]:
        if worth[other] >= 0.75 * worth[best]:
            notes.append(f"{path_expression(other)} could be the query too; {path_expression(best)} is read")
    return path_expression(best), {best}, notes


def _query_worth(leaf: Leaf) -> float:
    if not leaf.texts or len(leaf.texts) < 0.5 * len(leaf.values) or not leaf.path:
        return 0.0
    by_name = points("query", leaf.path)
    parts = words_of_path(leaf.path[-1:])
    if set(parts) & _NOT_A_QUERY and by_name < 5:
        return 0.0
    if leaf.is_numeric or (leaf.mean_words < 1.15 and by_name < 5 and leaf.path != ("_key",)):
        return 0.0
    if as_moment(leaf.texts[0]) is not None or leaf.mean_length > 4000:
        return 0.0
    asks = sum(text.rstrip().endswith(("?", "？", "؟")) for text in leaf.texts) / len(leaf.texts)
    shape = 1.5 if 1.5 <= leaf.mean_words <= 40 else 0.0
    varied = leaf.distinct if len(leaf.values) >= 4 else 1.0
    shallow = 0.3 * len(leaf.path)
    base = by_name + shape + asks * 1.5
    if by_name == 0 and leaf.path != ("_key",):
        base -= 1.0
    return base * (0.3 + 0.7 * varied) * (0.4 + 0.6 * min(1.0, leaf.fill)) - shallow


def _chat_query(leaves: Mapping[Path, Leaf]) -> tuple[str, Path] | None:
    """The last message of the user in a chat."""
    for path, leaf in leaves.items():
        lists = [value for value in leaf.lists.values() if value]
        first = lists[0][0] if lists else None
        if isinstance(first, dict) and "role" in first and "content" in first:
            who = {str(item.get("role")) for value in lists for item in value if isinstance(item, dict)}
            role = next((name for name in ("user", "human") if name in who), None)
            if role:
                return f"{path_expression(path)}[?role=='{role}'].content | [-1]", path
    return None


def guess_trace(leaves: Mapping[Path, Leaf], stages: list[StageMap], taken: set[Path]) -> TraceGuess:
    """Everything about the record besides its candidates."""
    free = {path: leaf for path, leaf in leaves.items() if path not in taken}
    guess = TraceGuess(stages=list(stages))
    query, used, guess.notes = choose_query(free)
    guess.used |= used
    free = {path: leaf for path, leaf in free.items() if path not in used}
    chosen = {"query": query, "error": _error(guess, free)}
    for role, test in (
        ("time", _is_time),
        ("query_id", lambda leaf: leaf.distinct > 0.3 or len(leaf.values) < 4),
        ("top_k", lambda leaf: leaf.is_whole),
        ("floor", lambda leaf: leaf.is_numeric),
        ("filters", lambda leaf: bool(leaf.tables)),
        ("refused", lambda leaf: all(isinstance(value, bool) for value in leaf.values)),
        ("answered", lambda leaf: all(isinstance(value, bool) for value in leaf.values)),
    ):
        best = max(free, key=lambda path: points(role, path), default=None)
        if best is not None and best not in guess.used and points(role, best) >= 4 and test(free[best]):
            chosen[role] = path_expression(best)
            guess.used.add(best)
    _times(guess, free)
    for role, hints in (
        ("cross_encoder", {"rerank", "reranker"}),
        ("bi_encoder", {"embedding", "embed", "encoder"}),
    ):
        for path, leaf in free.items():
            parts = set(words_of_path(path))
            if path not in guess.used and leaf.is_text and parts & hints and parts & {"model", "name"}:
                chosen[role] = path_expression(path)
                guess.used.add(path)
                break
    guess.trace = TraceMap(**chosen, attributes=_attributes(guess, free))
    return guess


def _is_time(leaf: Leaf) -> bool:
    good = sum(as_moment(value) is not None for value in leaf.values)
    return bool(leaf.values) and good >= 0.6 * len(leaf.values)


def _error(guess: TraceGuess, free: Mapping[Path, Leaf]) -> str:
    best = max(free, key=lambda path: _error_worth(path, free[path]), default=None)
    if best is not None and _error_worth(best, free[best]) > 0:
        whole = best
        if len(best) > 1 and points("error", best[:-1]) > 5:
            whole = best[:-1]
            message = (*whole, "message")
            best = message if message in free else whole
        guess.used |= {path for path in free if path[: len(whole)] == whole}
        return path_expression(best)
    for path, leaf in free.items():
        if str(path[-1]).lower() == "status" and leaf.is_text:
            bad = sorted({t for t in leaf.texts if set(words_of_path((t,))) & {"error", "failed", "timeout"}})
            if bad and all("'" not in text for text in bad):
                name = path_expression(path)
                guess.used.add(path)
                return f"({' || '.join(f'{name}==' + chr(39) + text + chr(39) for text in bad)}) && {name}"
    return ""


def _error_worth(path: Path, leaf: Leaf) -> float:
    by_name = points("error", path)
    if len(path) > 1:
        by_name = max(
            by_name, points("error", path[:-1]) - 1 if path[-1] in ("message", "type", "code") else 0
        )
    if by_name < 4 or leaf.is_numeric:
        return 0.0
    return by_name


_UNITS: dict[str, Literal["ms", "s", "us", "ns"]] = {
    "ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s",
    "seconds": "s", "us": "us", "microseconds": "us", "ns": "ns", "nanoseconds": "ns",
}  # fmt: skip
_TIME_WORDS = word_set("latency duration time times timing timings elapsed took took_ms ms seconds secs sec")


def _times(guess: TraceGuess, free: Mapping[Path, Leaf]) -> None:
    """A time with a unit in its name goes to the stage that its name speaks of."""
    for path, leaf in free.items():
        parts = words_of_path(path)
        if path in guess.used or not leaf.is_numeric or not set(parts) & (_TIME_WORDS | set(_UNITS)):
            continue
        unit = next((_UNITS[word] for word in reversed(parts) if word in _UNITS), None)
        stage = _stage_for_time(parts, guess.stages)
        if stage is None:
            continue
        if unit is None:
            guess.notes.append(f"{path_expression(path)} is a time without a unit; it is not read")
            continue
        place = guess.stages.index(stage)
        guess.stages[place] = replace(stage, ms=path_expression(path), ms_unit=unit)
        guess.used.add(path)


def _stage_for_time(parts: tuple[str, ...], stages: list[StageMap]) -> StageMap | None:
    known = set(parts)
    if known & {"total", "overall", "generation", "llm", "answer", "e2e", "end", "start", "request"}:
        return None
    free = [stage for stage in stages if not stage.ms]
    hint = stage_hint(parts)
    if hint is None and known & {"search", "retrieve", "query", "lookup"}:
        hint = "retrieval"
    exact = next((stage for stage in free if stage.name == hint), None)
    if exact is not None or hint is None:
        return exact
    first = [stage for stage in free if stage.name != "rerank"]
    return first[0] if hint in ("retrieval", "dense") and len(first) == 1 else None


_TOLD = word_set(
    "answer response output model user session status tenant app service version feedback rating"
)


def _attributes(guess: TraceGuess, free: Mapping[Path, Leaf]) -> dict[str, str]:
    """Well-known facts about the request that a trace can carry along."""
    found: dict[str, str] = {}
    for path, leaf in free.items():
        parts = words_of_path(path)
        ids = points("group", path) >= 4
        scalar = bool(leaf.values) and not isinstance(leaf.values[0], dict | list)
        if (
            path in guess.used
            or not scalar
            or not (set(parts) & _TOLD or ids or parts[-1:] in (("id",), ("ms",)))
        ):
            continue
        found["_".join(parts)] = path_expression(path)
        guess.used.add(path)
    return found
