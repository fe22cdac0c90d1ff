"""The cross-encoder that comes with RankScope, and where other ones are found."""

from __future__ import annotations

from pathlib import Path

from rankscope.errors import ModelError
from rankscope.stages.checksum import verify_sha256
from rankscope.stages.dense.bundled import resolve_model

__all__ = ["BUNDLED_NAME", "resolve_cross_encoder"]

BUNDLED_NAME = "rankscope-ce-small"
_MODELS = Path(__file__).resolve().parents[2] / "models"


def resolve_cross_encoder(name: str, download: bool = False) -> Path:
    """Local folder of a cross-encoder: the bundled one (its files checked), a folder, or a hub name's.

    Raises ModelError, in one line, when it is not on this machine or a bundled file is not the right one.
    """
    if name != BUNDLED_NAME:
        return resolve_model(name, download)
    folder = _MODELS / BUNDLED_NAME
    for expected, file in _checksums(folder):
        verify_sha256(folder / file, expected, "Install RankScope again.")
    return folder


def _checksums(folder: Path) -> list[tuple[str, str]]:
    """Lines of ``SHA256SUMS``: digest and file name."""
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise ModelError(
            f"{folder}: the bundled cross-encoder is missing.", remedy="Install RankScope again."
        ) from error
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return [(digest, file.lstrip("*")) for digest, file in pairs]
