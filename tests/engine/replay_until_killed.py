"""Run as a process: replay all traces of DATABASE in small waves, slowly enough to be killed anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

from rankscope.config import Settings
from rankscope.engine import replay
from rankscope.engine.replay_today import Today
from rankscope.tracing.store import TraceStore
from tests.engine.counting_reranker import CountingReranker


def main() -> None:
    replay._FIRST_WAVE = replay._LARGEST_WAVE = 12
    with TraceStore(Path(sys.argv[1]), create=False) as store:
        today = Today(Settings(), CountingReranker(delay_s=0.001))
        run = replay.Replay(store, replay.replayable_ids(store), today)
        print("ready", flush=True)
        for _ in run.iter_events():
            pass
        print(f"replayed {run.replayed} known {run.known}", flush=True)


if __name__ == "__main__":
    main()
