"""From lists of candidates to stages: which list, score and rank belongs to which, and what orders it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from rankscope.tracing.formats.mapping.candidate_lists import CandidateList
from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.model import StageMap
from rankscope.tracing.formats.mapping.names import PIPELINE, scale_of, stage_hint, word_set, words_of_path
from rankscope.tracing.formats.mapping.shape import Leaf
from rankscope.tracing.formats.values import as_number

__all__ = ["StageGuess", "guess_stages"]

_KEPT = word_set("citations citation cited used kept selected final shown")


@dataclass
class StageGuess:
    """The stages, what was said about them, and where the kept documents are named."""

    stages: list[StageMap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: str = ""
    lists: list[CandidateList] = field(default_factory=list)


def guess_stages(found: Sequence[CandidateList]) -> StageGuess:
    """Stages in the order of the pipeline. Lists that repeat another are left out, and said so."""
    guess = StageGuess()
    chosen = _without_repeats(_with_ids(found, guess), guess)
    chosen = _one_unnamed(_without_kept(chosen, guess), guess)
    order = {name: place for place, name in enumerate(PIPELINE)}
    ranked = sorted(enumerate(chosen), key=lambda pair: (order.get(pair[1].hint or "retrieval", 2), pair[0]))
    hinted = {item.hint for item in chosen if item.hint}
    staged: list[tuple[int, StageMap]] = []
    for _, item in ranked:
        elsewhere = hinted - {item.hint} if len(chosen) > 1 else set()
        for found_stage in _stages_of(item, elsewhere, guess):
            name = _free(found_stage.name, item, {old.name for _, old in staged})
            stage = replace(found_stage, name=name)
            staged.append(
                (order.get(stage.name.split("-")[0], order.get(item.hint or "retrieval", 2)), stage)
            )
        guess.lists.append(item)
    # A stable sort: lists of equal standing stay in the order of the record.
    guess.stages = [stage for _, stage in sorted(staged, key=lambda pair: pair[0])]
    return guess


def _free(name: str, item: CandidateList, taken: set[str]) -> str:
    if name not in taken:
        return name
    last = "-".join(words_of_path([token for token in item.path if isinstance(token, str)][-1:])) or name
    options = [last, *(f"{name}-{number}" for number in range(2, 20))]
    return next(option for option in options if option not in taken)


def _without_repeats(found: Sequence[CandidateList], guess: StageGuess) -> list[CandidateList]:
    """Lists that hold the same candidates in the same order as a better one add nothing."""
    best_first = sorted(found, key=lambda item: -item.worth)
    kept: list[CandidateList] = []
    for item in best_first:
        if any(item.claims & old.claims for old in kept):
            continue
        same = next((old for old in kept if _repeats(item, old)), None)
        if same is None:
            kept.append(item)
        else:
            guess.notes.append(
                f"{_name(item)} repeats the candidates of {_name(same)}; only the latter is read"
            )
            guess.lists.append(item)
    return [item for item in found if any(item is old for old in kept)]


def _with_ids(found: Sequence[CandidateList], guess: StageGuess) -> list[CandidateList]:
    """Texts in one list and ids of equal number in another are one list of candidates."""
    lists = list(found)
    for texts in [
        item for item in found if item.layout == "columns" and item.fields.text and not item.fields.id
    ]:
        for ids in lists:
            plain = (
                ids.layout == "columns" and ids.fields.id and not ids.fields.text and not ids.fields.scores
            )
            if plain and not set(ids.parts) & _KEPT and ids.hint in (None, texts.hint) and _alike(texts, ids):
                texts.fields.id = ids.fields.id
                texts.split = texts.split or ids.split
                texts.used |= ids.used
                lists.remove(ids)
                guess.notes.append(f"{ids.fields.id} gives the ids of the texts in {texts.fields.text}")
                break
    return lists


def _alike(one: CandidateList, other: CandidateList) -> bool:
    shared = [owner for owner in one.lists if owner in other.lists]
    same = sum(len(one.lists[owner]) == len(other.lists[owner]) for owner in shared)
    return len(shared) >= 0.9 * len(one.lists) and same >= 0.9 * len(shared)


def _name(item: CandidateList) -> str:
    return item.expression or path_expression(item.path)


def _repeats(item: CandidateList, old: CandidateList) -> bool:
    """Whether a list adds nothing: no scores of its own, or the same name of stage, and equal candidates."""
    if item.hint not in (None, "retrieval", old.hint):
        return False
    shared = [owner for owner in item.lists if owner in old.lists]
    if not shared or (item.fields.scores and item.hint != old.hint):
        return False
    mine, theirs = item.keys(), old.keys()
    texts = _texts(old)
    same = 0
    for owner in shared:
        one, other = mine.get(owner, []), theirs.get(owner, [])
        contained = set(one) <= set(other) or set(one) <= texts.get(owner, set())
        same += contained and len(one) == len(other)
    return same >= 0.8 * len(shared)


def _texts(item: CandidateList) -> dict[int, set[str]]:
    from rankscope.tracing.formats.mapping.expressions import compile_expression

    if item.layout == "columns" or not item.fields.text:
        return {}
    get = compile_expression(item.fields.text)
    return {owner: {repr(get(row)) for row in rows} for owner, rows in item.lists.items()}


def _without_kept(chosen: list[CandidateList], guess: StageGuess) -> list[CandidateList]:
    """A list of what was cited or used, beside the ranking it was taken from, is what was kept."""
    if len(chosen) < 2:
        return chosen
    rest = []
    for item in chosen:
        inside = set(item.parts) & _KEPT and not item.hint and item.fields.id and not item.fields.scores
        if inside and not guess.kept and item.layout != "object":
            base = item.fields.id if item.layout == "columns" else f"{item.expression}[].{item.fields.id}"
            guess.kept = base
            guess.lists.append(item)
        else:
            rest.append(item)
    return rest or chosen


def _one_unnamed(chosen: list[CandidateList], guess: StageGuess) -> list[CandidateList]:
    """Of several lists whose names speak of no stage only the best is read; which stage is the other?"""
    unnamed = [item for item in chosen if item.hint is None]
    retrieved = [item for item in chosen if item.hint == "retrieval"]
    best = max(unnamed, key=lambda item: item.worth, default=None) if not retrieved else None
    for item in unnamed:
        if item is not best:
            guess.notes.append(
                f"{_name(item)} holds candidates too, of what stage is unknown; it is not read"
            )
    return [item for item in chosen if item.hint is not None or item is best]


def _stages_of(item: CandidateList, elsewhere: set[str], guess: StageGuess) -> list[StageMap]:
    """The stages of one list: one for each stage that left its score or rank on the candidates."""
    scores = _scores_by_stage(item, guess)
    ranks = _ranks_by_stage(item)
    for name, leaf in list(scores.items()):
        # A stage whose list stands elsewhere in the record is read from there.
        if name in elsewhere and len(scores) > 1:
            del scores[name]
            guess.notes.append(
                f"{_name(item)}: {path_expression(leaf.path)} is left out, {name} has a list of its own"
            )
    first = [name for name in scores if name != "rerank"]
    if "retrieval" in ranks and "retrieval" not in scores and len(first) == 1:
        # One first-stage score and one first-stage rank are of the same stage.
        ranks[first[0]] = ranks.pop("retrieval")
    names = sorted({*scores, *(name for name in ranks if name)}, key=_place)
    names = [name for name in names if name not in elsewhere or name in scores] or [item.hint or "retrieval"]
    main = item.hint if item.hint in names else names[-1]
    stages = []
    for name in names:
        score, rank = scores.get(name), ranks.get(name)
        if name == main and rank is None:
            rank = ranks.get(None)
        stages.append(_stage(item, name, score, rank, name == main))
        if name == main and score is not None and stages[-1].order == "score" and item.layout == "list":
            guess.notes.append(
                f"{_name(item)} is not in the order of {path_expression(score.path)}; it is sorted by it"
            )
    return stages


def _place(name: str) -> int:
    return PIPELINE.index(name) if name in PIPELINE else 2


def _scores_by_stage(item: CandidateList, guess: StageGuess) -> dict[str, Leaf]:
    named: dict[str, Leaf] = {}
    general: list[Leaf] = []
    for leaf in item.fields.scores:
        parts = words_of_path(leaf.path[-1:])
        hint = stage_hint(parts)
        weak = hint == "retrieval" or (hint == "dense" and item.hint not in (None, "dense", "retrieval"))
        if hint is None or (weak and item.layout == "columns" and hint != "retrieval"):
            general.append(leaf)
        elif hint in named:
            _second(item, named, hint, leaf, guess)
        else:
            named[hint] = leaf
    general.sort(key=lambda leaf: -_generality(leaf))
    if general:
        name = _name_of_general(item, named, general[0])
        if name is None:
            guess.notes.append(
                f"{_name(item)}: {path_expression(general[0].path)} orders them as another score does"
            )
        else:
            named[name] = general[0]
        for leaf in general[1:]:
            if "rerank" not in named and set(words_of_path(leaf.path[-1:])) & {"relevance"}:
                named["rerank"] = leaf
                continue
            guess.notes.append(f"{_name(item)}: no stage was found for {path_expression(leaf.path)}")
    return named


def _second(item: CandidateList, named: dict[str, Leaf], hint: str, leaf: Leaf, guess: StageGuess) -> None:
    """Two numbers of one stage: a similarity is taken before a distance, the fuller before the emptier."""
    old = named[hint]
    better = _is_distance(old) and not _is_distance(leaf)
    if better or (_is_distance(old) == _is_distance(leaf) and len(leaf.values) > len(old.values)):
        named[hint], leaf = leaf, old
    guess.notes.append(
        f"{_name(item)}: {path_expression(leaf.path)} is a second score of {hint}; "
        f"{path_expression(named[hint].path)} is read"
    )


def _generality(leaf: Leaf) -> float:
    """How much a score's name says "the score of this list"."""
    name = "".join(words_of_path(leaf.path[-1:]))
    table = {"score": 5, "relevancescore": 4, "scores": 5, "relevance": 3, "finalscore": 4.5, "confidence": 1}
    return table.get(name, 2) + leaf.fill


