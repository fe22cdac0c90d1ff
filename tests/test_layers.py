"""Nothing heavy is imported before it is needed: proved in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "sentence_transformers", "faiss", "scipy", "pyarrow", "sklearn")
SCREEN = ("textual", "rich", "plotext")


def loaded_by(statement: str, names: tuple[str, ...]) -> set[str]:
    """Which of ``names`` are in sys.modules after ``statement`` in a fresh interpreter."""
    code = f"import sys\n{statement}\nprint(*[name for name in {names!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "rankscope",
        "rankscope.core.trace",
        "rankscope.engine.pipeline",
        "rankscope.engine.factory",
        "rankscope.engine.workspace",
        "rankscope.engine.indexing",
        "rankscope.tracing.store",
    ],
)
def test_the_engine_imports_without_models_or_screen(module: str) -> None:
    assert loaded_by(f"import {module}", HEAVY + SCREEN) == set()


def test_the_command_line_starts_without_models_or_screen() -> None:
    statement = (
        "from rankscope.cli.root import cli\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    cli(['--help'])"
    )
    assert loaded_by(statement, (*HEAVY, *SCREEN, "numpy", "sqlite_utils")) == set()


def test_the_screen_module_needs_no_model() -> None:
    assert loaded_by("import rankscope.tui.app", HEAVY) == set()
