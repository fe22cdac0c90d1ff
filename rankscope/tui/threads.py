"""Work beside a screen: daemon threads that post messages, and nothing here touches a widget.

Threads of our own, as daemons, instead of Textual's thread workers: leaving the program waits for those,
and a model that is loading cannot be interrupted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from textual.message import Message

from rankscope.errors import RankScopeError

__all__ = ["Threads", "reason"]


class Threads:
    """The threads of one screen; ``post`` must be callable from any thread."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post_message = post
        self.closing = threading.Event()
        """Raised when the screen is left; work checks it between two steps."""
        self._free: set[threading.Thread] = set()
        self._needed: set[threading.Thread] = set()

    def start(self, work: Callable[[], None], name: str, *, needed: bool = False) -> None:
        """Run ``work`` on a thread. ``needed`` work is waited for on leaving, however long it takes."""
        among = self._needed if needed else self._free

        def body() -> None:
            try:
                work()
            finally:
                among.discard(thread)

        thread = threading.Thread(target=body, name=name, daemon=True)
        among.add(thread)
        thread.start()

    def post(self, message: Message) -> None:
        """Tell the screen, unless it is being left."""
        if self.closing.is_set():
            return
        try:
            self._post_message(message)
        except RuntimeError:
            # The event loop closed between the check and the post: the screen is gone, nobody is waiting.
            self.closing.set()

    def stop(self) -> None:
        """Tell everything to stop, without waiting; nothing is posted from now on."""
        self.closing.set()

    def close(self, timeout: float) -> bool:
        """Stop, wait for what is needed, and say whether all the rest ended within ``timeout`` seconds."""
        self.stop()
        for thread in list(self._needed):
            thread.join()
        deadline = time.monotonic() + timeout
        for thread in tuple(self._free):
            thread.join(max(deadline - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in tuple(self._free))


def reason(error: BaseException) -> str:
    """One line for an error; of ours it is the message with its remedy."""
    text = " ".join(str(error).split())
    return (text if isinstance(error, RankScopeError) else f"{type(error).__name__}: {text}")[:400]
