"""The seams between rooms: what a stage must offer, whatever library is behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rankscope.core.cancellation import never
from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo, Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DocumentSource", "Encoder", "Fuser", "Reranker", "Retriever", "ScoredPair", "VectorIndex"]


class Retriever(Protocol):
    """First stage: a query in, a ranked list out. Filters are obeyed inside, before the cut."""

    stage: str
    score_scale: ScoreScale

    def retrieve(self, query: Query, depth: int) -> Ranking:
        """The best ``depth`` documents that pass the query's filters, timed."""


class Encoder(Protocol):
    """Bi-encoder: texts to unit vectors."""

    @property
    def info(self) -> ModelInfo:
        """Identity of the model that makes the vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode_query(self, text: str) -> NDArray:
        """One float32 vector of shape ``(dimension,)``, L2-normalized."""

    def encode_documents(self, texts: Sequence[str]) -> NDArray:
        """float32 of shape ``(len(texts), dimension)``, L2-normalized rows, in input order."""

    def tokens_cut(self, texts: Sequence[str]) -> list[int]:
        """How many tokens at the end of each text the model does not read."""


class VectorIndex(Protocol):
    """Nearest neighbours by cosine over row numbers ``0..n-1``."""

    def search(self, vector: NDArray, depth: int, allowed: NDArray | None = None) -> tuple[NDArray, NDArray]:
        """Rows and cosines, best first; ``allowed`` (sorted int64 row numbers) limits the search."""


class Fuser(Protocol):
    """Merges several ranked lists into one."""

    def fuse(self, rankings: Sequence[Ranking], depth: int) -> Ranking:
        """One list of at most ``depth``; each hit's details name every list's rank and share."""


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """One candidate's reranker score: ``index`` is its place in the candidates, from 0."""

    index: int
    score: float
    details: Mapping[str, float] = field(default_factory=dict)


class Reranker(Protocol):
    """Second stage: scores each candidate together with the query, in chunks that can be stopped."""

    @property
    def info(self) -> ModelInfo:
        """Identity of the model that makes the scores."""

    @property
    def score_scale(self) -> ScoreScale:
        """Scale of the scores it yields."""

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = never
    ) -> Iterator[list[ScoredPair]]:
        """Yield scored chunks, best candidates first; stop early once ``cancelled()`` is true."""


class DocumentSource(Protocol):
    """The corpus as the pipeline sees it: rows ``0..n-1`` in ascending order of document id."""

    def __len__(self) -> int:
        """Number of documents."""

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        """The documents with these ids; ids that are not in the corpus are absent from the result."""

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        """Document ids of these rows, in the order asked for."""

    def rows_of(self, doc_ids: Sequence[str]) -> dict[str, int]:
        """Row of each of these ids; unknown ids are absent."""

    def rows_matching(self, filters: Mapping[str, str]) -> NDArray | None:
        """Sorted int64 rows whose metadata equals every filter; None when there is no filter."""
