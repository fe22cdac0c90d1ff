"""``rankscope`` without a command: the screen."""

from __future__ import annotations

import os
import sys

from rankscope.errors import UsageError

__all__ = ["open_screen"]

GRACE_S = 0.2
"""How long leaving waits for work under way."""


def open_screen(workspace: str | None) -> None:
    """Open the screen on a workspace and return when it is left.

    Neither index nor models are touched before the first frame. Raises UsageError without a terminal.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # it is drawn on stderr
        raise UsageError(
            "the screen needs a terminal.", remedy='Without one, use `rankscope query "your question"`.'
        )
    from rankscope.engine.workspace import find_workspace
    from rankscope.tui.app import RankScopeApp

    opened = find_workspace(workspace)
    app = RankScopeApp(opened)
    app.run()
    ended = app.close(timeout=GRACE_S)
    status = app.return_code or 0
    opened.close()
    if not ended:
        # A model that is loading cannot be interrupted, and the interpreter cannot end under a thread that is
        # inside torch. Everything is written and closed by now.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    if status:
        sys.exit(status)
