"""The stored floor in a running pipeline: its passport travels in the trace, and guards it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rankscope.config import FloorSettings, load_settings
from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale, logit, sigmoid
from rankscope.core.trace import Floor, PipelineInfo, Trace
from rankscope.engine.checking import CheckPlan
from rankscope.engine.factory import build_pipeline
from rankscope.engine.floors import floor_state, passport_in_force, set_floor, stored_passports
from rankscope.engine.pipeline import finish
from rankscope.engine.workspace import Workspace
from rankscope.errors import InputError
from rankscope.insight.floors.passport import ATTRIBUTE, Passport, passport_in, passport_of_trace
from rankscope.tracing.floor_log import FloorLog
from rankscope.tracing.formats.native import dumps, loads
from tests.insight.floors.scored_traces import MODEL, scored_trace

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SCORES = [0.97, 0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01]
PASSPORT = passport_of_trace(scored_trace("a", SCORES), method="best-f1", created_at=NOW)
FLOOR = Floor(0.5, ScoreScale.PROBABILITY, "fitted:best-f1")


def guarded(scores: list[float], scale: ScoreScale = ScoreScale.PROBABILITY, stage: str = "rerank") -> Trace:
    trace = scored_trace("b", scores, scale=scale, stage=stage, floor=FLOOR)
    return finish(replace(trace, attributes={ATTRIBUTE: PASSPORT.as_json()}))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace in which 0.5 was stored, as best-f1 suggested it."""
    (tmp_path / "rankscope.toml").write_text("[floor]\ntop_k = 5\n", encoding="utf-8")
    opened = Workspace(tmp_path)
    log = FloorLog(opened.traces_path)
    facts = PASSPORT.as_json()
    set_floor(opened, log, 0.5, ScoreScale.PROBABILITY, "best-f1", replaces=None, passport=facts, evidence={})
    return opened


def test_scores_of_the_same_model_are_held_to_the_floor() -> None:
    trace = guarded(SCORES)
    assert trace.kept == ("b-1", "b-2", "b-3")
    assert not trace.attributes.keys() & {"floor_not_applied", "floor_warning"}
    assert passport_in(loads(dumps(trace))) == PASSPORT


@pytest.mark.parametrize(
    ("scores", "scale", "stage", "words"),
    [
        ([logit(p) for p in SCORES], ScoreScale.LOGIT, "rerank", "the rerank scores are on the logit scale"),
        (
            [1 / (61 + r) for r in range(9)],
            ScoreScale.RRF,
            "fusion",
            "the fusion scores are on the rrf scale",
        ),
        (
            [sigmoid(p) for p in SCORES],
            ScoreScale.PROBABILITY,
            "rerank",
            "as when a sigmoid is applied twice",
        ),
        ([logit(p) for p in SCORES], ScoreScale.PROBABILITY, "rerank", "these lie outside 0 to 1"),
    ],
)
def test_scores_of_another_scale_are_refused_with_one_line(
    scores: list[float], scale: ScoreScale, stage: str, words: str
) -> None:
    trace = guarded(scores, scale, stage)
    line = trace.attributes["floor_not_applied"]
    assert words in line
    assert "\n" not in line
    assert trace.kept == tuple(f"b-{rank}" for rank in range(1, 10))  # K alone cuts
    found = CheckPlan().check(trace).findings
    assert "RS502" in {finding.code for finding in found}


def test_another_model_is_warned_of_and_the_floor_is_applied() -> None:
    trace = guarded(SCORES)
    other = replace(MODEL, revision="sha256:9")
    again = finish(replace(trace, pipeline=PipelineInfo(models={"cross_encoder": other})))
    assert "revision sha256:1234, now sha256:9" in again.attributes["floor_warning"]
    assert again.kept == trace.kept
    (finding,) = [item for item in CheckPlan().check(again).findings if item.code == "RS503"]
    assert finding.severity == "error"
    # Back on its own model, the note is gone.
    assert "floor_warning" not in finish(replace(again, pipeline=trace.pipeline)).attributes


def test_windows_are_a_warning_of_their_own() -> None:
    passport = replace(PASSPORT, windows=True)
    info = PipelineInfo(settings={"rerank": {"windows": False}}, models={"cross_encoder": MODEL})
    trace = scored_trace("b", SCORES, floor=FLOOR, pipeline=info, attributes={ATTRIBUTE: passport.as_json()})
    (finding,) = [item for item in CheckPlan().check(trace).findings if item.code == "RS503"]
    assert (finding.severity, "windows on, now off" in finding.message) == ("warning", True)


