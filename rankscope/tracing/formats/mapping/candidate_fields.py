"""Which field of a candidate is its id, its text, and which numbers are scores and ranks of which stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.names import points, stage_hint, word_set, words_of_path
from rankscope.tracing.formats.mapping.shape import Leaf, Path
from rankscope.tracing.formats.values import as_number

__all__ = ["CandidateFields", "choose_fields", "is_rank", "is_score"]

_SCORE_WORDS = word_set(
    "score scores similarity similarities sim relevance distance distances dist probability prob "
    "logit logits confidence certainty bm25 rrf cosine cos l2 euclidean"
)
_RANK_WORDS = word_set("rank ranks ranking position pos place rerank")
_NEVER_SCORE = word_set(
    "page pages index idx token tokens length len count size year start end offset time ms latency "
    "version id number num line level depth width height threshold cost price chars total max min "
    "mean avg faithfulness precision recall f1 accuracy correctness coverage groundedness hallucination "
    "completeness toxicity sentiment bleu rouge ndcg mrr"
)
"""Places, sizes, and marks that were given to answers, not to candidates."""


_NOT_A_DOCUMENT = word_set(
    "session request req resp response user run trace conversation message query question search answer "
    "model thread turn log event"
)
"""Ids with these words are of the request, not of a document."""


def is_score(parts: tuple[str, ...]) -> bool:
    """Whether a number with these words in its name is a score."""
    known = set(parts)
    return bool(known & _SCORE_WORDS) and not known & _NEVER_SCORE and not is_rank(parts)


def is_rank(parts: tuple[str, ...]) -> bool:
    """Whether a whole number with these words in its name is a rank."""
    known = set(parts)
    return bool(known & _RANK_WORDS) and not known & (_SCORE_WORDS - {"relevance"} - {"bm25"})


@dataclass
class CandidateFields:
    """The parts of a candidate, as expressions; and what was left over."""

    id: str = ""
    text: str = ""
    title: str = ""
    scores: list[Leaf] = field(default_factory=list)
    ranks: list[Leaf] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    used: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def worth(self) -> float:
        """How much this looks like a candidate of a ranking."""
        named = (2.0 if self.id else 0.0) + (2.0 if self.text else 0.0)
        return named + (3.0 if self.scores else 0.0) + (1.0 if self.ranks else 0.0)


def choose_fields(leaves: Mapping[Path, Leaf], banned: frozenset[Path] = frozenset()) -> CandidateFields:
    """The parts of a candidate among its leaves; ``banned`` paths are already something else."""
    chosen = CandidateFields()
    free = {path: leaf for path, leaf in leaves.items() if path not in banned and leaf.values}
    for path, leaf in free.items():
        parts = words_of_path(path)
        if leaf.is_numeric and is_score(parts):
            chosen.scores.append(leaf)
        elif leaf.is_whole and is_rank(parts) and min(leaf.numbers) >= 0:
            chosen.ranks.append(leaf)
        elif path and isinstance(path[-1], int) and leaf.is_numeric and not leaf.is_whole:
            chosen.scores.append(leaf)
    chosen.used |= {leaf.path for leaf in (*chosen.scores, *chosen.ranks)}
    _choose_text(chosen, free)
    _choose_id(chosen, free)
    titles = {
        path: points("title", path) for path, leaf in free.items() if path not in chosen.used and leaf.texts
    }
    title = max(titles, key=lambda path: titles[path], default=None)
    if title is not None and titles[title] >= 3:
        chosen.title = path_expression(title)
        chosen.used.add(title)
    _choose_metadata(chosen, free)
    return chosen


def _choose_text(chosen: CandidateFields, free: Mapping[Path, Leaf]) -> None:
    def worth(path: Path) -> float:
        leaf = free[path]
        if path in chosen.used or not leaf.is_text:
            return 0.0
        by_name = points("text", path)
        if by_name == 0 and leaf.mean_length < 60:
            return 0.0
        spaced = leaf.mean_words >= 2
        return by_name + min(leaf.mean_length, 400) / 80 if spaced else by_name * 0.3

    best = max(free, key=worth, default=None)
    if best is not None and worth(best) >= 2.4:
        chosen.text = path_expression(best)
        chosen.used.add(best)


def _choose_id(chosen: CandidateFields, free: Mapping[Path, Leaf]) -> None:
    def worth(path: Path) -> float:
        leaf = free[path]
        if path in chosen.used or isinstance(leaf.values[0], dict | list | bool):
            return 0.0
        if leaf.is_numeric and not leaf.is_whole:
            return 0.0
        by_name = 0.0 if set(words_of_path(path[-1:])) & _NOT_A_DOCUMENT else points("id", path)
        if _counts_up(leaf):
            return 0.0
        if by_name == 0 or leaf.mean_words > 8 or (by_name < 4.5 and leaf.unique_within < 0.95):
            return 0.0
        return by_name * (0.4 + 0.6 * leaf.unique_within) * (0.3 + 0.7 * min(1.0, leaf.fill))

    ranked = sorted(free, key=worth, reverse=True)
    if not ranked or worth(ranked[0]) < 1.2:
        return
    best = ranked[0]
    chosen.id = path_expression(best)
    chosen.used.add(best)
    others = [path for path in ranked[1:] if worth(path) > 1.0]
    fuller = next((path for path in others if free[path].fill > free[best].fill), None)
    if free[best].fill < 0.95 and fuller is not None:
        chosen.id = f"{path_expression(best)} || {path_expression(fuller)}"
        chosen.used.add(fuller)
        chosen.notes.append(
            f"{path_expression(best)} is sometimes empty; {path_expression(fuller)} stands in"
        )
        return
    pair = next(iter(others), None)
    if _is_place(best) and (home := _home_of(chosen, free)) is not None:
        chosen.id = _both(home, best)
        chosen.used.add(home)
        chosen.notes.append(f"{path_expression(best)} counts within {path_expression(home)}; the id is both")
        return
    if free[best].unique_within < 0.9 and pair is not None:
        both = _pairs_unique(free[best], free[pair])
        if both > free[best].unique_within + 0.15 and both >= 0.95 and free[pair].unique_within < 0.9:
            first, second = sorted((best, pair), key=lambda path: free[path].is_numeric)
            chosen.id = _both(first, second)
            chosen.used.add(pair)
            chosen.notes.append(
                f"neither {path_expression(first)} nor {path_expression(second)} alone tells candidates "
                "apart; the id is both together"
            )


def _both(first: Path, second: Path) -> str:
    """The expression for an id of two parts; nothing where either is missing."""
    one, other = path_expression(first), path_expression(second)
    return f"{one} && {other} && join('#', [to_string({one}), to_string({other})])"


def _is_place(path: Path) -> bool:
    """Whether a field is a place in some document, such as ``chunk_index``: no id on its own."""
    return set(words_of_path(path[-1:])) & {"index", "idx", "no", "number"} != set()


def _home_of(chosen: CandidateFields, free: Mapping[Path, Leaf]) -> Path | None:
    """The field that names the document a chunk is of."""

    def worth(path: Path) -> float:
        leaf = free[path]
        scalar = bool(leaf.values) and not isinstance(leaf.values[0], dict | list | bool)
        usable = scalar and path not in chosen.used and not leaf.is_numeric and not _is_place(path)
        barred = set(words_of_path(path[-1:])) & _NOT_A_DOCUMENT
        return points("id", path) * leaf.fill if usable and not barred and leaf.mean_words <= 8 else 0.0

    best = max(free, key=worth, default=None)
    return best if best is not None and worth(best) >= 1.4 else None


def _counts_up(leaf: Leaf) -> bool:
    """Whether it numbers the places of the list, 0, 1, 2 or 1, 2, 3: that is no id."""
    if not leaf.is_whole:
        return False
    lists = [values for values in leaf.by_owner().values() if len(values) > 1]
    return bool(lists) and all(
        [as_number(value) for value in values] in (list(range(len(values))), list(range(1, len(values) + 1)))
        for values in lists
    )


def _pairs_unique(one: Leaf, other: Leaf) -> float:
    """How far two fields together tell the candidates of a list apart."""
    left, right = one.by_owner(), other.by_owner()
    shares = [
        len(set(zip(map(repr, left[owner]), map(repr, right[owner]), strict=True))) / len(left[owner])
        for owner in left
        if len(left[owner]) > 1 and len(left[owner]) == len(right.get(owner, []))
    ]
    return sum(shares) / len(shares) if shares else 0.0


def _choose_metadata(chosen: CandidateFields, free: Mapping[Path, Leaf]) -> None:
    """Short scalar facts about the candidate that play no part: file, page, author."""
    for path, leaf in free.items():
        scalar = not isinstance(leaf.values[0], dict | list)
        if path in chosen.used or not scalar or not path or leaf.mean_length > 300:
            continue
        if any(isinstance(token, int) for token in path) or len(chosen.metadata) >= 12:
            continue
        if is_score(words_of_path(path)) or stage_hint(words_of_path(path)):
            continue
        name = (
            ".".join(map(str, path)) if len(path) > 1 and str(path[-1]) in chosen.metadata else str(path[-1])
        )
        chosen.metadata.setdefault(name, path_expression(path))
        chosen.used.add(path)
