"""Shared fixtures: a private home, and the sample corpus indexed once with the real models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rankscope.engine.sample import sample_workspace_folder
from rankscope.engine.workspace import Workspace

# Each worker process has its core: more threads than cores would only stand in each other's way. Set before
# torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A loaded machine is no reason to fail: no test here is about how long an example takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """RankScope's data folder for the whole run: tests never touch the user's."""
    home = tmp_path_factory.mktemp("home")
    before = os.environ.get("RANKSCOPE_HOME")
    os.environ["RANKSCOPE_HOME"] = str(home)
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield home
    if before is None:
        del os.environ["RANKSCOPE_HOME"]
    else:
        os.environ["RANKSCOPE_HOME"] = before


@pytest.fixture(scope="session")
def sample_workspace(private_home: Path) -> Iterator[Workspace]:
    """The sample corpus, indexed as on first use; models load when a test first needs them."""
    workspace = Workspace(sample_workspace_folder(), sample=True)
    for _ in workspace.prepare():
        pass
    yield workspace
    workspace.close()
