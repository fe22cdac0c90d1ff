"""The recorder: what a production service calls to log its rankings as traces.

::

    from rankscope.recorder import Recorder

    recorder = Recorder("/var/lib/search/traces.db", sample_rate=0.1)

    with recorder.trace(query) as trace:
        with trace.stage("retrieval", score_scale="cosine", depth=100) as stage:
            found = index.search(query)
            stage.hits([(hit.id, hit.score) for hit in found])
        ...
        trace.outcome("answer", kept=[hit.id for hit in used])

Importing this takes little of the standard library and nothing else. The calling thread copies references
and puts them in a bounded queue; a background thread makes the trace, redacts and stores it. No failure in
here, of the disk, of the database or of what was passed in, reaches the caller: it is counted, logged
(``rankscope.recorder``) and told to ``on_error``.
"""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from rankscope.tracing import process_hooks
from rankscope.tracing.background import BackgroundQueue, give_way
from rankscope.tracing.drafts import Guard, TraceDraft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from rankscope.core.trace import PipelineInfo, Trace
    from rankscope.tracing.drafts import Content, HitLike
    from rankscope.tracing.record import TraceRecord

__all__ = ["Recorder", "RecorderStats", "Sink"]

_BATCH = 64
_REPORT_S = 30.0
_JSON_LINES = (".jsonl", ".ndjson")


class Sink(Protocol):
    """Where traces go, a batch at a time, from one thread."""

    def write(self, traces: Sequence[Trace]) -> Sequence[Exception | None]:
        """Store traces; the error of each that is not stored, else None."""

    def close(self) -> None:
        """Release what is held; another write may follow."""


class RecorderStats(NamedTuple):
    """What became of the requests of this process so far.

    Once :meth:`Recorder.flush` has returned, and every ``with`` block is left, ``offered`` is the sum of
    ``sampled_out``, ``dropped``, ``written``, ``redacted`` and ``failed``.
    """

    offered: int = 0
    sampled_out: int = 0
    dropped: int = 0
    """Not taken because the queue was full, or the recorder closed."""
    written: int = 0
    redacted: int = 0
    """Left out by the redaction hook."""
    failed: int = 0
    """Not stored, by the trace's fault or the store's."""
    unusable: int = 0
    """Calls that were passed something unusable; the rest of their trace was recorded."""


