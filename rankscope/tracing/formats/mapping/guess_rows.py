"""One row a candidate: rows that belong to one query, and what the columns of a row mean."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rankscope.tracing.formats.mapping.candidate_fields import choose_fields
from rankscope.tracing.formats.mapping.candidate_lists import CandidateList
from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.guess_trace import choose_query
from rankscope.tracing.formats.mapping.names import points, stage_hint, word_set, words, words_of_path
from rankscope.tracing.formats.mapping.shape import Leaf, Path, leaves_of
from rankscope.tracing.formats.mapping.source import LogRecord

__all__ = ["Grouping", "event_keys", "groupings"]

_STAGE_COLUMNS = word_set(
    "stage retriever method source engine step retrieval_method search_type strategy phase "
    "index_type list run"
)


@dataclass
class Grouping:
    """A way of taking rows together, with the lists that the rows of a group are."""

    keys: tuple[str, ...]
    lists: list[CandidateList]
    leaves: Mapping[Path, Leaf]
    used: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def groupings(records: list[LogRecord]) -> Iterator[Grouping]:
    """Ways of grouping by a request's key; by the query's text where no key repeats."""
    rows = [record.value for record in records if isinstance(record.value, dict)]
    if len(rows) < 2:
        return
    leaves = leaves_of(list(enumerate(rows)))
    _, query_paths, _ = choose_query(leaves)
    keys = _keys(leaves, rows, query_paths)
    for key in keys:
        fixed = _fixed_columns(leaves, key, query_paths)
        found = _rows_as_lists(rows, key, fixed)
        if found is None:
            continue
        lists, used, notes = found
        names = tuple(path_expression(path) for path in key)
        told = f"rows with the same {', '.join(names)} are taken as the candidates of one trace"
        firsts = {repr([_value(row, part) for part in key]): row for row in reversed(rows)}
        once = leaves_of(list(enumerate(reversed(firsts.values()))))
        constant = {path: leaf for path, leaf in once.items() if path not in used}
        yield Grouping(names, lists, constant, used, [told, *notes])


def event_keys(records: list[LogRecord]) -> Iterator[tuple[str, ...]]:
    """Keys by which lines that hold lists of their own may be the steps of one request."""
    rows = [record.value for record in records if isinstance(record.value, dict)]
    leaves = leaves_of(list(enumerate(rows)))
    if not any(leaf.lists for leaf in leaves.values()):
        return
    for path, leaf in leaves.items():
        repeats = len(leaf.values) >= 1.3 * len({repr(value) for value in leaf.values})
        if points("group", path) >= 6 and leaf.fill > 0.6 and repeats:
            yield (path_expression(path),)


def _keys(
    leaves: Mapping[Path, Leaf], rows: list[dict[str, Any]], query_paths: set[Path]
) -> list[tuple[Path, ...]]:
    """Columns by which rows may belong together: they repeat, and the query is the same in each group."""
    found: list[tuple[Path, ...]] = []
    named = sorted((p for p in leaves if points("group", p) >= 4), key=lambda p: -points("group", p))
    query = next(iter(query_paths), None)
    for path in named:
        leaf = leaves[path]
        repeats = len(leaf.values) >= 1.3 * len({repr(value) for value in leaf.values})
        if leaf.fill > 0.6 and repeats and (query is None or _constant(rows, (path,), query)):
            found.append((path,))
    if query is not None and leaves[query].distinct < 0.8:
        stamp = next((p for p in leaves if points("time", p) >= 7 and _constant(rows, (query,), p)), None)
        found.append((query,) if stamp is None else (query, stamp))
        if stamp is None:
            stamped = next((p for p in leaves if points("time", p) >= 7 and leaves[p].distinct < 0.7), None)
            if stamped is not None:
                found.append((query, stamped))
    return found[:4]


def _value(row: dict[str, Any], path: Path) -> Any:
    value: Any = row
    for token in path:
        value = value.get(token) if isinstance(value, dict) and isinstance(token, str) else None
    return value


def _constant(rows: list[dict[str, Any]], key: tuple[Path, ...], path: Path) -> bool:
    """Whether a column has one value in nearly all groups."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        value = _value(row, path)
        if value not in (None, ""):
            seen[repr([_value(row, part) for part in key])].add(repr(value))
    single = sum(len(values) == 1 for values in seen.values())
    return bool(seen) and single >= 0.9 * len(seen)


