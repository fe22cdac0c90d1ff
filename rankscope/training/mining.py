"""Hard negatives from the workspace's own index: what BM25 and the bi-encoder find and nobody asked for.

Documents judged not relevant come first; those on the border of being relevant are taken as neither. An
unjudged neighbour may be an answer that nobody judged: one that all but repeats a positive, or that the
bi-encoder puts well above the best positive, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rankscope.core.documents import Document
from rankscope.core.protocols import Encoder
from rankscope.corpus.judgments_io import JudgedQuery
from rankscope.engine.progress import IndexProgress, ProgressClock
from rankscope.insight.judgments import Judgments
from rankscope.training.examples import Example, Passage
from rankscope.training.source import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Mining", "likely_answers"]

_COPY = 0.95
"""Cosine with a positive from which a passage says the same."""
_ABOVE_POSITIVE = 0.08
"""Cosine with the query above the best positive's from which an unjudged passage may be an answer."""


def likely_answers(query: NDArray, candidates: NDArray, positives: NDArray) -> NDArray:
    """Which candidates are probably unjudged answers, bool of shape ``(len(candidates),)``.

    All arguments are unit vectors: one, and rows of the shapes ``(n, dimension)``.
    """
    copies = (candidates @ positives.T).max(axis=1) >= _COPY
    better = candidates @ query >= (positives @ query).max() + _ABOVE_POSITIVE
    found: NDArray = copies | better
    return found


@dataclass
class Mining:
    """Turns judged queries into examples; ``examples`` and the counts are set by ``iter_progress``."""

    source: Source
    most: int
    """Most negatives of one query."""
    depth: int = 50
    examples: list[Example] = field(default_factory=list)
    unanswerable: int = 0
    """Judged queries without a relevant document: there is nothing to rank first."""
    unfound: int = 0
    """Queries left out because a side is empty: no relevant document in the corpus, or no negative."""
    false_negatives: int = 0
    """Neighbours left out because they are probably answers."""

    def iter_progress(self) -> Iterator[IndexProgress]:
        """Mine query by query."""
        workspace, judgments = self.source.workspace, self.source.judgments
        settings = workspace.settings.override("rerank", enabled=False)
        settings = settings.override("retrieval", candidates=self.depth, depth=self.depth)
        pipeline = workspace.pipeline(settings)
        parts = workspace.parts()
        vectors = _Vectors(parts.encoder)
        asked = [item for item in self.source.queries if judgments.is_answerable(item.query_id)]
        self.unanswerable = len(self.source.queries) - len(asked)
        clock = ProgressClock("mining", len(asked))
        yield clock.at(0)
        for done, item in enumerate(asked, start=1):
            ranking = pipeline.run(item.query).ranking("fusion")
            found = () if ranking is None else ranking.doc_ids
            grades = judgments.grades[item.query_id]
            aside = self.source.set_aside.get(item.query_id, frozenset())
            wanted = [key for key in dict.fromkeys((*grades, *found)) if key not in aside]
            documents = parts.documents.fetch(wanted)
            example = self._example(item, judgments, documents, vectors)
            if example.trainable:
                self.examples.append(example)
            else:
                self.unfound += 1
            yield clock.at(done)

    def _example(
        self, item: JudgedQuery, judgments: Judgments, documents: dict[str, Document], vectors: _Vectors
    ) -> Example:
        grades = judgments.grades[item.query_id]
        positives = [key for key in documents if key in judgments.relevant(item.query_id)]
        judged = [key for key in documents if key in grades and key not in positives]
        others = [key for key in documents if key not in grades]
        query = vectors.encoder.encode_query(item.query.text)
        if positives and others:
            likely = likely_answers(
                query,
                vectors.of([documents[key] for key in others]),
                vectors.of([documents[key] for key in positives]),
            )
            self.false_negatives += int(likely.sum())
            others = [key for key, drop in zip(others, likely, strict=True) if not drop]
        chosen = [*positives, *[*judged, *others][: self.most]]
        cosines = vectors.of([documents[key] for key in chosen]) @ query if chosen else ()
        passages = [
            Passage(
                key,
                documents[key].searchable,
                grades[key] if place < len(positives) else 0,
                round(float(cosine), 4),
            )
            for place, (key, cosine) in enumerate(zip(chosen, cosines, strict=True))
        ]
        return Example(item.query_id, item.query.text, tuple(passages))


class _Vectors:
    """Vectors of documents, each computed once."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._known: dict[str, NDArray] = {}

    def of(self, documents: Sequence[Document]) -> NDArray:
        missing = [item for item in documents if item.doc_id not in self._known]
        if missing:
            rows = self.encoder.encode_documents([item.searchable for item in missing])
            self._known.update(zip((item.doc_id for item in missing), rows, strict=True))
        return np.stack([self._known[item.doc_id] for item in documents])
