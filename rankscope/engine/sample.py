"""The sample corpus: where its files are, and the workspace that is made for it on first use."""

from __future__ import annotations

import os
from pathlib import Path

from rankscope import __version__
from rankscope.errors import WorkspaceError

__all__ = ["sample_corpus_folder", "sample_workspace_folder", "user_data_folder"]


def sample_corpus_folder() -> Path:
    """The corpus inside an installed wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_sample_corpus", package.parent / "sample_corpus"):
        if (folder / "corpus.jsonl").is_file():
            return folder
    raise WorkspaceError("the sample corpus is not installed.", remedy="Install RankScope again.")


def user_data_folder() -> Path:
    """RankScope's own folder: ``RANKSCOPE_HOME`` if set, else the platform's user data folder."""
    home = os.environ.get("RANKSCOPE_HOME")
    if home:
        return Path(home)
    import platformdirs

    return Path(platformdirs.user_data_dir("rankscope", appauthor=False))


def sample_workspace_folder() -> Path:
    """One workspace a version: a newer release brings its own sample corpus."""
    return user_data_folder() / f"sample-{__version__}"
