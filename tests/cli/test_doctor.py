"""``rankscope doctor``: all well on the sample corpus, and each kind of damage is found with its mend."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from click.testing import CliRunner

from rankscope.cli.health import check_database, check_index, check_packages
from rankscope.cli.root import cli
from rankscope.engine.workspace import Workspace


def test_a_healthy_installation_passes(sample_workspace: Workspace) -> None:
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert result.exit_code == 0, result.output
    assert checks["index"]["verdict"] == "ok"
    assert "times as fast" in checks["precision"]["message"]
    assert "all-MiniLM-L6-v2" in checks["bi-encoder"]["message"]
    assert "rankscope-ce-small" in checks["cross-encoder"]["message"]


def test_packages_that_are_missing_or_too_old_are_named() -> None:
    checks = list(check_packages(["no-such-package-here>=1", "click>=9999", 'other; extra == "dev"']))
    assert [check.verdict for check in checks] == ["error", "error"]
    assert checks[0].remedy == 'pip install "no-such-package-here>=1"'


def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    assert check_database(path).verdict == "ok"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    check = check_database(path)
    assert check.verdict == "error"
    assert check.remedy


def test_a_database_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE traces (id TEXT)")
    connection.close()
    path.chmod(0o644)
    assert check_database(path).verdict == "warning"
    path.chmod(0o600)
    assert check_database(path).verdict == "ok"


def test_a_workspace_without_an_index_is_a_warning(tmp_path: Path) -> None:
    assert [check.verdict for check in check_index(Workspace(tmp_path))] == ["warning"]
