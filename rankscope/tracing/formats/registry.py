"""The formats that can be imported, by name or by how the file starts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rankscope.errors import InputError, TraceError, UsageError
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.importer import Ignored, Imported, Importer, ImportOptions, Outcome, Rejected
from rankscope.tracing.formats.records import RAW_LIMIT
from rankscope.tracing.formats.text_source import has_undecoded, read_lines

__all__ = ["format_names", "importer_named", "sniff"]

_SURE = 0.3


class Native:
    """RankScope's own JSONL, record by record: one broken line does not stop the rest."""

    name = "native"
    unit = "line"

    def sniff(self, head: Head) -> float:
        share = head.share(lambda item: str(item.get("schema", "")).startswith("rankscope.trace/"))
        return 1.0 if share >= 0.2 else 0.0

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:  # noqa: ARG002 - it says it all
        from rankscope.tracing.formats import native

        for number, raw in read_lines(path):
            if not raw.strip():
                yield Ignored(number, "blank line")
                continue
            if has_undecoded(raw):
                yield Rejected(number, "not valid UTF-8", raw[:RAW_LIMIT])
                continue
            try:
                yield Imported(native.loads(raw))
            except TraceError as error:
                yield Rejected(number, str(error), raw[:RAW_LIMIT])


@cache
def _importers() -> dict[str, Importer]:
    from rankscope.tracing.formats.langfuse import Langfuse
    from rankscope.tracing.formats.langsmith import LangSmith
    from rankscope.tracing.formats.openinference import OpenInference
    from rankscope.tracing.formats.otel_genai import OtelGenAi
    from rankscope.tracing.formats.rankllm import RankLlm
    from rankscope.tracing.formats.score_maps import Beir, Ranx
    from rankscope.tracing.formats.trec import TrecRun
    from rankscope.tracing.formats.trulens import TruLens

    known: list[Importer] = [Native(), OpenInference(), OtelGenAi(), Langfuse(), LangSmith(), TruLens()]
    known += [TrecRun(), Ranx(), RankLlm(), Beir()]
    return {importer.name: importer for importer in known}


def format_names() -> list[str]:
    """Names of the formats, as ``--format`` takes them."""
    return list(_importers())


def importer_named(name: str) -> Importer:
    """The importer of a format. Raises UsageError that lists the names."""
    found = _importers().get(name)
    if found is None:
        raise UsageError(f"no format is called {name!r:.60}.", remedy=f"Known: {', '.join(_importers())}.")
    return found


def sniff(path: Path) -> Importer | None:
    """The importer that is surest of the file, None where none is. Raises InputError for an empty file."""
    if path.is_dir():
        raise InputError("is a folder, expected a file.", path=path)
    head = Head(path)
    if not head.start.strip():
        raise InputError("the file is empty.", path=path)
    best = max(_importers().values(), key=lambda importer: importer.sniff(head))
    return best if best.sniff(head) >= _SURE else None
