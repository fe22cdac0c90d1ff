"""Candidates without a list of their own: columns side by side, numbered columns, lists as parted text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from rankscope.tracing.formats.mapping.candidate_fields import CandidateFields
from rankscope.tracing.formats.mapping.candidate_lists import (
    ID_WORDS,
    LIST_WORDS,
    NEVER,
    CandidateList,
    is_pair,
)
from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.names import is_answer_key, points, stage_hint, word_set, words_of_path
from rankscope.tracing.formats.mapping.shape import Leaf, Path
from rankscope.tracing.formats.values import as_number

__all__ = ["columns_beside", "numbered_columns", "parted_text"]

_TEXT_WORDS = word_set("context contexts passage passages text texts content contents snippets chunk chunks")
_SIGNS = ("|", ";", "\n", ",", " ")
_NUMBERED = re.compile(r"^(.*?)[ _.\-]?(\d{1,3})(?:[ _.\-]?(\D.*))?$")


def columns_beside(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    """Lists of plain values side by side: ``ids``, ``scores``, ``texts``."""
    groups: dict[tuple[Path, str | None], list[Leaf]] = defaultdict(list)
    for path, leaf in leaves.items():
        parts = words_of_path(path)
        lists = [value for value in leaf.lists.values() if value]
        if not lists or not path or is_answer_key(parts) or set(words_of_path(path[-1:])) & NEVER:
            continue
        if any(is_pair(item) for item in lists[0]):
            continue
        parent = path[:-2] if isinstance(path[-1], int) else path[:-1]
        hint = stage_hint(parts)
        hint = None if hint in (None, "retrieval") or set(parts) & {"distance", "distances"} else hint
        groups[parent, hint].append(leaf)
    for (_, hint), group in groups.items():
        yield from _column_list(group, hint)


def _column_list(group: list[Leaf], hint: str | None) -> Iterator[CandidateList]:
    """The key column of a group that is most worth it, with the columns that run beside it."""
    virtual = {leaf.path: _unrolled(leaf) for leaf in group}
    keys = [leaf for leaf in group if _is_key_column(leaf, virtual[leaf.path])]
    taken: set[Path] = set()
    for key in sorted(keys, key=lambda leaf: not _is_id_column(leaf, virtual[leaf.path])):
        if key.path in taken:
            continue
        beside = [
            leaf for leaf in group if leaf.path not in taken and leaf is not key and _same_lengths(key, leaf)
        ]
        found = _compose(key, beside, virtual, hint)
        taken |= found.used
        yield found


def _unrolled(leaf: Leaf) -> Leaf:
    """The items of a leaf's lists as a leaf of its own."""
    pairs = [(owner, item) for owner, value in leaf.lists.items() for item in value if item is not None]
    return Leaf(leaf.path, len(pairs), [item for _, item in pairs], [owner for owner, _ in pairs])


def _is_key_column(leaf: Leaf, items: Leaf) -> bool:
    parts = set(words_of_path(leaf.path[-2:]))
    scalar = all(not isinstance(value, dict | list) for value in items.values)
    named = bool(parts & (LIST_WORDS | ID_WORDS)) or stage_hint(tuple(parts)) is not None
    whole_ids = items.is_whole and bool(parts & ID_WORDS)
    return (
        bool(items.values)
        and scalar
        and named
        and ((bool(items.texts) and not items.is_numeric) or whole_ids)
    )


def _is_id_column(leaf: Leaf, items: Leaf) -> bool:
    if set(words_of_path(leaf.path[-2:])) & ID_WORDS:
        return True
    if items.mean_words < 1.6 and items.mean_length < (200 if items.mean_words < 1.05 else 60):
        return True
    # File names and titles have spaces too; what is called a text is one, however short.
    return items.mean_length < 60 and not set(words_of_path(leaf.path[-1:])) & _TEXT_WORDS


def _same_lengths(key: Leaf, other: Leaf) -> bool:
    mine, theirs = key.lists, other.lists
    shared = [owner for owner in mine if owner in theirs]
    same = sum(1 for owner in shared if len(mine[owner]) == len(theirs[owner]))
    return bool(shared) and same >= 0.7 * len(shared)


def _compose(key: Leaf, beside: list[Leaf], virtual: Mapping[Path, Leaf], hint: str | None) -> CandidateList:
    fields = CandidateFields(used={key.path})
    columns = [key, *beside]
    for leaf in columns:
        items, parts = virtual[leaf.path], set(words_of_path(leaf.path[-2:]))
        expression = path_expression(leaf.path)
        if leaf is key and _is_id_column(leaf, items):
            fields.id = expression
        elif items.is_numeric and leaf is not key and not parts & ID_WORDS:
            if parts & {"rank", "ranks", "positions", "position"}:
                fields.ranks.append(items)
            else:
                fields.scores.append(items)
        elif items.values and isinstance(items.values[0], dict):
            fields.metadata["*"] = expression
        elif items.is_text and not fields.text and not parts & ID_WORDS and items.mean_words >= 1.6:
            fields.text = expression
        elif items.is_text and points("title", leaf.path) > 3 and not fields.title:
            fields.title = expression
        else:
            continue
        fields.used.add(leaf.path)
    parts_of_all = words_of_path(key.path)
    if hint and stage_hint(parts_of_all) is None:
        parts_of_all = (*parts_of_all, hint)
    lists = {owner: value for owner, value in key.lists.items() if value}
    return CandidateList(
        key.path, "", "columns", parts_of_all, fields, dict(virtual), lists, set(fields.used)
    )


