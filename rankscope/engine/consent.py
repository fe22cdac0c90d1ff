"""To which services a person agreed to send the passages of which workspace.

Remembered in that person's own folder, and neither in the workspace nor in a trace: a workspace may come from
somebody else, who cannot agree in one's place.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rankscope.core.file_lock import locked
from rankscope.engine.sample import user_data_folder

__all__ = ["Consent", "Consents"]

_FILE = "consents.json"


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to; another folder, service or key is asked about anew."""

    workspace: str
    """Folder of the workspace, resolved."""
    endpoint: str
    key_env: str = ""
    """Variable whose key goes along; empty where none does."""

    @classmethod
    def of(cls, workspace: Path, endpoint: str, key_env: str) -> Consent:
        """For the workspace in this folder."""
        return cls(str(workspace.resolve()), endpoint, key_env)


class Consents:
    """The consents in a folder; a file that cannot be read holds none, so a person is asked again."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or user_data_folder()) / _FILE

    def holds(self, consent: Consent) -> bool:
        """Whether this was agreed to."""
        try:
            return consent in self._read()
        except OSError:
            return False

    def give(self, consent: Consent) -> None:
        """Remember it. Raises OSError where that cannot be done."""
        with self._alone():
            known = self._read()
            if consent not in known:
                self._write([*known, consent])

    def take_back(self, workspace: Path, endpoint: str = "") -> list[Consent]:
        """Forget what was agreed to for a workspace, with any key and with none; says what that was.

        Of one service, or of all where ``endpoint`` is empty. Raises OSError where that cannot be done: what
        cannot be read now may hold a consent later.
        """
        folder = str(workspace.resolve())
        if not self.path.exists():  # nothing to write, so nothing that can fail
            return []
        with self._alone():
            known = self._read()
            meant = [item for item in known if item.workspace == folder and endpoint in ("", item.endpoint)]
            if meant:
                self._write([item for item in known if item not in meant])
        return meant

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process writes from reading to writing. The consents' own file is replaced, so not it."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.path.with_name(f"{_FILE}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with locked(handle):
                yield
        finally:
            os.close(handle)

    def _read(self) -> list[Consent]:
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return [Consent(**{str(name): str(value) for name, value in item.items()}) for item in stored]
        except (FileNotFoundError, ValueError, TypeError, AttributeError, RecursionError):
            return []

    def _write(self, consents: list[Consent]) -> None:
        # mkstemp makes it private; the rename makes it whole.
        handle, staged = tempfile.mkstemp(dir=self.path.parent, prefix=f".{_FILE}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump([asdict(item) for item in consents], file, indent=1)
                file.write("\n")
            Path(staged).replace(self.path)
        except BaseException:
            Path(staged).unlink(missing_ok=True)
            raise