def _fixed_columns(leaves: Mapping[Path, Leaf], key: tuple[Path, ...], query: set[Path]) -> frozenset[Path]:
    """Columns that are of the query, not of the candidate."""
    fixed = {path for path in leaves if points("time", path) >= 7 or points("error", path) >= 6}
    return frozenset(fixed | set(key) | query)


def _rows_as_lists(
    rows: list[dict[str, Any]], key: tuple[Path, ...], fixed: frozenset[Path]
) -> tuple[list[CandidateList], set[Path], list[str]] | None:
    places: dict[str, int] = {}
    items: list[tuple[int, dict[str, Any]]] = []
    for row in rows:
        name = repr([_value(row, part) for part in key])
        items.append((places.setdefault(name, len(places)), row))
    leaves = leaves_of(items)
    per_query = {path for path, leaf in leaves.items() if _same_in_group(leaf) and len(places) < len(items)}
    banned = fixed | frozenset(per_query - _needed(leaves))
    fields = choose_fields(leaves, banned)
    if not (fields.id or fields.text) or not (fields.scores or fields.ranks or (fields.id and fields.text)):
        return None
    if len(items) < 1.3 * len(places):
        return None
    if any(_is_own(leaf) and path not in per_query for path, leaf in leaves.items()):
        # Rows with answers or times of their own are requests of their own, though their queries are equal.
        return None
    stage_path = _stage_column(leaves, banned)
    lists: dict[int, list[Any]] = defaultdict(list)
    for owner, row in items:
        lists[owner].append(row)
    whole = CandidateList(("rows",), "rows", "list", (), fields, leaves, dict(lists), {("rows",)})
    if stage_path is None:
        return [whole], set(fields.used), []
    fields.used.add(stage_path)
    fields.metadata = {
        name: text for name, text in fields.metadata.items() if text != path_expression(stage_path)
    }
    name = path_expression(stage_path)
    notes = [f"{name} is taken for the stage that a row belongs to"]
    return list(_by_stage(whole, stage_path, items)), set(fields.used), notes


def _is_own(leaf: Leaf) -> bool:
    """Whether a column is of a request: an answer, or how long it took."""
    parts = set(words_of_path(leaf.path[-1:]))
    if parts & {"latency", "duration", "elapsed"}:
        return leaf.is_numeric
    answers = parts & {"answer", "response", "completion", "generation", "output"}
    return bool(answers) and leaf.is_text and leaf.mean_words > 4


def _needed(leaves: Mapping[Path, Leaf]) -> set[Path]:
    """Columns that keep their meaning though groups of one row make them look constant."""
    return {path for path in leaves if points("id", path) >= 9 or points("text", path) >= 9}


def _same_in_group(leaf: Leaf) -> bool:
    groups = [values for values in leaf.by_owner().values() if len(values) > 1]
    return bool(groups) and all(len({repr(value) for value in values}) == 1 for values in groups)


def _stage_column(leaves: Mapping[Path, Leaf], banned: frozenset[Path]) -> Path | None:
    for path, leaf in leaves.items():
        name = "_".join(words(str(path[-1]))) if path else ""
        if name not in _STAGE_COLUMNS or path in banned or not leaf.is_text:
            continue
        values = set(leaf.texts)
        hinted = sum(stage_hint(words_of_path((value,))) is not None for value in values)
        if 2 <= len(values) <= 8 and hinted >= 0.5 * len(values):
            return path
    return None


def _by_stage(
    whole: CandidateList, stage_path: Path, items: list[tuple[int, Any]]
) -> Iterator[CandidateList]:
    """One list for each value of the stage's column: ``rows[?stage=='bm25']``."""
    values = Counter(str(_value(row, stage_path)) for _, row in items if _value(row, stage_path))
    for value in values:
        mine = [(owner, row) for owner, row in items if str(_value(row, stage_path)) == value]
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        lists: dict[int, list[Any]] = defaultdict(list)
        for owner, row in mine:
            lists[owner].append(row)
        leaves = leaves_of(mine)
        keep = whole.fields.used
        fields = replace(
            whole.fields,
            scores=[
                leaves[leaf.path]
                for leaf in whole.fields.scores
                if leaves.get(leaf.path) and leaves[leaf.path].values
            ],
            ranks=[
                leaves[leaf.path]
                for leaf in whole.fields.ranks
                if leaves.get(leaf.path) and leaves[leaf.path].values
            ],
            used=set(keep),
        )
        yield CandidateList(
            ("rows", value),
            f"rows[?{path_expression(stage_path)}=='{quoted}']",
            "list",
            words(value),
            fields,
            leaves,
            dict(lists),
            {("rows", value)},
        )
