"""``rankscope listen``: take spans over OTLP/HTTP and store the retrieval and rerank ones as traces."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from rankscope.cli.traces import print_json, traces_path
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.errors import UsageError

if TYPE_CHECKING:
    from rankscope.core.trace import Ranking, Trace
    from rankscope.tracing.otlp.body import Posted
    from rankscope.tracing.otlp.receiver import Receiver
    from rankscope.tracing.otlp.server import OtlpServer
    from rankscope.tracing.otlp.waiting import Counts

__all__ = ["command"]

_MIB = 1024 * 1024


@click.command(name="listen")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4318, show_default=True, help="Port; 0 picks one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--allow-remote", is_flag=True, help="Take an address that other machines can reach.")
@click.option(
    "--max-body", type=click.IntRange(1, 1024), default=16, show_default=True, help="Longest body, MiB."
)
@click.option(
    "--quiet-time", type=click.FloatRange(0.1), default=10.0, show_default=True,
    help="Seconds without a span after which a trace whose root never came is stored.",
)  # fmt: skip
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="Trace database to store into.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts at the end as one JSON document.")
@click.pass_obj
def command(
    workspace: str | None,
    port: int,
    host: str,
    allow_remote: bool,
    max_body: int,
    quiet_time: float,
    db: Path | None,
    as_json: bool,
) -> None:
    """Listen for spans of an instrumented application and store its retrieval and rerank traces as they come.

    Point an OTLP/HTTP exporter (protobuf or JSON, plain or gzip) at http://127.0.0.1:4318/v1/traces. The
    spans of one request are joined once its root span has come. Ctrl-C stores what still waits.

    \b
    Example:
      rankscope listen
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces python my_app.py
    """
    from rankscope.engine.checking import plan_for
    from rankscope.engine.examined_store import ExaminedStore
    from rankscope.engine.workspace import find_workspace
    from rankscope.tracing.otlp.body import require_packages
    from rankscope.tracing.otlp.receiver import Receiver
    from rankscope.tracing.otlp.server import Bounds, OtlpServer, is_loopback
    from rankscope.tracing.otlp.waiting import Limits
    from rankscope.tracing.store import TraceStore

    if not is_loopback(host) and not allow_remote:
        raise UsageError(
            f"{host!r:.80} can be reached from other machines, and the endpoint has no login.",
            remedy="Listen at 127.0.0.1, or add --allow-remote.",
        )
    require_packages()
    path = traces_path(workspace, db)
    with _stopped_by_signal() as stop, TraceStore(path) as store:
        lines = _Lines(stop, to_stderr=as_json)
        receiver = Receiver(
            ExaminedStore(store, plan_for(find_workspace(workspace), traces_path=path)),
            on_stored=lines.stored,
            on_problem=lines.problem,
            limits=Limits(quiet_s=quiet_time),
        )
        with OtlpServer(
            host, port, _offer_to(receiver), refused=receiver.refuse, bounds=Bounds(max_body * _MIB)
        ) as server:
            _serve(server, receiver, stop, f"Listening at {server.url}; traces go to {path}. Ctrl-C ends.")
    counts = receiver.counts
    if as_json:
        print_json(asdict(counts))
    click.echo("\n".join(_count_lines(counts)), err=True)
    if counts.failed_traces:
        sys.exit(1)


def _offer_to(receiver: Receiver) -> Callable[[Posted], bool]:
    """What the server hands each post to."""

    def offer(posted: Posted) -> bool:
        return receiver.offer(posted.spans, len(posted.rejected), {"received": "otlp"})

    return offer


def _serve(server: OtlpServer, receiver: Receiver, stop: threading.Event, opening: str) -> None:
    """Serve until told to stop, then store what waits."""
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    receiver.start()
    serving.start()
    click.echo(one_line(opening), err=True)
    try:
        # A wait without end could not be interrupted on every platform.
        while not stop.wait(0.5):
            pass
    finally:
        server.shutdown()
        receiver.close()


@contextmanager
def _stopped_by_signal() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one acts as ever."""
    stop = threading.Event()
    names = [signal.SIGINT, signal.SIGTERM]
    before = {name: signal.getsignal(name) for name in names}

    def asked(number: int, frame: FrameType | None) -> None:
        del frame
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for name in names:
        signal.signal(name, asked)
    try:
        yield stop
    finally:
        for name in names:
            signal.signal(name, before[name])


class _Lines:
    """A line for each stored trace; a reader that went away ends the listening."""

    def __init__(self, stop: threading.Event, *, to_stderr: bool) -> None:
        self._stop = stop
        self._to_stderr = to_stderr

    def stored(self, trace: Trace, completed: bool) -> None:
        """Say what was stored."""
        self._say(_trace_line(trace, completed), err=self._to_stderr)

    def problem(self, line: str) -> None:
        """Say what was not."""
        self._say(one_line(f"not stored: {line}", 400), err=True)

    def _say(self, line: str, *, err: bool) -> None:
        try:
            click.echo(line, err=err)
        except OSError:
            self._stop.set()


def _trace_line(trace: Trace, completed: bool) -> str:
    stages = " · ".join(_stage(ranking) for ranking in trace.rankings)
    note = "  (completes one stored before)" if completed else ""
    query = one_line(trace.query.text, 60) or "(no query)"
    return f"{one_line(trace.trace_id, 36)}  {one_line(stages, 70)}  {query}{note}"


def _stage(ranking: Ranking) -> str:
    ms = "" if ranking.ms is None else f" {ranking.ms:.0f} ms"
    status = "" if ranking.status == "ok" else f" {one_line(ranking.status, 40)}"
    return f"{ranking.stage} {len(ranking.hits)}{ms}{status}"


def _count_lines(counts: Counts) -> list[str]:
    """The counts, the plain ones in a line, the odd ones only where there are any."""
    lines = [
        f"{counted(counts.posts, 'post')}, {counted(counts.spans, 'span')}, {counts.retrieval_spans:,} of "
        f"them retrieval or rerank; {counted(counts.traces, 'trace')} stored, {counts.known_traces:,} stored "
        "before"
    ]
    odd = (
        (counts.refused_posts, "post", "posts", "refused"),
        (counts.repeated_spans, "span", "spans", "sent before"),
        (counts.broken_spans, "span that is none", "spans that are none", ""),
        (counts.completed_traces, "trace", "traces", "replaced by a fuller one when late spans came"),
        (counts.useless_traces, "request", "requests", "with neither a query nor documents"),
        (counts.stored_early, "trace", "traces", "stored before the rest could come, for want of room"),
        (counts.failed_traces, "trace", "traces", "that could not be stored"),
    )
    return lines + [
        f"  {counted(count, one, many)} {what}".rstrip() for count, one, many, what in odd if count
    ]
