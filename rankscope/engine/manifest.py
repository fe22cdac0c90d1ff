"""The manifest of an index: what it was built from, so that it is never used with anything else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rankscope.config import Settings
from rankscope.errors import IndexMismatch, WorkspaceError

__all__ = ["Manifest", "corpus_fingerprint"]

SCHEMA = "rankscope.index/2"
CHUNKED = "text"
"""The source format whose texts are cut; in the others a record is a passage."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Facts about one built index; stored as ``manifest.json`` inside it."""

    created_at: str
    source: str
    """Where the documents came from, as the user gave it."""
    source_format: str
    documents: int
    fingerprint: str
    """Hash over id, content and metadata of every document, in order."""
    bi_encoder: str
    """The setting by which the model was named."""
    bi_encoder_revision: str
    """Identity of the model's weights."""
    bi_encoder_dtype: str
    """As which numbers it ran; empty in a build that takes what the machine does best."""
    dimension: int
    tokenizer: str
    """Version of the BM25 tokenizer's rules."""
    chunking: dict[str, int]
    """How texts were cut into passages, where the source is one of texts."""
    truncated_documents: int
    """Documents whose end the bi-encoder did not read."""
    truncated_tokens: int
    skipped: int = 0
    """Records of the source that were left out on request."""
    example_queries: tuple[str, ...] = ()
    bi_encoder_configuration: str = ""
    """Hash of what else decides the bi-encoder's vectors: pooling, tokenizer, longest input."""
    schema: str = SCHEMA
    load_options: dict[str, Any] | None = None
    """How the source was read, besides the chunking; None in an index that was built before this was kept."""

    def write(self, folder: Path) -> None:
        """Store as ``manifest.json`` in the index folder; one that is in use is replaced at one blow."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        new = folder / "manifest.json.new"
        new.write_text(text + "\n", encoding="utf-8")
        new.replace(folder / "manifest.json")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Load and check the schema. Raises WorkspaceError when the file is absent or of another version."""
        path = folder / "manifest.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA:
                raise WorkspaceError(
                    f"{path}: written by another version ({data['schema']}, this one reads {SCHEMA}).",
                    remedy="Run `rankscope index` again.",
                )
            data["example_queries"] = tuple(data["example_queries"])
            return cls(**data)
        except FileNotFoundError:
            raise  # a build swapped the index between two looks: the caller looks again
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                f"{path}: cannot be read ({error}).", remedy="Run `rankscope index` again."
            ) from error

    def check(self, settings: Settings, tokenizer: str) -> None:
        """Raise IndexMismatch when the settings or this version's tokenizer do not fit the index."""
        if tokenizer != self.tokenizer:
            raise IndexMismatch(
                f"the index was built with version {self.tokenizer} of the BM25 tokenizer, "
                f"this is version {tokenizer}.",
                remedy="Run `rankscope index` again.",
            )
        if settings.models.bi_encoder != self.bi_encoder:
            raise IndexMismatch(
                f"the index was built with the bi-encoder {self.bi_encoder!r}, "
                f"the settings name {settings.models.bi_encoder!r}.",
                remedy="Run `rankscope index` again, or set models.bi_encoder back.",
            )
        wanted = asdict(settings.chunking)
        if self.source_format == CHUNKED and wanted != self.chunking:
            raise IndexMismatch(
                f"the index was cut into passages of {_cut(self.chunking)}, the settings say {_cut(wanted)}.",
                remedy="Run `rankscope index` again, or set [chunking] back.",
            )

    def same_input(self, new: Manifest) -> bool:
        """Whether a new build would give this index again: same documents, models, cuts and rules."""
        names = (
            *("fingerprint", "bi_encoder", "bi_encoder_revision", "bi_encoder_configuration"),
            *("tokenizer", "chunking", "source_format"),
        )
        same = all(getattr(self, name) == getattr(new, name) for name in names)
        return same and new.bi_encoder_dtype in ("", self.bi_encoder_dtype)


def _cut(chunking: dict[str, int]) -> str:
    return f"{chunking.get('tokens')} tokens with an overlap of {chunking.get('overlap')}"


def corpus_fingerprint(rows: Iterable[tuple[str, str, str]]) -> str:
    """SHA-256 over ``(doc_id, content_hash, metadata_json)`` in row order."""
    digest = hashlib.sha256()
    for row in rows:
        for value in row:
            digest.update(value.encode("utf-8", "surrogatepass"))
            digest.update(b"\0")
    return f"sha256:{digest.hexdigest()}"
