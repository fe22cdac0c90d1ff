"""A source on disk to a stream of documents, whatever its format.

Reading is strict unless asked otherwise: the first bad record raises a CorpusError that says where it is,
what was expected and how to mend it. Nothing is kept in memory but the ids, to tell a repeated one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.corpus import beir, csv, jsonl, parquet, text_folder
from rankscope.corpus.lines import open_bytes
from rankscope.corpus.options import LoadOptions
from rankscope.corpus.records import Record, Rejections, clipped
from rankscope.errors import CorpusError, UsageError

__all__ = ["FORMATS", "LoadOptions", "Loading", "load", "sniff_format"]

Reader = Callable[[Path, LoadOptions, Rejections], Iterator[Record]]

FORMATS: dict[str, Reader] = {
    "beir": beir.read,
    "csv": csv.read,
    "jsonl": jsonl.read,
    "parquet": parquet.read,
    "text": text_folder.read,
}
_BY_ENDING = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    **dict.fromkeys((*text_folder.MARKDOWN, *text_folder.PLAIN_TEXT), "text"),
}
_EXPECTED = "Expected a folder of .md and .txt, a BEIR folder, or a .jsonl, .csv or .parquet file."


class Loading:
    """The documents of a source, to be iterated once, and what there is to say about them afterwards."""

    def __init__(self, source: Path, options: LoadOptions) -> None:
        self.source = source
        self.options = options
        self.format = options.format or sniff_format(source)
        self.documents = 0
        """How many were read so far."""
        self._rejections = Rejections(lenient=options.skip_bad)

    @property
    def skipped(self) -> int:
        """Bad records that were left out; 0 unless ``skip_bad`` was asked for."""
        return self._rejections.count

    @property
    def rejected(self) -> list[str]:
        """One line for each record that was left out, the first thousand."""
        return self._rejections.messages

    @property
    def notes(self) -> list[str]:
        """What was left out by rule, such as files of other kinds."""
        return self._rejections.notes

    def __iter__(self) -> Iterator[Document]:
        lines: dict[str, int | None] = {}
        for record in FORMATS[self.format](self.source, self.options, self._rejections):
            document = record.document
            if document.doc_id in lines:
                self._rejections.reject(_repeated(record, lines[document.doc_id]))
                continue
            lines[document.doc_id] = record.line
            self.documents += 1
            yield document
        if self.documents == 0:
            bad = counted(self.skipped, "bad record was", "bad records were")
            left_out = f", {bad} left out" if self.skipped else ""
            raise CorpusError(f"no documents found{left_out}.", path=self.source, remedy=_EXPECTED)


def load(source: Path, options: LoadOptions | None = None) -> Loading:
    """Open a source. Raises CorpusError when its format cannot be told, UsageError for an unknown one."""
    chosen = options or LoadOptions()
    if chosen.format is not None and chosen.format not in FORMATS:
        raise UsageError(f"unknown format {chosen.format!r}.", remedy=f"Known: {', '.join(FORMATS)}.")
    return Loading(source, chosen)


def sniff_format(source: Path) -> str:
    """The format of a source, by its name, else by how it begins."""
    if source.is_dir():
        return _folder_format(source)
    if not source.exists():
        raise CorpusError("there is no such file or folder.", path=source, remedy=_EXPECTED)
    ending = Path(source.name.lower().removesuffix(".gz")).suffix
    known = _BY_ENDING.get(ending)
    if known in ("jsonl", None):
        with open_bytes(source) as stream:
            head = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"[") and ending != ".jsonl":
            raise CorpusError(
                "the file is one JSON array, expected one object a line.",
                path=source,
                remedy=f"Convert it, for example with: jq -c '.[]' {source.name} > corpus.jsonl",
            )
        known = known or (
            "parquet" if head.startswith(b"PAR1") else "jsonl" if head.startswith(b"{") else None
        )
    if known is None:
        raise CorpusError(
            f"its name does not tell the format. {_EXPECTED}",
            path=source,
            remedy=f"Name it with --format: {', '.join(sorted(FORMATS))}.",
        )
    return known


def _folder_format(folder: Path) -> str:
    if beir.corpus_file(folder) is not None:
        return "beir"
    files, others = text_folder.text_files(folder)
    if files:
        return "text"
    found = ", ".join(f"{count} {kind}" for kind, count in others.most_common(5)) or "no files"
    raise CorpusError(
        f"the folder holds no .md, .txt or corpus.jsonl (found: {found}).",
        path=folder,
        remedy="Give one of its .jsonl, .csv or .parquet files.",
    )


def _repeated(record: Record, first: int | None) -> CorpusError:
    before = f", it stands at line {first} already" if first is not None else ""
    return CorpusError(
        f"the id {clipped(record.document.doc_id)} stands twice{before}.",
        path=record.path,
        line=record.line,
        remedy="Give each document an id of its own.",
    )
