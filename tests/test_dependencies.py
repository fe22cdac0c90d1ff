"""What the package imports, it declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def imported() -> dict[str, str]:
    """Every outside package that a module names, with one of the modules."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "rankscope").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            else:
                continue
            found.update({name.partition(".")[0]: str(path.relative_to(ROOT)) for name in names})
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, "rankscope"}}


def test_every_direct_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["otlp"], *extras["train"]]
    declared = {re.split(r"[\s<>=!~\[;]", line, maxsplit=1)[0].lower().replace("_", "-") for line in lines}
    known = packages_distributions()
    missing = {
        name: path
        for name, path in imported().items()
        if name in known and not declared & {found.lower().replace("_", "-") for found in known[name]}
    }
    assert missing == {}
