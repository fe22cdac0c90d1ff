"""Run as a process: index SOURCE into WORKSPACE in small batches, slowly enough to be killed anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

from rankscope.engine import factory, indexing
from rankscope.engine.workspace import Workspace
from tests.engine.hashed_encoder import HashedEncoder


def main() -> None:
    source, folder = map(Path, sys.argv[1:3])
    indexing._EMBED_BATCH = 10
    encoder = HashedEncoder(delay_s=0.002)
    factory.make_encoder = lambda settings: encoder
    print("ready", flush=True)
    report = indexing.IndexBuild(Workspace(folder), source).run()
    print(f"embedded {report.embedded}", flush=True)


if __name__ == "__main__":
    main()
