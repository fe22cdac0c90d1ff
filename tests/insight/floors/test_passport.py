from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rankscope.core.scales import ScoreScale, logit, sigmoid
from rankscope.core.trace import ModelInfo, PipelineInfo, Trace
from rankscope.errors import InputError
from rankscope.insight.floors.passport import Passport, check, passport_of, passport_of_trace
from tests.insight.floors.scored_traces import MODEL, observed, scored_trace

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SCORES = [0.97, 0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01]
PASSPORT = passport_of_trace(scored_trace("a", SCORES), method="best-f1", created_at=NOW)


def with_model(**changes: object) -> Trace:
    model = replace(MODEL, **changes)  # type: ignore[arg-type]
    return scored_trace("b", SCORES, model=model)


def test_it_names_all_that_made_the_scores() -> None:
    assert (
        Passport(
            score_scale=ScoreScale.PROBABILITY,
            stage="rerank",
            model=MODEL,
            windows=None,
            corpus="sample sha256:def",
            method="best-f1",
            created_at=NOW,
        )
        == PASSPORT
    )
    assert Passport.from_json(json.loads(json.dumps(PASSPORT.as_json()))) == PASSPORT
    assert passport_of(observed({"a": SCORES}), method="best-f1", created_at=NOW) == PASSPORT
    with pytest.raises(InputError, match="passport cannot be read"):
        Passport.from_json({"score_scale": "volts"})
    with pytest.raises(InputError, match="no stage of this trace has scores"):
        passport_of_trace(scored_trace("a", [], rankings=()), method="manual", created_at=NOW)


def test_the_same_pipeline_passes() -> None:
    assert check(PASSPORT, scored_trace("b", SCORES)).verdict == "ok"
    assert check(PASSPORT, scored_trace("b", [])).verdict == "ok"


@pytest.mark.parametrize(
    ("scores", "scale", "stage", "line"),
    [
        ([logit(p) for p in SCORES], ScoreScale.LOGIT, "rerank", "the rerank scores are on the logit scale"),
        (
            [1 / (60 + r) for r in range(9)],
            ScoreScale.RRF,
            "fusion",
            "fusion scores are on the rrf scale",
        ),
        ([sigmoid(p) for p in SCORES], ScoreScale.PROBABILITY, "rerank", "a sigmoid is applied twice"),
        ([logit(p) for p in SCORES], ScoreScale.PROBABILITY, "rerank", "these lie outside 0 to 1"),
    ],
)
def test_another_scale_is_refused_with_one_line(
    scores: list[float], scale: ScoreScale, stage: str, line: str
) -> None:
    found = check(PASSPORT, scored_trace("b", scores, scale=scale, stage=stage))
    assert found.verdict == "refuse"
    assert line in found.line
    assert found.line.startswith("the floor was fitted on rerank scores on the probability scale, but ")
    assert "\n" not in found.line


def test_a_floor_on_logits_is_refused_on_probabilities_that_call_themselves_logits() -> None:
    trace = scored_trace("a", [logit(p) for p in SCORES], scale=ScoreScale.LOGIT)
    passport = passport_of_trace(trace, method="manual", created_at=NOW)
    assert check(passport, trace).verdict == "ok"
    assert check(passport, scored_trace("b", SCORES, scale=ScoreScale.LOGIT)).verdict == "refuse"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "other"}, "name tiny-reranker, now other"),
        ({"revision": "sha256:9"}, "revision sha256:1234, now sha256:9"),
        ({"activation": "identity"}, "activation sigmoid, now identity"),
        ({"max_length": 256}, "max length 512, now 256"),
        ({"dtype": "bf16"}, "fitted in fp32, these scores are in bf16"),
    ],
)
def test_another_model_is_warned_of(changes: dict[str, object], words: str) -> None:
    found = check(PASSPORT, with_model(**changes))
    assert found.verdict == "warn"
    assert words in found.line


def test_windows_and_corpus_are_compared_where_both_are_known() -> None:
    def info(windows: bool, corpus: str) -> PipelineInfo:
        settings = {"rerank": {"windows": windows}}
        return PipelineInfo(corpus=corpus, settings=settings, models={"cross_encoder": MODEL})

    on = scored_trace("a", SCORES, pipeline=info(True, "c sha256:1"))
    passport = passport_of_trace(on, method="manual", created_at=NOW)
    assert passport.windows is True
    off = scored_trace("b", SCORES, pipeline=info(False, "c sha256:1"))
    assert "windows on, now off" in check(passport, off).line
    grown = scored_trace("b", SCORES, pipeline=info(True, "c sha256:2"))
    assert "another corpus" in check(passport, grown).line
    bare = scored_trace("b", SCORES, pipeline=PipelineInfo(models={"cross_encoder": ModelInfo(MODEL.name)}))
    assert check(passport, bare).verdict == "ok"  # what is not stated is not held against it


def test_another_stage_on_the_same_scale_is_warned_of() -> None:
    found = check(PASSPORT, scored_trace("b", SCORES, stage="other"))
    assert (found.verdict, found.line.endswith("these scores come from other.")) == ("warn", True)
