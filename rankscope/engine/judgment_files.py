"""Judgments between files and the store: TREC and BEIR qrels, and Quepid's CSV."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

from rankscope.corpus.judgments_io import beir_query_files, read_qrels, read_queries
from rankscope.corpus.quepid_csv import read_quepid, write_quepid
from rankscope.errors import InputError, UsageError
from rankscope.tracing.judgment_log import JudgmentLog, NewJudgment

__all__ = ["FORMATS", "Grades", "Imported", "export_judgments", "import_judgments"]

Format = Literal["trec", "beir", "quepid"]
FORMATS: tuple[Format, ...] = ("trec", "beir", "quepid")
Grades = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file's judgments."""

    path: Path
    added: int
    unchanged: int
    """Those that the judge had given already."""
    unrated: int
    """Rows without a rating."""
    by_text: int
    """Queries that are stored by their text; the others by their id."""
    queries: int


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file holds."""

    grades: Grades
    unrated: int
    texts: Mapping[str, str]
    """By query id; empty where nothing tells."""
    by_text: int


def import_judgments(
    log: JudgmentLog,
    paths: Sequence[Path],
    judge: str | None = None,
    *,
    form: Format | None = None,
    queries: Path | None = None,
) -> list[Imported]:
    """Store the files' judgments as those of ``judge``, all of them or none; again adds only what is new.

    Each of ``paths`` is TREC or BEIR qrels, a BEIR folder, or Quepid's CSV; without ``judge`` its name is
    the judge. Where the texts of the queries are known (``queries``, or the folder's own) the judgments are
    stored by text, so that they count for live queries, which have no id. All files are read before
    anything is stored. Raises CorpusError for the first bad line.
    """
    files = [(path, judge or path.resolve().name, _read(path, form, queries)) for path in paths]
    standing = {(item.judge, item.query, item.doc_id): item.grade for item in log.standing()}
    new: list[NewJudgment] = []
    done: list[Imported] = []
    for path, name, read in files:
        added = unchanged = 0
        for query_id, known in read.grades.items():
            query = read.texts.get(query_id, query_id)
            for doc_id, grade in known.items():
                key = (name, query, doc_id)
                if standing.get(key) == grade:
                    unchanged += 1
                else:
                    standing[key] = grade
                    new.append(NewJudgment(query, doc_id, grade, name))
                    added += 1
        done.append(Imported(path, added, unchanged, read.unrated, read.by_text, len(read.grades)))
    log.append_many(new)
    return done


def _read(path: Path, form: Format | None, queries: Path | None) -> _Read:
    if path.is_dir():
        files = beir_query_files(path)
        if files is None:
            raise InputError(
                "no queries.jsonl with qrels/test.tsv is in it.", path=path, remedy="Name a file."
            )
        queries, path = queries or files[0], files[1]
    texts = {item.query_id: item.query.text for item in read_queries(queries)} if queries else {}
    if form == "quepid" or (form is None and path.suffix.lower() == ".csv"):
        grades, unrated = read_quepid(path)
        return _Read(grades, unrated, texts, len(grades))
    found = read_qrels(path)
    return _Read(found, 0, texts, sum(query_id in texts for query_id in found))


def export_judgments(
    grades: Grades,
    target: Path,
    form: Format,
    *,
    ids: Mapping[str, str] | None = None,
    force: bool = False,
) -> list[Path]:
    """Write judgments; returns the files that were made. Each is whole at every moment.

    ``ids`` are query ids by text; a query without one gets ``q1``, ``q2`` ... A BEIR ``target`` is a folder
    (``queries.jsonl`` and ``qrels/test.tsv``), the others are files; beside TREC qrels the texts stand in
    ``TARGET.queries.tsv``. Raises UsageError when nothing is judged or, without ``force``, a file exists;
    InputError for an id that a format cannot hold. Nothing is written then.
    """
    if not grades:
        raise UsageError("nothing is judged yet.", remedy="Judge some queries, or import judgments.")
    contents = _contents(grades, target, form, ids or {})
    for path in contents:
        if path.is_dir():
            raise UsageError(f"{path} is a folder.", remedy="Name a file.")
        if not force and (path.exists() or path.is_symlink()):
            raise UsageError(f"{path} exists.", remedy="Name another target, or add --force.")
    _replace_all(contents)
    return list(contents)


def _contents(grades: Grades, target: Path, form: Format, ids: Mapping[str, str]) -> dict[Path, str]:
    """The text of each file."""
    if form == "quepid":
        table = io.StringIO(newline="")
        write_quepid(grades, table)
        return {target: table.getvalue()}
    named = _named(grades, ids)
    mark = " " if form == "trec" else "\t"
    lines = [] if form == "trec" else ["query-id\tcorpus-id\tscore"]
    for query, known in grades.items():
        for doc_id, grade in known.items():
            words = (
                [named[query], "0", doc_id, str(grade)]
                if form == "trec"
                else [named[query], doc_id, str(grade)]
            )
            lines.append(mark.join(_word(word, form) for word in words))
    texts = target.with_name(f"{target.name}.queries.tsv") if form == "trec" else target / "queries.jsonl"
    qrels = target if form == "trec" else target / "qrels" / "test.tsv"
    return {
        qrels: "\n".join(lines) + "\n",
        texts: "".join(_query_line(named[query], query, form) for query in grades),
    }


def _replace_all(contents: Mapping[Path, str]) -> None:
    """Write every file beside its place, then move them all there."""
    staged: list[tuple[Path, Path]] = []
    try:
        for path, text in contents.items():
            place = path.resolve()  # a link stays a link
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{place.name}.{uuid4().hex}.tmp")
            staged.append((temporary, place))
            with temporary.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if place.exists():
                temporary.chmod(place.stat().st_mode & 0o7777)
        for temporary, place in staged:
            temporary.replace(place)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _named(grades: Grades, ids: Mapping[str, str]) -> dict[str, str]:
    """An id for each query, none twice; one that is a single word already is its own."""
    named: dict[str, str] = {}
    taken = set(ids.values())
    number = 0
    for query in grades:
        name = ids.get(query) or (query if query.split() == [query] else "")
        while not name or (name in taken and ids.get(query) != name):
            number += 1
            name = f"q{number}"
        taken.add(name)
        named[query] = name
    return named


def _query_line(query_id: str, text: str, form: Format) -> str:
    if form == "beir":
        return json.dumps({"_id": query_id, "text": text}, ensure_ascii=False) + "\n"
    return f"{query_id}\t{' '.join(text.split())}\n"


def _word(text: str, form: Format) -> str:
    """An id as the format holds it: without the mark that parts its columns, and without line breaks."""
    if not text or (text.split() != [text] if form == "trec" else any(mark in text for mark in "\t\r\n")):
        raise InputError(
            f"the id {text!r:.80} cannot stand in {form.upper()} qrels.", remedy="Export as quepid instead."
        )
    return text
