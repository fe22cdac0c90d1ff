"""Names of models in traces."""

from __future__ import annotations

from pathlib import Path

import pytest

from rankscope.stages.model_name import model_name


def test_a_folder_is_named_without_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tuned").mkdir()
    monkeypatch.chdir(tmp_path / "tuned")
    assert model_name(str(tmp_path / "tuned")) == "tuned"
    assert model_name("../tuned") == "tuned"
    assert model_name(".") == "tuned"
    assert model_name("/srv/models/gone") == "gone"


def test_bundled_and_hub_names_stay() -> None:
    assert model_name("rankscope-ce-small") == "rankscope-ce-small"
    assert model_name("org-of-nobody/some-reranker") == "org-of-nobody/some-reranker"