def numbered_columns(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    """Numbered columns: ``doc_1``, ``score_1``, ``doc_2``; or ``result_1_id``, ``result_1_score``."""
    families: dict[tuple[Path, str, str], dict[int, Leaf]] = defaultdict(dict)
    for path, leaf in leaves.items():
        match = _NUMBERED.match(str(path[-1])) if path and isinstance(path[-1], str) else None
        if match is None or not match.group(1) or words_of_path((path[-1],))[-1:] in (("bm25",), ("l2",)):
            continue
        families[path[:-1], match.group(1), match.group(3) or ""][int(match.group(2))] = leaf
    groups: dict[tuple[Path, tuple[int, ...]], list[tuple[str, dict[int, Leaf]]]] = defaultdict(list)
    for (parent, before, after), members in families.items():
        if len(members) >= 2:
            groups[parent, tuple(sorted(members))].append((f"{before}_{after}", members))
    for (parent, places), columns in groups.items():
        built = [_number_column(parent, name, members, places) for name, members in columns]
        virtual = {leaf.path: _unrolled(leaf) for leaf in built}
        keys = [leaf for leaf in built if _is_key_column(leaf, virtual[leaf.path])]
        if not keys:
            continue
        key = min(keys, key=lambda leaf: not _is_id_column(leaf, virtual[leaf.path]))
        found = _compose(key, [leaf for leaf in built if leaf is not key], virtual, None)
        spelled = {
            path_expression(leaf.path): _multiselect(members, places)
            for leaf, (_, members) in zip(built, columns, strict=True)
        }
        _respell(found, spelled)
        found.used = {leaf.path for _, members in columns for leaf in members.values()}
        yield found


def _number_column(parent: Path, name: str, members: dict[int, Leaf], places: tuple[int, ...]) -> Leaf:
    """Numbered columns as one leaf of lists."""
    owners = sorted({owner for leaf in members.values() for owner in leaf.owners})
    tables = {place: dict(zip(leaf.owners, leaf.values, strict=True)) for place, leaf in members.items()}
    lists = [[tables[place].get(owner) for place in places] for owner in owners]
    return Leaf((*parent, name), len(owners), lists, owners)


def _multiselect(members: dict[int, Leaf], places: tuple[int, ...]) -> str:
    return "[" + ", ".join(path_expression(members[place].path) for place in places) + "]"


def _respell(found: CandidateList, spelled: Mapping[str, str]) -> None:
    fields = found.fields
    fields.id = spelled.get(fields.id, fields.id)
    fields.text = spelled.get(fields.text, fields.text)
    fields.title = spelled.get(fields.title, fields.title)
    found.leaves = dict(found.leaves)
    found.spelled = dict(spelled)


def parted_text(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    """Cells that hold a list as parted text: ``d1;d2;d3`` beside ``0.9;0.8;0.7``."""
    for path, leaf in leaves.items():
        parts = set(words_of_path(path[-1:]))
        if not leaf.is_text or not parts & (ID_WORDS | LIST_WORDS) or is_answer_key(tuple(parts)):
            continue
        # A space parts ids only where the name says that they are ids.
        signs = _SIGNS if parts & ID_WORDS else _SIGNS[:-1]
        sign = next(
            (s for s in signs if sum(s in text for text in leaf.texts) >= 0.6 * len(leaf.texts)), None
        )
        if sign is None:
            continue
        cells = _cells(leaf, sign)
        items = [item for cell in cells.lists.values() for item in cell]
        if not items or any(" " in item or len(item) > 200 for item in items):
            continue
        columns = [cells]
        for other_path, other in leaves.items():
            if other_path != path and any(sign in str(value) for value in other.values):
                column = _cells(other, sign)
                numeric = all(as_number(item) is not None for cell in column.lists.values() for item in cell)
                if numeric and _same_lengths(cells, column):
                    columns.append(column)
        virtual = {column.path: _unrolled(column) for column in columns}
        found = _compose(cells, columns[1:], virtual, None)
        found.split = sign
        if found.fields.id:
            yield found


def _cells(leaf: Leaf, sign: str) -> Leaf:
    pairs = [
        (owner, [part.strip() for part in value.split(sign)])
        for owner, value in zip(leaf.owners, leaf.values, strict=True)
        if isinstance(value, str)
    ]
    return Leaf(leaf.path, leaf.total, [value for _, value in pairs], [owner for owner, _ in pairs])
