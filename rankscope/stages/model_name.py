"""What a trace calls a model: never a path of the machine that ran it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["model_name"]


def model_name(setting: str) -> str:
    """A local folder's last part; bundled and hub names as they are. The weights' hash tells which it was.

    A path that is not there is shortened too: a trace of a run that failed names the model all the same.
    """
    folder = Path(setting).expanduser()
    if folder.is_dir() or folder.is_absolute() or setting.startswith((".", "~")):
        return folder.resolve().name or setting
    return setting
