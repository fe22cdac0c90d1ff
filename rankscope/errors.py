"""Every error that RankScope raises on purpose.

RankScopeError
├── UsageError            the command line or a setting asks for something impossible
│   └── SettingsError     rankscope.toml holds a wrong key or value
├── InputError            a file or record that was given cannot be used as it is
│   ├── CorpusError       a corpus source: broken line, duplicate id, empty text ...
│   ├── TraceError        a trace that breaks the model: non-finite score, rank 0 ...
│   └── ScaleError        two score scales that must not be compared were compared
├── WorkspaceError        the folder, its index or its database cannot be used
│   ├── IndexMissing      nothing is indexed yet
│   ├── IndexMismatch     the index was built from other models or settings
│   ├── WorkspaceBusy     another process is building this index
│   └── FloorChanged      another floor was set since the one that was looked at
├── ModelError            a model cannot be loaded or does not match its checksum
└── Cancelled             the caller asked to stop; nothing is wrong

Each carries one line that says what is wrong and, in ``remedy``, how to mend it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "Cancelled",
    "CorpusError",
    "FloorChanged",
    "IndexMismatch",
    "IndexMissing",
    "InputError",
    "ModelError",
    "RankScopeError",
    "ScaleError",
    "SettingsError",
    "TraceError",
    "UsageError",
    "WorkspaceBusy",
    "WorkspaceError",
]


class RankScopeError(Exception):
    """Root of the tree: one line of what is wrong, and one of how to mend it."""

    exit_code = 2

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class UsageError(RankScopeError):
    """The command line or a setting asks for something impossible."""


class SettingsError(UsageError):
    """rankscope.toml holds an unknown key or a value of the wrong kind."""


class InputError(RankScopeError):
    """A file or record that was given cannot be used; says which line and why."""

    def __init__(
        self, message: str, *, path: Path | str | None = None, line: int | None = None, remedy: str = ""
    ) -> None:
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(f"{where}{message}", remedy=remedy)
        self.path = path
        self.line = line


class CorpusError(InputError):
    """A corpus source breaks its format: broken line, duplicate id, empty text."""


class TraceError(InputError):
    """A trace breaks the model: a non-finite score, a rank below 1, a list out of order."""


class ScaleError(InputError):
    """Scores of two scales that must not be compared were compared."""


class WorkspaceError(RankScopeError):
    """The workspace folder, its index or its database cannot be used."""


class IndexMissing(WorkspaceError):
    """Nothing is indexed in this workspace yet."""


class IndexMismatch(WorkspaceError):
    """The index was built from another corpus, model or setting."""


class WorkspaceBusy(WorkspaceError):
    """Another process is building this index."""


class FloorChanged(WorkspaceError):
    """Another floor was set since the one that this choice was to replace."""


class ModelError(RankScopeError):
    """A model cannot be loaded, or its files do not match their checksum."""


class Cancelled(RankScopeError):
    """The caller asked to stop. Not a fault: what was done so far stands."""

    exit_code = 130
