"""What every screen behind a number key has: keys, help, threads beside it, and the way to a stored trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.screen import Screen

from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace
from rankscope.tui import messages
from rankscope.tui.keys import Key, Notes
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.threads import Threads, reason

if TYPE_CHECKING:
    from rankscope.tui.app import RankScopeApp
    from rankscope.tui.screens.probe import ProbeScreen

__all__ = ["ModeScreen"]

_LOOK_AGAIN_S = 0.2


class ModeScreen(Screen[None]):
    """Made once, on the first press of its number, and kept: what it shows stands when it is shown again.

    A subclass names its mode and its tables and sets ``BINDINGS = [*keys.bindings(KEYS)]``. Textual's
    ``ScreenResume`` and ``ScreenSuspend`` tell when it is shown and hidden.
    """

    MODE: ClassVar[str]
    """Name in :data:`rankscope.tui.modes.MODES`."""
    KEYS: ClassVar[tuple[Key, ...]] = ()
    NOTES: ClassVar[Notes] = Notes()

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.threads = Threads(self.post_message)

    @property
    def desk(self) -> RankScopeApp:
        """The app, with what it offers to screens."""
        from rankscope.tui.app import RankScopeApp

        assert isinstance(self.app, RankScopeApp)
        return self.app

    def stop(self) -> None:
        """Tell the work beside the screen to stop, without waiting."""
        self.threads.stop()

    def close(self, timeout: float) -> bool:
        """Stop the work beside the screen; says whether it ended within ``timeout`` seconds."""
        self.stop()
        return self.threads.close(timeout)

    def on_unmount(self) -> None:
        """Leave without waiting: threads stop at their next step."""
        self.stop()

    def wait_for_index(self, probe: ProbeScreen, tell: Callable[[], object]) -> bool:
        """On a thread of its own: wait while the probe builds an index anew that is of another version.

        Calls ``tell`` once where there is something to wait for. Says whether to read: not while leaving.
        """
        told = False
        while probe.indexing and getattr(self.workspace, "outdated", False):
            if not told:
                tell()
                told = True
            if self.threads.closing.wait(_LOOK_AGAIN_S):
                return False
        return True

    def open_stored(self, trace_id: str) -> None:
        """Read a trace from the store beside the screen, then show it read-only in the probe's layout.

        Escape there comes back here. A trace that is gone is said to be.
        """
        self.threads.start(partial(self._load, trace_id), "rankscope-load")

    def _load(self, trace_id: str) -> None:
        try:
            trace: Trace = self.workspace.traces.get(trace_id)
        except Exception as error:  # noqa: BLE001  # a damaged database is said, and the screen stays usable
            self.threads.post(messages.TraceNotLoaded(trace_id, reason(error)))
        else:
            self.threads.post(messages.TraceLoaded(trace))

    @on(messages.TraceLoaded)
    def _trace_loaded(self, message: messages.TraceLoaded) -> None:
        if self.app.screen is self:  # not when another screen was chosen meanwhile
            self.desk.open_trace(message.trace)

    @on(messages.TraceNotLoaded)
    def _trace_not_loaded(self, message: messages.TraceNotLoaded) -> None:
        self.notify(one_line(message.reason), title="Not opened", severity="error", markup=False, timeout=10)