def test_a_live_pipeline_takes_the_stored_floor_and_its_passport(
    workspace: Workspace, sample_workspace: Workspace
) -> None:
    settings = load_settings(workspace.folder / "rankscope.toml")
    passport = passport_in_force(workspace.traces_path, settings.floor)
    assert passport == PASSPORT
    wired = build_pipeline(sample_workspace.parts(), settings, "sample", passport)
    trace = wired.run(Query("ibuprofen dosage for children"))
    assert trace.floor == FLOOR
    assert "fitted on another model: name tiny-reranker" in trace.attributes["floor_warning"]
    assert "RS503" in {finding.code for finding in trace.findings}
    without = replace(settings, rerank=replace(settings.rerank, enabled=False))
    fused = build_pipeline(sample_workspace.parts(), without, "sample", passport).run(Query("ibuprofen"))
    assert "the fusion scores are on the rrf scale" in fused.attributes["floor_not_applied"]
    assert "RS502" in {finding.code for finding in fused.findings}


def test_a_floor_that_was_moved_since_has_no_passport(workspace: Workspace) -> None:
    path = workspace.traces_path
    assert passport_in_force(path, FloorSettings(value=0.5, source="fitted:best-f1")) == PASSPORT
    assert passport_in_force(path, FloorSettings(value=0.55, source="manual")) is None
    assert passport_in_force(path, FloorSettings(value=0.5, source="default")) is None
    assert passport_in_force(path, FloorSettings(value=None, source="manual")) is None
    assert passport_in_force(path.with_name("none.db"), FloorSettings(value=0.5, source="manual")) is None


def test_checking_stored_traces_knows_what_every_stored_floor_was_fitted_on(workspace: Workspace) -> None:
    log = FloorLog(workspace.traces_path)
    newer = replace(PASSPORT, model=replace(MODEL, max_length=256))
    set_floor(
        workspace,
        log,
        0.6,
        ScoreScale.PROBABILITY,
        "manual",
        replaces=log.last_number(),
        passport=newer.as_json(),
        evidence={},
    )
    passports = stored_passports(workspace.traces_path)
    assert passports == {FLOOR: PASSPORT, Floor(0.6, ScoreScale.PROBABILITY, "manual"): newer}
    plan = CheckPlan(passports=passports)

    def codes(floor: Floor) -> set[str]:
        return {item.code for item in plan.check(scored_trace("b", SCORES, floor=floor)).findings}

    assert "RS503" not in codes(FLOOR)
    assert "RS503" in codes(Floor(0.6, ScoreScale.PROBABILITY, "manual"))
    assert "RS503" not in codes(Floor(0.6, ScoreScale.PROBABILITY, "default"))


def test_a_passport_that_cannot_be_read_stops_the_run_with_one_line() -> None:
    broken = {**PASSPORT.as_json(), "created_at": "yesterday"}
    with pytest.raises(InputError, match="Set the floor again"):
        finish(scored_trace("b", SCORES, floor=FLOOR, attributes={ATTRIBUTE: broken}))
    assert Passport.from_json(PASSPORT.as_json()) == PASSPORT


def test_a_crash_between_the_log_and_the_settings_loses_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    log, path = FloorLog(workspace.traces_path), workspace.folder / "rankscope.toml"
    before = path.read_text(encoding="utf-8")
    facts = PASSPORT.as_json()

    def store() -> None:
        last = log.last_number()
        set_floor(
            workspace, log, 0.6, ScoreScale.PROBABILITY, "manual", replaces=last, passport=facts, evidence={}
        )

    with monkeypatch.context() as patched:
        patched.setattr("rankscope.engine.floors.write_settings", killed)
        with pytest.raises(KeyboardInterrupt):
            store()
    assert [entry.value for entry in log.history()] == [0.6, 0.5]
    assert path.read_text(encoding="utf-8") == before
    # What was stored before stays in force with its passport; the difference is told, storing again mends it.
    settings = load_settings(path).floor
    assert settings.value == 0.5
    assert passport_in_force(workspace.traces_path, settings) == PASSPORT
    assert not floor_state(workspace, log).agrees
    store()
    assert floor_state(workspace, log).agrees
    assert passport_in_force(workspace.traces_path, load_settings(path).floor) == PASSPORT
