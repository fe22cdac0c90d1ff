"""A folder of Markdown and plain text, or one such file, cut into passages.

A passage is called ``path/file.md#3``: the file's path within the folder and the passage's place in the file,
from 1. Its title is the headings above it, joined by " > ", or the file's name where there are none.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rankscope.core.documents import Document
from rankscope.corpus.chunker import chunk_text
from rankscope.corpus.lines import decode_error, open_bytes
from rankscope.corpus.markdown import Section, front_matter, sections
from rankscope.corpus.options import LoadOptions
from rankscope.corpus.records import Record, Rejections
from rankscope.errors import CorpusError

__all__ = ["MARKDOWN", "PLAIN_TEXT", "read", "text_files"]

MARKDOWN = (".md", ".markdown")
PLAIN_TEXT = (".txt", ".text")
MAX_FILE = 64 << 20
"""Most bytes of one text file: 64 MiB. A file is cut into passages in memory."""


def text_files(folder: Path) -> tuple[list[Path], Counter[str]]:
    """Markdown and text files below a folder in path order, and how many files of each other kind there are.

    Hidden files and folders, and folders reached by a link, are passed over.
    """
    chosen: list[Path] = []
    others: Counter[str] = Counter()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                continue
            if suffix in MARKDOWN + PLAIN_TEXT:
                chosen.append(Path(place) / name)
            else:
                others[suffix or "no ending"] += 1
    return sorted(chosen, key=lambda path: path.relative_to(folder).as_posix()), others


def read(source: Path, options: LoadOptions, rejections: Rejections) -> Iterator[Record]:
    """Stream the passages of every file; a bad file is rejected as a whole."""
    if source.is_dir():
        paths, others = text_files(source)
        root = source
        if others:
            kinds = ", ".join(f"{count} {kind}" for kind, count in others.most_common(5))
            rejections.notes.append(f"{source}: files of other kinds are left out: {kinds}.")
    else:
        paths, root = [source], source.parent
    split = 0
    for path in paths:
        try:
            documents, split_here = _passages(path, path.relative_to(root).as_posix(), options)
        except CorpusError as error:
            rejections.reject(error)
            continue
        split += split_here
        for document in documents:
            yield Record(document, path, None)
    if split:
        rejections.notes.append(
            f"{source}: sentences and code blocks longer than {options.chunking.tokens} tokens, cut: {split}."
        )


def _passages(path: Path, name: str, options: LoadOptions) -> tuple[list[Document], int]:
    """The passages of one file, and how many of its sentences had to be cut."""
    text = _read_text(path)
    metadata: dict[str, str] = {"path": name}
    head, parts = "", [Section((), 0, len(text), False)]
    if path.suffix.lower() in MARKDOWN:
        front = front_matter(text)
        head = front.values.pop("title", "")
        metadata = front.values | metadata
        parts = sections(text, front.end)
    documents: list[Document] = []
    split = 0
    for part in parts:
        headings = part.headings if not head or head in part.headings[:1] else (head, *part.headings)
        chunked = chunk_text(
            text[part.start : part.end],
            tokens=options.chunking.tokens,
            overlap=options.chunking.overlap,
            count_tokens=options.count_tokens,
        )
        split += chunked.split_sentences
        texts = [chunk.text for chunk in chunked.chunks]
        if not texts and part.headings and not part.has_parts:
            texts, headings = [headings[-1]], headings[:-1]  # a heading with nothing below it
        title = " > ".join(headings) or path.stem
        for passage in texts:
            documents.append(Document(f"{name}#{len(documents) + 1}", passage, title, dict(metadata)))
    if not documents:
        raise CorpusError(
            "the file holds no text.",
            path=path,
            remedy="Remove it, or leave bad files out with --skip-bad.",
        )
    return documents, split


def _read_text(path: Path) -> str:
    with open_bytes(path) as stream:
        raw = stream.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        raise CorpusError(
            f"the file is larger than {MAX_FILE >> 20} MiB.", path=path, remedy="Split it into several files."
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise decode_error(error, path, line) from error