def _name_of_general(item: CandidateList, named: dict[str, Leaf], leaf: Leaf) -> str | None:
    """What stage a plain ``score`` is of, by the list's name and the scores beside it; None for a repeat."""
    if {"bm25", "dense"} <= set(named) and "fusion" not in named and item.hint in (None, "retrieval"):
        return "fusion"
    if item.hint and item.hint not in named:
        return item.hint
    if not named:
        return "retrieval"
    if any(_same_order(leaf, old) for old in named.values()):
        return None
    if "rerank" in named:
        return "fusion" if {"bm25", "dense"} <= set(named) else "retrieval"
    if len(named) == 1 and "relevance" in words_of_path(leaf.path[-1:]):
        return "rerank"
    return "fusion" if "fusion" not in named else "retrieval"


def _same_order(one: Leaf, other: Leaf) -> bool:
    left, right = one.by_owner(), other.by_owner()
    sign = -1.0 if _is_distance(one) != _is_distance(other) else 1.0
    for owner, values in left.items():
        theirs = right.get(owner, [])
        if len(values) != len(theirs):
            return False
        mine = [as_number(value) or 0.0 for value in values]
        other_values = [sign * (as_number(value) or 0.0) for value in theirs]
        if sorted(range(len(mine)), key=lambda i: mine[i]) != sorted(
            range(len(mine)), key=lambda i: other_values[i]
        ):
            return False
    return True


