"""A file of spans, read whole before any trace is made: the spans of a request may lie anywhere in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rankscope.errors import TraceError
from rankscope.tracing.formats.assemble import file_moment
from rankscope.tracing.formats.identity import TraceIds
from rankscope.tracing.formats.importer import Ignored, Imported, ImportOptions, Outcome, Rejected
from rankscope.tracing.formats.literals import parse_literal
from rankscope.tracing.formats.records import RAW_LIMIT, Record, read_json
from rankscope.tracing.formats.retrieval_span import RetrievalSpan
from rankscope.tracing.formats.span_join import build_trace
from rankscope.tracing.formats.span_requests import Request, TraceBuffer, requests_of
from rankscope.tracing.formats.spans import BrokenSpan, Span, spans_of
from rankscope.tracing.formats.tables import parquet_columns, read_csv, read_parquet
from rankscope.tracing.formats.text_source import suffixes_of
from rankscope.tracing.formats.values import plain
from rankscope.tracing.json_text import to_json_text

__all__ = ["SpanCollector", "SpanImporter", "interpret"]


def interpret(span: Span) -> RetrievalSpan | None:
    """What a span says about retrieval, by whichever convention it follows; None where by none."""
    from rankscope.tracing.formats import openinference, otel_genai, run_tree, trulens

    readers: tuple[Callable[[Span], RetrievalSpan | None], ...] = (
        run_tree.interpret,
        openinference.interpret,
        otel_genai.interpret,
        trulens.interpret,
    )
    return next((found for reader in readers if (found := reader(span)) is not None), None)


class SpanCollector:
    """Takes spans as they come and makes traces of those of a trace id when asked.

    ``format_name`` goes into the ids of the traces, and equal traces are told apart by their number, as a
    file may repeat them. Without it a trace gets the id of the first such trace in a file of its convention,
    however often it is made.
    """

    def __init__(
        self,
        options: ImportOptions | None = None,
        source: dict[str, Any] | None = None,
        format_name: str | None = None,
    ) -> None:
        self._options = options or ImportOptions()
        self._source = source or {}
        self._ids = None if format_name is None else TraceIds(format_name)
        self._buffers: dict[str, TraceBuffer] = {}

    @property
    def trace_ids(self) -> Sequence[str]:
        """Trace ids that have spans here, in order of their first."""
        return tuple(self._buffers)

    def add(self, span: Span) -> str:
        """Take in a span; empty where it is a retrieval or rerank span, else why it makes no stage.

        Exporters that try again send a span twice; the second is told by its id and left out.
        """
        buffer = self._buffers.setdefault(span.trace_id, TraceBuffer(span.trace_id))
        retrieval = interpret(span)
        if span.span_id in buffer.parents:
            return "a span that was sent before"
        buffer.add(span, retrieval)
        return "" if retrieval is not None else "not a retrieval or rerank span"

    def take(self, trace_id: str, fallback: datetime) -> Iterator[Imported | Rejected]:
        """The traces of one trace id; its spans are let go."""
        return self._join(self._buffers.pop(trace_id), fallback)

    def peek(self, trace_id: str, fallback: datetime) -> Iterator[Imported | Rejected]:
        """The traces of the spans of one trace id so far; they stay, and may be completed.

        They are made as they are asked for, which another thread may do while more spans are added here.
        """
        return self._join(self._buffers[trace_id].copy(), fallback)

    def kept_of(self, span: Span) -> tuple[int, int]:
        """Characters and documents that are held of the span added last, beside its attributes."""
        buffer = self._buffers[span.trace_id]
        last = buffer.retrievals[-1] if buffer.retrievals else None
        if last is not None and last.span is span:
            return 0, len(last.outputs or ()) + len(last.inputs)
        texts = (table.get(span.span_id, "") for table in (buffer.inputs, buffer.models))
        return sum(map(len, texts)), 0

    def _join(self, buffer: TraceBuffer, fallback: datetime) -> Iterator[Imported | Rejected]:
        for request in requests_of(buffer):
            line = min(item.span.line for item in request.spans)
            if reason := _useless(request):
                raw = to_json_text(plain({"trace_id": buffer.trace_id, "spans": _shown(request)}))
                yield Rejected(line, reason, raw[:RAW_LIMIT], records=len(request.spans))
                continue
            ids = self._ids or TraceIds(request.spans[0].convention)
            try:
                trace = build_trace(request, ids, self._options, fallback, self._source)
            except TraceError as error:
                yield Rejected(line, error.message, "", records=len(request.spans))
                continue
            yield Imported(trace, records=len(request.spans))


def _useless(request: Request) -> str:
    if request.query or any(item.outputs or item.inputs for item in request.spans):
        return ""
    names = ", ".join(sorted({item.span.name for item in request.spans}))
    return f"retrieval spans ({names:.200}) with neither a query nor documents"


def _shown(request: Request) -> list[dict[str, Any]]:
    return [{"name": item.span.name, **item.span.attributes} for item in request.spans]


class SpanImporter:
    """Base of the span formats: they differ in how they are recognised, not in how they are read."""

    name = "spans"
    unit = "span"
    lacks = "it has neither attributes nor resourceSpans"
    """What is said of a JSON record that holds no span."""

    def records(self, path: Path) -> Iterable[Record]:
        """The file's records before they are taken as spans."""
        if suffixes_of(path) == ".parquet":
            return read_parquet(path)
        if suffixes_of(path) in (".csv", ".tsv"):
            return map(_decoded, read_csv(path))
        return read_json(path)

    def spans_of(self, record: Any, line: int) -> list[Span | BrokenSpan] | None:
        """The spans of one record, None where it is no span of this format."""
        return spans_of(record, line)

    def parquet_has(self, path: Path, starts: tuple[str, ...]) -> bool:
        """Whether the Parquet file has a column that begins with each of these."""
        columns = parquet_columns(path)
        return all(any(column.startswith(start) for column in columns) for start in starts)

    def read(self, path: Path, options: ImportOptions) -> Iterator[Outcome]:
        """Everything in the file: what is no span at once, then the traces."""
        collector = SpanCollector(options, {"file": path.name}, self.name)
        for record in self.records(path):
            if record.blank:
                yield Ignored(record.line, "blank line")
                continue
            if record.error:
                yield Rejected(record.line, record.error, record.raw)
                continue
            spans = self.spans_of(record.value, record.line)
            if spans is None:
                yield Rejected(record.line, f"not a record of {self.name}: {self.lacks}", record.raw)
            elif not spans:
                yield Ignored(record.line, "an envelope without spans")
            for span in spans or ():
                if isinstance(span, BrokenSpan):
                    raw = record.raw if len(spans or ()) == 1 else to_json_text(plain(span.value))
                    yield Rejected(record.line, span.reason, raw[:RAW_LIMIT])
                elif why := collector.add(span):
                    yield Ignored(record.line, why)
        fallback = file_moment(path)
        for trace_id in collector.trace_ids:
            yield from collector.take(trace_id, fallback)


def _decoded(row: Record) -> Record:
    """A table's row with the structures in its cells parsed, and without its empty cells."""
    if row.error or row.value is None:
        return row
    cells = {key: parse_literal(cell) for key, cell in row.value.items() if cell != ""}
    return Record(row.line, cells, row.raw)
