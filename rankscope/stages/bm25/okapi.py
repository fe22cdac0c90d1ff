"""Okapi BM25 with exactly the statistics of ``rank_bm25.BM25Okapi``, compiled to postings.

The score of document d for a query is the sum over the query's tokens q, repeated ones counted each time, of

    idf(q) * tf(q, d) * (k1 + 1) / (tf(q, d) + k1 * (1 - b + b * length(d) / average length))
    idf(q) = ln(N - df(q) + 0.5) - ln(df(q) + 0.5)

where a negative idf is replaced by ``epsilon`` times the average idf over the vocabulary (Robertson and
Zaragoza 2009; the floor is rank_bm25's, after Trotman, Puurula and Burgess 2014). In very small corpora that
average is itself zero or negative, and so are scores. The part that a term gives a document is computed
once, when the index is built; a query adds up a few columns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankscope.errors import WorkspaceError
from rankscope.stages.bm25.inversion import Inversion, Postings
from rankscope.stages.bm25.vocabulary import Vocabulary

__all__ = ["Bm25Builder", "Bm25Index", "Bm25Parameters"]

_SCHEMA = "rankscope.bm25/1"
_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True)
class Bm25Parameters:
    """The constants of the formula; the defaults are rank_bm25's."""

    k1: float = 1.5
    """How soon repeated occurrences of a term stop counting; larger is later."""
    b: float = 0.75
    """How much long documents are held back: 0 not at all, 1 in full."""
    epsilon: float = 0.25
    """Share of the average idf that stands in for a negative one."""


class Bm25Builder:
    """Makes an index from documents that come one at a time."""

    def __init__(self, parameters: Bm25Parameters | None = None) -> None:
        self._parameters = parameters or Bm25Parameters()
        self._inversion = Inversion()

    def add(self, tokens: Sequence[str]) -> None:
        """Add the next document: the first is row 0."""
        self._inversion.add(tokens)

    def finish(self) -> Bm25Index:
        """The index of everything that was added; the builder must not be used afterwards."""
        postings = self._inversion.finish()
        idf = _inverse_document_frequency(postings, self._parameters.epsilon)
        return Bm25Index(self._parameters, postings, idf, _parts(postings, idf, self._parameters))


