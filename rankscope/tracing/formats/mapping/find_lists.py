"""Where the candidates of a record are: lists, lists side by side, ids as keys, numbered columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rankscope.tracing.formats.mapping.candidate_fields import CandidateFields, choose_fields
from rankscope.tracing.formats.mapping.candidate_lists import NEVER, CandidateList, is_pair
from rankscope.tracing.formats.mapping.column_lists import columns_beside, numbered_columns, parted_text
from rankscope.tracing.formats.mapping.expressions import compile_expression, path_expression
from rankscope.tracing.formats.mapping.names import is_answer_key, stage_hint, word_set, words_of_path
from rankscope.tracing.formats.mapping.shape import Leaf, Path, leaves_of

__all__ = ["find_lists"]

_NAMES = word_set("name stage type step retriever method source kind event strategy mode phase")


def find_lists(leaves: Mapping[Path, Leaf]) -> list[CandidateList]:
    """Everything in a record that looks like candidates, in the order of the record."""
    found = [
        *_plain_lists(leaves),
        *columns_beside(leaves),
        *_objects(leaves),
        *numbered_columns(leaves),
        *parted_text(leaves),
    ]
    return [item for item in found if item.worth >= 4.0]


def _plain_lists(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    for path, leaf in leaves.items():
        parts = words_of_path(path)
        lists = {owner: value for owner, value in leaf.lists.items() if value}
        if not lists or is_answer_key(parts) or set(words_of_path(path[-1:])) & NEVER:
            continue
        elements = [(owner, item) for owner, value in lists.items() for item in value]
        tables = sum(isinstance(item, dict) for _, item in elements)
        pairs = sum(is_pair(item) for _, item in elements)
        if tables >= 0.6 * len(elements):
            yield from _table_lists(path, parts, leaf, elements)
        elif pairs >= 0.8 * len(elements):
            opened = [(owner, {"0": item[0], "1": item[1]}) for owner, item in elements if is_pair(item)]
            yield _list(path, parts, lists, _repathed(leaves_of(opened)))


def _repathed(leaves: Mapping[Path, Leaf]) -> dict[Path, Leaf]:
    """Leaves of pairs with the places as list places: ``[0]``, ``[1]``."""
    result: dict[Path, Leaf] = {}
    for path, leaf in leaves.items():
        leaf.path = (int(str(path[0])), *path[1:])
        result[leaf.path] = leaf
    return result


def _list(
    path: Path, parts: tuple[str, ...], lists: dict[int, list[Any]], leaves: Mapping[Path, Leaf]
) -> CandidateList:
    fields = choose_fields(leaves)
    if any(isinstance(leaf_path[0], int) for leaf_path in leaves if leaf_path) and not fields.id:
        _pair_roles(fields, leaves)
    return CandidateList(path, path_expression(path), "list", parts, fields, leaves, lists, {path})


def _pair_roles(fields: CandidateFields, leaves: Mapping[Path, Leaf]) -> None:
    """In ``[id, score]`` pairs places have no names; the number is the score, the text the id or the text."""
    for path, leaf in leaves.items():
        if len(path) != 1 or path in fields.used:
            continue
        if leaf.is_numeric and not fields.scores:
            fields.scores.append(leaf)
        elif leaf.is_text and not fields.text and leaf.mean_words >= 4:
            fields.text = path_expression(path)
        elif leaf.texts and not fields.id:
            fields.id = path_expression(path)
        fields.used.add(path)


def _table_lists(
    path: Path, parts: tuple[str, ...], leaf: Leaf, elements: list[tuple[int, Any]]
) -> Iterator[CandidateList]:
    tables = [(owner, item) for owner, item in elements if isinstance(item, dict)]
    # Each list is a container of its own, so that "unique within" speaks of one ranking.
    inner = leaves_of(tables)
    if any(words_of_path(p[-1:]) == ("role",) for p in inner if p):
        return
    lists = {owner: value for owner, value in leaf.lists.items() if value}
    nested = list(_staged(path, inner, lists))
    if nested:
        yield from nested
        return
    yield _list(path, parts, lists, inner)


def _staged(path: Path, inner: Mapping[Path, Leaf], lists: dict[int, list[Any]]) -> Iterator[CandidateList]:
    """A list of steps, each with its name and its own list: ``steps[?name=='bm25'].results | [0]``."""
    for name_path, name_leaf in inner.items():
        if len(name_path) != 1 or str(name_path[0]).lower() not in _NAMES or not name_leaf.is_text:
            continue
        values = sorted(set(name_leaf.texts))
        if len(values) > 8 or not any(stage_hint(words_of_path((value,))) for value in values):
            continue
        for list_path, list_leaf in inner.items():
            if len(list_leaf.lists) == 0 or not any(
                isinstance(item, dict) for value in list_leaf.lists.values() for item in value
            ):
                continue
            yield from _one_a_step(path, name_path, list_path, values, lists)
            return


def _one_a_step(
    path: Path, name_path: Path, list_path: Path, values: list[str], lists: dict[int, list[Any]]
) -> Iterator[CandidateList]:
    name, rest = path_expression(name_path), path_expression(list_path)
    for value in values:
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        below = f"[?{name}=='{quoted}'].{rest} | [0]"
        get = compile_expression(below)
        per_record = {owner: found for owner, items in lists.items() if isinstance(found := get(items), list)}
        elements = [(owner, item) for owner, items in per_record.items() for item in items]
        if not elements:
            continue
        whole = f"{path_expression(path)}{below}"
        inner = leaves_of(elements)
        yield CandidateList(
            (*path, value),
            whole,
            "list",
            words_of_path((value,)),
            choose_fields(inner),
            inner,
            per_record,
            {path},
        )


def _objects(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    """Mappings from document id to score, or to an object with the score."""
    for path, leaf in leaves.items():
        tables = {owner: value for owner, value in leaf.tables.items() if value}
        parts = words_of_path(path)
        if not tables or is_answer_key(parts):
            continue
        rows = {
            owner: [{"key": key, "value": value} for key, value in table.items()]
            for owner, table in tables.items()
        }
        inner = leaves_of([(owner, row) for owner, items in rows.items() for row in items])
        plain = inner.get(("value",))
        if plain is not None and plain.is_numeric:
            fields = CandidateFields(id="key", scores=[plain], used={("key",), ("value",)})
        else:
            fields = choose_fields(inner, frozenset({("key",)}))
            fields.id = "key"
        lists: dict[int, list[Any]] = dict(rows)
        found = CandidateList(path, path_expression(path), "object", parts, fields, inner, lists, {path})
        yield found
