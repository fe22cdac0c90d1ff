"""rankscope.toml: every wrong key or value is one line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rankscope.config import Settings, load_settings, settings_from_mapping
from rankscope.errors import SettingsError


def test_an_absent_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "rankscope.toml") == Settings()


def test_keys_replace_defaults(tmp_path: Path) -> None:
    path = tmp_path / "rankscope.toml"
    path.write_text(
        '[retrieval]\ncandidates = 20\nbm25_weight = 2\n[floor]\nvalue = "none"\n', encoding="utf-8"
    )
    settings = load_settings(path)
    assert settings.retrieval.candidates == 20
    assert settings.retrieval.bm25_weight == 2.0
    assert settings.floor.value is None
    assert settings.rerank == Settings().rerank


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[retrival]\nrrf_k = 1", "unknown section"),
        ("[retrieval]\nrrfk = 1", r"unknown key retrieval\.rrfk"),
        ('[retrieval]\nrrf_k = "60"', "expected a whole number"),
        ("[retrieval]\nrrf_k = true", "expected a whole number"),
        ("[rerank]\nenabled = 1", "expected true or false"),
        ("[rerank]\nmodel = 3", "expected text"),
        ("[floor]\nvalue = nan", "expected a finite number"),
        ("[floor]\ntop_k = 0", "expected 1 to"),
        ('[models]\nprecision = "fp8"', "expected one of auto"),
        ('[floor]\nscore_scale = "percent"', "expected one of bm25"),
        ("[retrieval]\nbm25_weight = 0\ndense_weight = 0", "nothing is left to fuse"),
        ("[chunking]\ntokens = 64\noverlap = 64", "must be smaller"),
        ("retrieval = 3", "is not a section"),
        ("[retrieval", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rankscope.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_survive_a_round_trip() -> None:
    settings = Settings().override("floor", value=0.25, source="manual").override("rerank", windows=False)
    assert settings_from_mapping(settings.as_mapping()) == settings


@pytest.mark.parametrize(
    "text",
    [
        "[budget]\ntotal_ms = " + "9" * 400,
        "[budget]\ntotal_ms = -" + "9" * 400,
        "[budget]\ntotal_ms = 1e999",
        "[floor]\nvalue = " + "1" * 310,
        "[floor]\nvalue = nan",
        "[floor]\nvalue = " + "[" * 3000 + "]" * 3000,
        "[floor]\nvalue = " + "[" * 300 + "]" * 300,
        "[retrieval]\ncandidates = " + "9" * 5000,
        "[retrieval]\ncandidates = 0x" + "f" * 4000,
        "[retrieval]\ncandidates = " + "9" * 4000,
        "[retrieval]\nbm25_weight = inf",
        "[models]\ndevice = 0x" + "f" * 4000,
        "a = " + "{a = " * 2000 + "1" + "}" * 2000,
    ],
)
def test_hostile_numbers_and_nesting_end_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rankscope.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"rankscope\.toml: ") as refused:
        load_settings(path)
    assert len(str(refused.value)) < 400
    assert "\n" not in str(refused.value)
