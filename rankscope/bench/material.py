"""Texts to measure with: the sample corpus, and larger collections shuffled from its sentences."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from rankscope.core.documents import Document

__all__ = ["passages_of_words", "sample_documents", "sample_queries", "shuffled_texts"]


def sample_documents(folder: Path) -> list[Document]:
    """The passages of the sample corpus."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [Document(record["_id"], record["text"], record["title"]) for record in records]


def sample_queries(folder: Path) -> list[str]:
    """The texts of its queries."""
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def shuffled_texts(documents: list[Document], count: int, seed: int = 7) -> list[str]:
    """``count`` texts of three to nine sentences drawn from ``documents``: real words, real frequencies."""
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    sentences = [
        sentence
        for document in documents
        for sentence in re.split(r"(?<=[.!?])\s+", document.text)
        if sentence
    ]
    return [" ".join(chance.choices(sentences, k=chance.randint(3, 9))) for _ in range(count)]


def passages_of_words(documents: list[Document], count: int, words: int) -> list[Document]:
    """``count`` passages of about ``words`` words: neighbours joined or cut to size."""
    stream = " ".join(document.text for document in documents).split()
    texts = [" ".join(stream[start : start + words]) for start in range(0, len(stream) - words, words)]
    return [Document(f"p{place}", texts[place % len(texts)]) for place in range(count)]
