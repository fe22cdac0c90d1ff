"""RankScope: a terminal inspector for debugging retrieval rankings.

Public names load on first use (PEP 562), so ``import rankscope`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Document": "rankscope.core.documents",
    "Query": "rankscope.core.documents",
    "ScoreScale": "rankscope.core.scales",
    "Settings": "rankscope.config",
    "Trace": "rankscope.core.trace",
    "TraceStore": "rankscope.tracing.store",
    "Workspace": "rankscope.engine.workspace",
}
__all__ = ["Document", "Query", "ScoreScale", "Settings", "Trace", "TraceStore", "Workspace", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rankscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