def _ranks_by_stage(item: CandidateList) -> dict[str | None, Leaf]:
    ranks: dict[str | None, Leaf] = {}
    for leaf in item.fields.ranks:
        parts = words_of_path(leaf.path[-1:])
        if set(parts) & {"new", "final", "after"}:
            hint: str | None = "rerank"
        elif set(parts) & {"previous", "prev", "old", "before"}:
            hint = "retrieval"
        else:
            hint = stage_hint(parts)
        ranks.setdefault(hint, leaf)
    return ranks


def _is_distance(leaf: Leaf) -> bool:
    return bool(set(words_of_path(leaf.path)) & {"distance", "distances", "dist", "l2", "euclidean"})


def _distance_kind(leaf: Leaf) -> Literal["", "cosine", "other"]:
    if not _is_distance(leaf):
        return ""
    cosine = bool(set(words_of_path(leaf.path)) & {"cosine", "cos"})
    return "cosine" if cosine and all(-1e-6 <= number <= 2.0 + 1e-6 for number in leaf.numbers) else "other"


def _falls(leaf: Leaf, rising: bool) -> float:
    """Share of lists along which the score falls (a distance: rises)."""
    sign = -1.0 if rising else 1.0
    lists = [
        [sign * number for value in values if (number := as_number(value)) is not None]
        for values in leaf.by_owner().values()
    ]
    lists = [values for values in lists if len(values) > 1]
    good = sum(1 for values in lists if all(a >= b for a, b in pairwise(values)))
    return good / len(lists) if lists else 1.0


def _stage(item: CandidateList, name: str, score: Leaf | None, rank: Leaf | None, main: bool) -> StageMap:
    fields = item.fields
    order: Literal["list", "score", "rank"] = "list"
    if rank is not None:
        order = "rank"
    elif score is not None and (_falls(score, _is_distance(score)) < 0.7 or item.layout == "object"):
        order = "score"
    parts = words_of_path(score.path) if score is not None else ()
    if score is not None and set(item.parts) & {"cosine", "rrf", "bm25"} and scale_of(parts) == "unknown":
        parts = (*parts, *item.parts) if not _is_distance(score) else parts
    scale = "unknown" if score is not None and _is_distance(score) else scale_of(parts)
    if scale in ("cosine", "probability") and score is not None:
        low = -1.0 if scale == "cosine" else 0.0
        scale = scale if all(low - 1e-6 <= number <= 1 + 1e-6 for number in score.numbers) else "unknown"
    return StageMap(
        name=name,
        candidates=item.expression,
        layout=item.layout,
        id=fields.id,
        text=fields.text,
        title=fields.title,
        metadata=_metadata(item),
        score=_spelled(item, score),
        rank=_spelled(item, rank),
        scale=scale,
        distance=_distance_kind(score) if score is not None else "",
        order=order,
        only_found=not main,
        split=item.split,
    )


def _spelled(item: CandidateList, leaf: Leaf | None) -> str:
    if leaf is None:
        return ""
    text = path_expression(leaf.path)
    return item.spelled.get(text, text)


def _metadata(item: CandidateList) -> str:
    parts = item.fields.metadata
    if "*" in parts:
        return parts["*"]
    if not parts or item.layout == "columns":
        return ""
    return "{" + ", ".join(f"{path_expression((name,))}: {text}" for name, text in parts.items()) + "}"
