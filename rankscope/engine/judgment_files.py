"""Judgments between files and the store: TREC and BEIR qrels, and Quepid's CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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


def import_judgments(
    log: JudgmentLog, path: Path, judge: str, *, form: Format | None = None, queries: Path | None = None
) -> Imported:
    """Store a file's judgments as those of ``judge``, all of them or none; again adds only what is new.

    ``path`` is TREC or BEIR qrels, a BEIR folder, or Quepid's CSV. Where the texts of the queries are known
    (``queries``, or the folder's own) the judgments are stored by text, so that they count for live queries,
    which have no id. Raises CorpusError for the first bad line.
    """
    grades, unrated, texts = _read(path, form, queries)
    standing = {(item.query, item.doc_id): item.grade for item in log.standing() if item.judge == judge}
    new: list[NewJudgment] = []
    unchanged = 0
    for query_id, known in grades.items():
        query = texts.get(query_id, query_id)
        for doc_id, grade in known.items():
            if standing.get((query, doc_id)) == grade:
                unchanged += 1
            else:
                new.append(NewJudgment(query, doc_id, grade, judge))
    log.append_many(new)
    by_text = sum(query_id in texts for query_id in grades) if form != "quepid" else len(grades)
    return Imported(path, len(new), unchanged, unrated, by_text, len(grades))


def _read(path: Path, form: Format | None, queries: Path | None) -> tuple[Grades, int, dict[str, str]]:
    """Grades, unrated rows, and texts by query id."""
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
        return grades, unrated, texts
    return read_qrels(path), 0, texts


def export_judgments(
    grades: Grades, target: Path, form: Format, *, ids: Mapping[str, str] | None = None
) -> list[Path]:
    """Write judgments; returns the files that were made.

    ``ids`` are query ids by text; a query without one gets ``q1``, ``q2`` ... A BEIR ``target`` is a folder
    (``queries.jsonl`` and ``qrels/test.tsv``), the others are files; beside TREC qrels the texts stand in
    ``TARGET.queries.tsv``. Raises UsageError when nothing is judged, InputError for an id that a format
    cannot hold.
    """
    if not grades:
        raise UsageError("nothing is judged yet.", remedy="Judge some queries, or import judgments.")
    if form == "quepid":
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as file:
            write_quepid(grades, file)
        return [target]
    named = _named(grades, ids or {})
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
    qrels.parent.mkdir(parents=True, exist_ok=True)
    qrels.write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts.write_text("".join(_query_line(named[query], query, form) for query in grades), encoding="utf-8")
    return [qrels, texts]


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