class Recorder:
    """Logs traces to a SQLite database, or to a JSON-lines file where ``target`` ends in ``.jsonl``.

    ``on_full`` says what happens while the queue is full: ``drop`` counts and reports the trace, ``block``
    makes the caller wait, at most ``block_seconds`` where given. ``redact`` gets each trace, on the
    background thread, and returns what may be stored, or None; a trace whose redaction fails is not stored.
    ``settings``, ``models`` (``{"cross_encoder": {"name": ..., "revision": ...}}``) and ``corpus`` describe
    the service's pipeline, so that a later change of it shows.

    One recorder serves all threads, and goes on in forked children with a thread of its own. Raises
    UsageError for options that cannot be meant; nothing else here raises.
    """

    def __init__(
        self,
        target: os.PathLike[str] | str | Sink,
        *,
        sample_rate: float = 1.0,
        queue_size: int = 4096,
        on_full: Literal["drop", "block"] = "drop",
        block_seconds: float | None = None,
        redact: Callable[[Trace], Trace | None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        corpus: str = "",
        settings: Mapping[str, Any] | None = None,
        models: Mapping[str, Mapping[str, Any]] | None = None,
        exit_seconds: float = 10.0,
    ) -> None:
        _check("sample_rate", sample_rate, 0 <= sample_rate <= 1, "0 to 1")
        _check("queue_size", queue_size, queue_size >= 1, "1 or more")
        _check("on_full", on_full, on_full in ("drop", "block"), "'drop' or 'block'")
        self._target = target
        self._sample_rate = sample_rate
        self._queue_size = queue_size
        self._wait = 0.0 if on_full == "drop" else block_seconds
        self._redact = redact
        self._on_error = on_error
        self._described = (corpus, dict(settings or {}), dict(models or {}))
        self._exit_seconds = exit_seconds
        self._guard = Guard(self._take_note)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(RecorderStats._fields, 0)
        self._reported = dict(self._counts)
        self._report_due = 0.0
        self._last_error = ""
        self._pipeline: PipelineInfo | None = None
        self._sink: Sink | None = None
        self._queue: BackgroundQueue[TraceDraft] = BackgroundQueue(
            self._work, name="rankscope-recorder", limit=self._queue_size, batch=_BATCH, stopped=self._end
        )

    # For the service

    def trace(
        self,
        query: str,
        *,
        filters: Mapping[str, Any] | None = None,
        query_id: str | None = None,
        parent_id: str | None = None,
    ) -> TraceDraft:
        """A request that begins now; leaving its ``with`` block hands it in."""
        self._count("offered")
        sampled = self._sample_rate >= 1 or _chance() < self._sample_rate
        if not sampled:
            self._count("sampled_out")
        draft = TraceDraft(self._guard, query, self._hand_in if sampled else None)
        with self._guard:
            draft.filters = dict(filters or {})
        draft.query_id, draft.parent_id = query_id, parent_id
        return draft

    def record(
        self,
        query: str,
        stages: Mapping[str, Iterable[HitLike]],
        *,
        score_scales: Mapping[str, str] | None = None,
        ms: Mapping[str, float] | None = None,
        documents: Mapping[str, Content] | None = None,
        floor: float | None = None,
        floor_scale: str = "unknown",
        decision: Literal["answer", "refuse"] | None = None,
        kept: Sequence[Any] | None = None,
        top_k: int | None = None,
        filters: Mapping[str, Any] | None = None,
        query_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> str:
        """Record a finished request in one call; ``stages`` in the order in which they ran.

        ``score_scales`` and ``ms`` are by stage. Returns the trace's id, whether or not it is sampled.
        """
        with self.trace(query, filters=filters, query_id=query_id) as draft, self._guard:
            for name, hits in stages.items():
                scale = (score_scales or {}).get(name, "unknown")
                draft.stage(name, hits, score_scale=scale, ms=(ms or {}).get(name))
            if documents:
                draft.documents(documents)
            if floor is not None:
                draft.floor(floor, floor_scale)
            draft.outcome(decision, kept=kept, top_k=top_k)
            draft.noted.update(attributes or {})
        return draft.id

    def stats(self) -> RecorderStats:
        """The counts so far."""
        with self._lock:
            return RecorderStats(**self._counts)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was handed in is stored or counted; False when that took too long."""
        return self._queue.join(timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Flush and end the thread; what is handed in later is counted as dropped."""
        done = self._queue.close(timeout)
        self._report(last=True)
        process_hooks.forget(self)
        return done

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # At the end of a request, on its thread

    def _hand_in(self, draft: TraceDraft) -> None:
        process_hooks.watch(self, writing=True)
        if not self._queue.put(draft, wait=self._wait):
            self._count("dropped")
            self._report()

    def _take_note(self, error: Exception) -> None:
        self._note("unusable", error)
        self._report()

    # On the background thread

    def _work(self, drafts: list[TraceDraft]) -> None:
        try:
            self._store(drafts)
            self._report()
        except Exception as error:  # noqa: BLE001 - the thread lives on; what happened is told
            self._take_note(error)

    def _store(self, drafts: list[TraceDraft]) -> None:
        """Store a batch and count what became of each draft."""
        from rankscope.tracing.draft_builder import build_record

        pipeline = self._described_pipeline()
        sources: list[Callable[[], TraceRecord]] = [
            partial(build_record, draft, pipeline) for draft in drafts
        ]
        if self._redact is not None:
            sources = self._redacted(sources)
        try:
            if self._sink is None:
                self._sink = _sink_for(self._target)
            # SQLite makes rows of records; making traces of them first would double the work.
            write_from = getattr(self._sink, "write_from", None)
            answers = self._write_traces(sources) if write_from is None else write_from(sources)
        except Exception as error:  # noqa: BLE001 - a sink of the service's own may raise anything
            answers = [error] * len(sources)
        for answer in answers:
            if answer is not None:
                self._note("failed", answer)
        self._count("written", sum(answer is None for answer in answers))

    def _redacted(self, sources: list[Callable[[], TraceRecord]]) -> list[Callable[[], TraceRecord]]:
        """Sources of what the hook lets through; the rest is counted here."""
        from rankscope.tracing.record import record_of

        assert self._redact is not None
        passed: list[Callable[[], TraceRecord]] = []
        for place, source in enumerate(sources):
            give_way(place)
            try:
                trace = self._redact(source().whole())
            except Exception as error:  # noqa: BLE001 - the request is counted, its error told
                self._note("failed", error)
                continue
            if trace is None:
                self._count("redacted")
            else:
                passed.append(partial(record_of, trace))
        return passed

    def _write_traces(self, sources: list[Callable[[], TraceRecord]]) -> Sequence[Exception | None]:
        """Write through a sink that takes traces; a draft that gives none is answered by its error."""
        assert self._sink is not None
        answers: list[Exception | None] = [None] * len(sources)
        traces: dict[int, Trace] = {}
        for place, source in enumerate(sources):
            give_way(place)
            try:
                traces[place] = source().whole()
            except Exception as error:  # noqa: BLE001 - becomes the answer for this one
                answers[place] = error
        if traces:
            for place, answer in zip(traces, self._sink.write(list(traces.values())), strict=True):
                answers[place] = answer
        return answers

    def _described_pipeline(self) -> PipelineInfo:
        from rankscope.core.trace import PipelineInfo
        from rankscope.tracing.draft_builder import build_pipeline

        if self._pipeline is None:
            self._pipeline = PipelineInfo()
            with self._guard:
                self._pipeline = build_pipeline(*self._described)
        return self._pipeline

    def _end(self) -> None:
        with self._guard:
            if self._sink is not None:
                self._sink.close()

    # Counting and telling

    def _count(self, what: str, number: int = 1) -> None:
        with self._lock:
            self._counts[what] += number

    def _note(self, what: str, error: Exception) -> None:
        with self._lock:
            self._counts[what] += 1
            self._last_error = str(error) or type(error).__name__
        if self._on_error is not None:
            try:
                self._on_error(error)
            except Exception as fault:  # noqa: BLE001 - the service's callback must not end anything
                with self._lock:
                    self._last_error = f"on_error raised {fault!r:.200}"

    def _report(self, *, last: bool = False) -> None:
        """Log losses, the first at once and then every half minute at most, with the last reason."""
        with self._lock:
            kinds = ("dropped", "failed", "unusable")
            lost = [self._counts[kind] - self._reported[kind] for kind in kinds]
            if not any(lost) or (time.monotonic() < self._report_due and not last):
                return
            self._report_due = time.monotonic() + _REPORT_S
            self._reported = dict(self._counts)
            reason = self._last_error or "the queue was full"
        import logging

        logging.getLogger("rankscope.recorder").warning(
            "%d traces dropped, %d not stored, %d calls unusable; last reason: %s", *lost, reason
        )

    # Called by process_hooks

    def at_exit(self) -> None:
        """Store what waits, within ``exit_seconds``; what is left then is counted and logged."""
        if not self._queue.close(self._exit_seconds):
            self._count("dropped", len(self._queue))
            self._last_error = f"the process ended and storing took over {self._exit_seconds:g} s"
        self._report(last=True)

    def before_fork(self) -> None:
        """Pause the thread between two batches."""
        self._queue.pause(process_hooks.FORK_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Let it go on."""
        self._queue.resume()

    def after_fork_in_child(self) -> None:
        """Start afresh. What waited is the parent's to store."""
        process_hooks.leave_alone(self._sink, self._queue)
        self._reset()


def _check(name: str, value: object, fits: bool, expected: str) -> None:
    if not fits:
        from rankscope.errors import UsageError

        raise UsageError(f"{name} is {value!r}, expected {expected}.")


def _chance() -> float:
    """Uniform in 0 to 1. From the system, because importing random costs milliseconds at start."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)


def _sink_for(target: os.PathLike[str] | str | Sink) -> Sink:
    """Imported here, on the background thread: sqlite3 and json are no part of starting a service."""
    if not isinstance(target, str | os.PathLike):
        return target
    from pathlib import Path

    path = Path(target)
    if path.suffix in _JSON_LINES:
        from rankscope.tracing.jsonl_sink import JsonLinesSink

        return JsonLinesSink(path)
    from rankscope.tracing.sqlite_sink import SqliteSink

    return SqliteSink(path, busy_seconds=30.0)
