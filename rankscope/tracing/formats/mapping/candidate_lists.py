"""Where the candidates of a record are: lists, lists side by side, ids as keys, numbered columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rankscope.tracing.formats.mapping.candidate_fields import CandidateFields, choose_fields
from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.model import Layout
from rankscope.tracing.formats.mapping.names import is_answer_key, points, stage_hint, word_set, words_of_path
from rankscope.tracing.formats.mapping.shape import Leaf, Path, leaves_of
from rankscope.tracing.formats.values import as_number

__all__ = ["CandidateList", "find_lists"]

_LIST_WORDS = word_set(
    "retrieved retrieval results result hits hit documents document docs doc chunks chunk passages "
    "passage contexts context candidates candidate sources source matches match nodes node neighbors "
    "neighbours references citations evidence ranking ranked items search topk top rerank reranked "
    "snippets articles faqs entries records products pages ids retrieval_context"
)
_NEVER = word_set(
    "messages message history conversation chat tool tools tags tag errors metrics embedding "
    "embeddings options notes warnings reasons queries questions suggestions subqueries choices "
    "keywords entities tokens args"
)


@dataclass
class CandidateList:
    """One list of candidates, with the expressions that read it."""

    path: Path
    expression: str
    layout: Layout
    parts: tuple[str, ...]
    """The words of its name, for the stage it is of."""
    fields: CandidateFields
    leaves: Mapping[Path, Leaf]
    lists: dict[int, list[Any]]
    used: set[Path] = field(default_factory=set)
    """Paths of the record that it takes up."""
    split: str = ""
    spelled: dict[str, str] = field(default_factory=dict)
    """Expressions that stand for a column which the record does not have as one list."""

    @property
    def hint(self) -> str | None:
        """The stage that its name speaks of."""
        return stage_hint(self.parts)

    @property
    def claims(self) -> set[str]:
        """What it reads; two lists cannot both read the same."""
        return {self.expression} if self.expression else {path_expression(path) for path in self.used}

    @property
    def worth(self) -> float:
        """How sure it is that this is a ranking."""
        named = 2.0 if set(self.parts) & _LIST_WORDS or self.hint else 0.0
        return self.fields.worth + named

    def keys(self) -> dict[int, list[str]]:
        """What identifies each candidate, by record, to compare lists with."""
        from rankscope.tracing.formats.mapping.expressions import compile_expression

        if self.layout == "columns":
            return {owner: [repr(item) for item in items] for owner, items in self.lists.items()}
        by = compile_expression(self.fields.id or self.fields.text or "@")
        return {owner: [repr(by(item)) for item in items] for owner, items in self.lists.items()}


def find_lists(leaves: Mapping[Path, Leaf]) -> list[CandidateList]:
    """Everything in a record that looks like candidates, in the order of the record."""
    found = [*_plain_lists(leaves), *_columns(leaves), *_objects(leaves), *_numbered(leaves), *_split(leaves)]
    return [item for item in found if item.worth >= 4.0]


def _plain_lists(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    for path, leaf in leaves.items():
        parts = words_of_path(path)
        lists = {owner: value for owner, value in leaf.lists.items() if value}
        if not lists or is_answer_key(parts) or set(words_of_path(path[-1:])) & (_NEVER | _NOT_CANDIDATES):
            continue
        elements = [(owner, item) for owner, value in lists.items() for item in value]
        tables = sum(isinstance(item, dict) for _, item in elements)
        pairs = sum(_is_pair(item) for _, item in elements)
        if tables >= 0.6 * len(elements):
            yield from _table_lists(path, parts, leaf, elements)
        elif pairs >= 0.8 * len(elements):
            opened = [(owner, {"0": item[0], "1": item[1]}) for owner, item in elements if _is_pair(item)]
            yield _list(path, parts, lists, _repathed(leaves_of(opened)))


def _is_pair(item: Any) -> bool:
    return (
        isinstance(item, list)
        and len(item) == 2
        and any(isinstance(part, int | float) and not isinstance(part, bool) for part in item)
        and any(isinstance(part, str | dict) for part in item)
    )


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


_NAMES = word_set("name stage type step retriever method source kind event strategy mode phase")


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
    from rankscope.tracing.formats.mapping.expressions import compile_expression

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


_TEXT_WORDS = word_set("context contexts passage passages text texts content contents snippets chunk chunks")
_NOT_CANDIDATES = word_set("answer answers invalid missing unused hallucinated metrics expected")
_ID_WORDS = word_set("id ids docid docids docno pid pids uuid uuids key keys url urls")


def _columns(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    """Lists of plain values side by side: ``ids``, ``scores``, ``texts``."""
    groups: dict[tuple[Path, str | None], list[Leaf]] = defaultdict(list)
    for path, leaf in leaves.items():
        parts = words_of_path(path)
        lists = [value for value in leaf.lists.values() if value]
        if (
            not lists
            or not path
            or is_answer_key(parts)
            or set(words_of_path(path[-1:])) & (_NEVER | _NOT_CANDIDATES)
        ):
            continue
        if any(_is_pair(item) for item in lists[0]):
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
    named = bool(parts & (_LIST_WORDS | _ID_WORDS)) or stage_hint(tuple(parts)) is not None
    whole_ids = items.is_whole and bool(parts & _ID_WORDS)
    return (
        bool(items.values)
        and scalar
        and named
        and ((bool(items.texts) and not items.is_numeric) or whole_ids)
    )


def _is_id_column(leaf: Leaf, items: Leaf) -> bool:
    if set(words_of_path(leaf.path[-2:])) & _ID_WORDS:
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
        elif items.is_numeric and leaf is not key and not parts & _ID_WORDS:
            if parts & {"rank", "ranks", "positions", "position"}:
                fields.ranks.append(items)
            else:
                fields.scores.append(items)
        elif items.values and isinstance(items.values[0], dict):
            fields.metadata["*"] = expression
        elif items.is_text and not fields.text and not parts & _ID_WORDS and items.mean_words >= 1.6:
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


_NUMBERED = re.compile(r"^(.*?)[ _.\-]?(\d{1,3})(?:[ _.\-]?(\D.*))?$")


def _numbered(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
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


_SIGNS = ("|", ";", "\n", ",", " ")


def _split(leaves: Mapping[Path, Leaf]) -> Iterator[CandidateList]:
    """Cells that hold a list as parted text: ``d1;d2;d3`` beside ``0.9;0.8;0.7``."""
    for path, leaf in leaves.items():
        parts = set(words_of_path(path[-1:]))
        if not leaf.is_text or not parts & (_ID_WORDS | _LIST_WORDS) or is_answer_key(tuple(parts)):
            continue
        # A space parts ids only where the name says that they are ids.
        signs = _SIGNS if parts & _ID_WORDS else _SIGNS[:-1]
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
