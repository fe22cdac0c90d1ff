"""A workspace whose runs are stored elsewhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rankscope.bench.keys import leaving_no_trace
from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.engine import factory
from rankscope.engine.indexing import IndexBuild
from rankscope.engine.pipeline import _failed
from rankscope.engine.workspace import Workspace
from rankscope.tracing.formats.native import dumps
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


def test_a_trace_names_models_without_the_paths_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HashedEncoder()
    monkeypatch.setattr(factory, "make_encoder", lambda settings: encoder)
    lines = "".join(f"d{number},valve {number}\n" for number in range(20))
    (tmp_path / "c.csv").write_text(f"id,text\n{lines}", encoding="utf-8")
    with closing(Workspace(tmp_path / "w")) as workspace:
        IndexBuild(workspace, tmp_path / "c.csv").run()
        (tmp_path / "tuned").mkdir()
        for folder in (tmp_path / "tuned", tmp_path / "absent"):
            settings = workspace.settings.override("rerank", model=str(folder))
            trace = workspace.pipeline(settings).run(Query("valve"))
            assert str(tmp_path) not in dumps(trace)
            assert trace.pipeline.models["cross_encoder"].name == folder.name
            assert trace.pipeline.settings["rerank"]["model"] == folder.name
            reranked = trace.ranking("rerank")
            assert reranked is not None
            assert reranked.status.startswith("failed:")
            assert folder.name in reranked.status


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("/srv/models/tuned: holds no model.", "failed:tuned: holds no model."),
        ("'C:\\models\\tuned' cannot be read", "failed:'tuned' cannot be read"),
        ("HTTP 500 from http://127.0.0.1:80/v1/rerank", "failed:HTTP 500 from http://127.0.0.1:80/v1/rerank"),
        ("org/model is not on this machine, 3/4 tried", "failed:org/model is not on this machine, 3/4 tried"),
    ],
)
def test_a_failed_stage_says_why_without_paths(reason: str, told: str) -> None:
    assert _failed("rerank", ScoreScale.LOGIT, reason, 10).status == told


def test_an_index_of_another_version_is_outdated_in_the_sample_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HashedEncoder()
    monkeypatch.setattr(factory, "make_encoder", lambda settings: encoder)
    (tmp_path / "c.csv").write_text("id,text\na,one valve\nb,two valves\n", encoding="utf-8")
    IndexBuild(Workspace(tmp_path / "w"), tmp_path / "c.csv").run()
    sample = Workspace(tmp_path / "w", sample=True)
    assert not sample.outdated
    folder = sample.generations.current()
    assert folder is not None
    manifest = folder / "manifest.json"
    text = manifest.read_text(encoding="utf-8").replace("rankscope.index/2", "rankscope.index/1")
    manifest.write_text(text, encoding="utf-8")
    assert sample.outdated
    assert not Workspace(tmp_path / "w").outdated
