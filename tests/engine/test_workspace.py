"""A workspace whose runs are stored elsewhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rankscope.bench.keys import leaving_no_trace
from rankscope.core.documents import Query
from rankscope.engine import factory
from rankscope.engine.indexing import IndexBuild
from rankscope.engine.workspace import Workspace
from tests.engine.hashed_encoder import HashedEncoder


def test_measured_runs_are_not_stored_among_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HashedEncoder()
    monkeypatch.setattr(factory, "make_encoder", lambda settings: encoder)
    (tmp_path / "c.csv").write_text("id,text\na,one valve\nb,two valves\n", encoding="utf-8")
    user = Workspace(tmp_path / "w")
    IndexBuild(user, tmp_path / "c.csv").run()
    (tmp_path / "elsewhere").mkdir()
    with closing(leaving_no_trace(user, tmp_path / "elsewhere")) as measured:
        settings = measured.settings.override("rerank", enabled=False)
        measured.traces.append(measured.pipeline(settings).run(Query("valve")))
        measured.traces.flush()
        assert measured.traces.count() == 1
    assert not user.traces_path.exists()
    user.close()
