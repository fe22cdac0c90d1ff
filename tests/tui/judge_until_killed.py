"""The judge screen in a terminal of its own, until it is killed: python judge_until_killed.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from rankscope.tui.app import RankScopeApp
from tests.tui.judged import JudgedWorkspace


class JudgeApp(RankScopeApp):
    """Starts on the judge screen."""

    DEFAULT_MODE = "judge"


if __name__ == "__main__":
    JudgeApp(JudgedWorkspace(Path(sys.argv[1]))).run()