class Bm25Index:
    """A term-by-document matrix of BM25 parts, held column by column; from a builder or :meth:`load`."""

    def __init__(
        self,
        parameters: Bm25Parameters,
        postings: Postings,
        idf: NDArray[np.float64],
        parts: NDArray[np.float64],
    ) -> None:
        self.parameters = parameters
        self.postings = postings
        self.idf = idf
        """Of each term, shape ``(terms,)``."""
        self.parts = parts
        """What each posting adds to its document's score, shape ``(postings,)``."""
        self.average_length = _average_length(postings)

    @classmethod
    def build(
        cls, token_lists: Iterable[Sequence[str]], parameters: Bm25Parameters | None = None
    ) -> Bm25Index:
        """Index documents given as token lists, row 0 first; they are read once and not kept."""
        builder = Bm25Builder(parameters)
        for tokens in token_lists:
            builder.add(tokens)
        return builder.finish()

    def __len__(self) -> int:
        return len(self.postings.lengths)

    def scores(self, tokens: Sequence[str]) -> NDArray[np.float64]:
        """BM25 of every document, shape ``(documents,)``; 0 where no token matches."""
        return self._accumulate(tokens)[0]

    def search(
        self, tokens: Sequence[str], depth: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The best ``depth`` documents that share a token with the query: rows and scores, best first.

        Equal scores stand in row order. ``allowed`` (sorted rows) limits the search. A document whose score
        is zero or negative, as happens in tiny corpora, is a match all the same.
        """
        scores, matched = self._accumulate(tokens)
        candidates = np.flatnonzero(matched) if allowed is None else allowed[matched[allowed]]
        found = scores[candidates]
        if len(found) > depth > 0:
            last_in = np.partition(found, len(found) - depth)[len(found) - depth]
            candidates, found = candidates[found >= last_in], found[found >= last_in]
        order = np.argsort(-found, kind="stable")[:depth]
        return candidates[order].astype(np.int64, copy=False), found[order]

    def _accumulate(self, tokens: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Score of every document, and whether it holds any of the tokens."""
        scores = np.zeros(len(self))
        matched = np.zeros(len(self), dtype=np.bool_)
        for token in tokens:
            number = self.postings.vocabulary.find(token)
            if number is not None:
                span = self.postings.span(number)
                rows = self.postings.rows[span]
                scores[rows] += self.parts[span]
                matched[rows] = True
        return scores, matched

    def save(self, folder: Path) -> None:
        """Write the index into a folder, made if absent: plain numpy arrays and a JSON header."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in self._arrays().items():
            np.save(folder / f"{name}.npy", values, allow_pickle=False)
        sizes = {name: len(values) for name, values in self._arrays().items()}
        header = {"schema": _SCHEMA, "parameters": asdict(self.parameters), "sizes": sizes}
        (folder / "bm25.json").write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")

    def _arrays(self) -> dict[str, NDArray[Any]]:
        postings = self.postings
        return {
            "term_text": postings.vocabulary.text,
            "term_offsets": postings.vocabulary.offsets,
            "starts": postings.starts,
            "rows": postings.rows,
            "frequencies": postings.frequencies,
            "lengths": postings.lengths,
            "idf": self.idf,
            "parts": self.parts,
        }

    @classmethod
    def load(cls, folder: Path) -> Bm25Index:
        """Open a saved index, memory-mapped.

        Raises FileNotFoundError when it is not there, WorkspaceError when it is damaged or of another
        version.
        """
        try:
            header = json.loads((folder / "bm25.json").read_text(encoding="utf-8"))
            if header["schema"] != _SCHEMA:
                raise ValueError(f"it is of version {header['schema']}, this program reads {_SCHEMA}")
            arrays = {name: _mapped(folder / f"{name}.npy", size) for name, size in header["sizes"].items()}
            postings = Postings(
                Vocabulary(arrays["term_text"], arrays["term_offsets"]),
                *(arrays[name] for name in ("starts", "rows", "frequencies", "lengths")),
            )
            return cls(Bm25Parameters(**header["parameters"]), postings, arrays["idf"], arrays["parts"])
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WorkspaceError(
                f"{folder}: the BM25 index cannot be used: {error}.", remedy="Run `rankscope index` again."
            ) from error


def _mapped(path: Path, size: int) -> NDArray[Any]:
    """A saved array of ``size`` entries, memory-mapped; an empty one cannot be mapped and is read."""
    values: NDArray[Any] = np.load(path, mmap_mode="r" if size else None, allow_pickle=False)
    if len(values) != size:
        raise ValueError(f"{path.name} holds {len(values)} entries, its header says {size}")
    return values


def _average_length(postings: Postings) -> float:
    """Mean document length in tokens; 0 for an empty corpus."""
    total = int(postings.lengths.sum(dtype=np.int64))
    return total / len(postings.lengths) if total else 0.0


def _inverse_document_frequency(postings: Postings, epsilon: float) -> NDArray[np.float64]:
    """idf of each term, a negative one replaced by ``epsilon`` times the average."""
    documents = len(postings.lengths)
    held_by, which, how_many = np.unique(np.diff(postings.starts), return_inverse=True, return_counts=True)
    values = np.array([math.log(documents - df + 0.5) - math.log(df + 0.5) for df in held_by.tolist()])
    if not len(values):
        return np.zeros(0)
    average = float(values @ how_many) / int(how_many.sum())
    floored: NDArray[np.float64] = np.where(values < 0, epsilon * average, values)[which]
    return floored


def _parts(postings: Postings, idf: NDArray[np.float64], parameters: Bm25Parameters) -> NDArray[np.float64]:
    """What each posting adds to a score; computed in runs of terms, so that temporaries stay small."""
    k1, b = parameters.k1, parameters.b
    starts, total = postings.starts, len(postings.rows)
    parts = np.empty(total)
    if total == 0:
        return parts
    penalty = k1 * (1 - b + b * postings.lengths / _average_length(postings))
    cuts = np.searchsorted(starts, np.arange(0, total, _CHUNK), side="right") - 1
    for first, last in zip(cuts, [*cuts[1:], len(idf)], strict=True):
        run = slice(int(starts[first]), int(starts[last]))
        tf = postings.frequencies[run].astype(np.float64)
        weights = np.repeat(idf[first:last], np.diff(starts[first : last + 1]))
        parts[run] = weights * (tf * (k1 + 1) / (tf + penalty[postings.rows[run]]))
    return parts
