"""What recording costs: the service's thread, the writer's rate, and many processes at once.

Run alone with ``python -m rankscope.bench.recording``; every figure is of this machine as it is loaded now.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from rankscope.recorder import Recorder
from rankscope.tracing.store import TraceStore

__all__ = ["RecordingFigures", "measure_processes", "measure_recording"]

CANDIDATES = 100
_REPEATS = 3
"""Paced runs, each with a file of its own; their figures are over the calls of all of them together."""
_Request = tuple[str, list[tuple[str, float]], list[tuple[str, float]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class RecordingFigures:
    """Two stages of 100 candidates and the 100 texts a trace, unless the name says otherwise."""

    import_ms: float
    """Importing ``rankscope.recorder`` in a fresh process, least of five."""
    paced_p50_us: float
    """On the calling thread, per request, at 100 requests a second: over the calls of three runs."""
    paced_p99_us: float
    """Over the same calls, none left out."""
    flooded_p99_us: float
    """Over the calls of one run in which requests come as fast as they can be recorded."""
    sqlite_per_s: float
    """Traces a second that the writer sustains into SQLite, from the first request to the last commit."""
    sqlite_without_texts_per_s: float
    jsonl_per_s: float
    """Into a ``.jsonl`` file."""
    append_per_s: float
    """The floor: ``json.dumps`` of the same facts and a line appended, no recorder."""

    def as_mapping(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


def measure_recording(traces: int = 5000) -> RecordingFigures:
    """Measure everything once; ``traces`` are recorded for each rate."""
    requests = _requests(500)
    with tempfile.TemporaryDirectory(prefix="rankscope-bench-") as name:
        folder = Path(name)
        paced = [
            _call_times(folder / f"paced-{number}.db", requests, calls=500, pause_s=0.01)
            for number in range(_REPEATS)
        ]
        flooded = _call_times(folder / "flooded.db", requests, calls=traces, pause_s=0.0)
        bare: list[_Request] = [(query, found, ranked, {}) for query, found, ranked, _ in requests]
        return RecordingFigures(
            import_ms=min(_import_ms() for _ in range(5)),
            paced_p50_us=_pooled_us(paced, 0.5),
            paced_p99_us=_pooled_us(paced, 0.99),
            flooded_p99_us=_pooled_us([flooded], 0.99),
            sqlite_per_s=_rate(folder / "traces.db", requests, traces),
            sqlite_without_texts_per_s=_rate(folder / "bare.db", bare, traces),
            jsonl_per_s=_rate(folder / "traces.jsonl", requests, traces),
            append_per_s=_append_rate(folder / "plain.jsonl", requests, traces),
        )


def measure_processes(processes: int = 8, traces: int = 5000) -> dict[str, float]:
    """Several processes record into one database while this one reads it as a screen does."""
    with tempfile.TemporaryDirectory(prefix="rankscope-bench-") as name:
        path = Path(name) / "traces.db"
        TraceStore(path).close()
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=_record_many, args=(path, traces)) for _ in range(processes)]
        started = time.perf_counter()
        for worker in workers:
            worker.start()
        pages: list[float] = []
        with TraceStore(path) as store:
            while any(worker.is_alive() for worker in workers):
                at = time.perf_counter()
                store.summaries(50)
                pages.append(time.perf_counter() - at)
                time.sleep(0.05)
            arrived = store.count()
        return {
            "expected": float(processes * traces),
            "arrived": float(arrived),
            "failed_processes": float(sum(worker.exitcode != 0 for worker in workers)),
            "seconds": time.perf_counter() - started,
            "page_p99_ms": _quantile(pages, 0.99) * 1000,
        }


def _record_many(path: Path, traces: int) -> None:
    requests = _requests(200)
    with Recorder(path, on_full="block") as recorder:
        for number in range(traces):
            _record(recorder, requests[number % len(requests)])
    if recorder.stats().written != traces:
        raise SystemExit(1)


def _requests(count: int) -> list[_Request]:
    draw = random.Random(7)  # noqa: S311 - the same requests every time
    words = ["".join(draw.choices("abcdefghij", k=7)) for _ in range(2000)]
    texts = {f"doc-{place:05}": " ".join(draw.choices(words, k=60)) for place in range(5000)}
    made: list[_Request] = []
    for _ in range(count):
        ids = draw.sample(list(texts), CANDIDATES)
        found = [(doc_id, 1 / rank) for rank, doc_id in enumerate(ids, start=1)]
        draw.shuffle(ids)
        ranked = [(doc_id, draw.random()) for doc_id in ids]
        made.append((" ".join(draw.choices(words, k=5)), found, ranked, {key: texts[key] for key in ids}))
    return made


def _record(recorder: Recorder, request: _Request) -> None:
    query, found, ranked, texts = request
    with recorder.trace(query) as trace:
        trace.stage("retrieval", found, score_scale="cosine", ms=12.5, depth=CANDIDATES)
        trace.stage("rerank", ranked, score_scale="probability", ms=112.5)
        trace.documents(texts)
        trace.floor(0.4, "probability")
        trace.outcome("answer", kept=[doc_id for doc_id, _ in ranked[:10]], top_k=10)


def _call_times(path: Path, requests: Sequence[_Request], *, calls: int, pause_s: float) -> list[float]:
    """Seconds on this thread of each call, the queue never full."""
    times: list[float] = []
    with Recorder(path, queue_size=calls) as recorder:
        for number in range(calls):
            started = time.perf_counter()
            _record(recorder, requests[number % len(requests)])
            times.append(time.perf_counter() - started)
            if pause_s:
                time.sleep(pause_s)
    return times


def _rate(path: Path, requests: Sequence[_Request], traces: int) -> float:
    with Recorder(path, on_full="block", queue_size=256) as recorder:
        started = time.perf_counter()
        for number in range(traces):
            _record(recorder, requests[number % len(requests)])
        recorder.flush()
        seconds = time.perf_counter() - started
    assert recorder.stats().written == traces
    return traces / seconds


def _append_rate(path: Path, requests: Sequence[_Request], traces: int) -> float:
    started = time.perf_counter()
    with path.open("a", encoding="utf-8") as file:
        for number in range(traces):
            file.write(json.dumps(requests[number % len(requests)]) + "\n")
    return traces / (time.perf_counter() - started)


def _import_ms() -> float:
    script = "import time; t = time.perf_counter(); import rankscope.recorder; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout) * 1000


def _pooled_us(runs: Sequence[Sequence[float]], share: float) -> float:
    """The quantile of the calls of all runs, in us: a bad run counts with all of its calls."""
    return _quantile([seconds for run in runs for seconds in run], share) * 1e6


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@click.command()
@click.option("--traces", default=5000, show_default=True)
@click.option("--processes", default=8, show_default=True, help="0 leaves out this part.")
def main(traces: int, processes: int) -> None:
    """Print the figures as one JSON document."""
    figures: dict[str, object] = dict(measure_recording(traces).as_mapping())
    if processes:
        figures["processes"] = measure_processes(processes, traces)
    click.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
