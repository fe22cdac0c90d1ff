"""Facts about this machine that are worth keeping between runs: checked files, measured speeds.

Small JSON files in the user's cache folder. Losing one costs a second of work, nothing else, so a file
that cannot be read counts as empty and one that cannot be written is not.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["read_facts", "user_cache_folder", "write_fact"]


def user_cache_folder() -> Path:
    """``RANKSCOPE_HOME/cache`` if that variable is set, else the platform's user cache folder."""
    home = os.environ.get("RANKSCOPE_HOME")
    if home:
        return Path(home) / "cache"
    import platformdirs

    return Path(platformdirs.user_cache_dir("rankscope", appauthor=False))


def read_facts(name: str) -> dict[str, Any]:
    """The facts stored under ``name``; empty when there are none or the file is damaged."""
    try:
        facts = json.loads((user_cache_folder() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def write_fact(name: str, key: str, value: Any) -> None:
    """Add one fact to those under ``name``; a read-only cache folder is no error."""
    facts = {**read_facts(name), key: value}
    folder = user_cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        staged = folder / f"{name}.{os.getpid()}.tmp"
        staged.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        staged.replace(folder / f"{name}.json")
    except OSError:
        return
