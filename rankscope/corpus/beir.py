"""A BEIR folder: ``corpus.jsonl``, packed or not, beside queries and judgments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rankscope.corpus import jsonl
from rankscope.corpus.options import LoadOptions
from rankscope.corpus.records import Record, Rejections
from rankscope.errors import CorpusError

__all__ = ["corpus_file", "read"]


def corpus_file(folder: Path) -> Path | None:
    """The corpus of a BEIR folder; None when the folder is of another kind."""
    candidates = (folder / "corpus.jsonl", folder / "corpus.jsonl.gz")
    return next((path for path in candidates if path.is_file()), None)


def read(folder: Path, options: LoadOptions, rejections: Rejections) -> Iterator[Record]:
    """Stream the documents of the folder's corpus.

    Published collections hold a few documents without any text (Cranfield has two) that are not the user's to
    mend: they are left out and counted.
    """
    path = corpus_file(folder)
    if path is None:
        raise CorpusError("there is no corpus.jsonl in it.", path=folder, remedy="Expected a BEIR folder.")
    yield from jsonl.read(path, options, rejections, empty_is_harmless=True)
