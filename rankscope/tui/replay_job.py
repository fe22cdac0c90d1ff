"""A replay beside the screen: its progress and, at the end, what it changed, are posted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from rankscope.errors import Cancelled
from rankscope.insight.coverage import Mode
from rankscope.tui.threads import Threads, reason

if TYPE_CHECKING:
    from rankscope.core.trace import Trace
    from rankscope.engine.replay import ReplayProgress, ReplayStore
    from rankscope.engine.replay_today import Today
    from rankscope.insight.diff import GroupDiff

__all__ = ["ReplayAdvanced", "ReplayEnded", "ReplayFailed", "ReplayJob", "ReplayOutcome"]


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """What a replay came to."""

    group: GroupDiff
    """The traces that were replayed beside what they became."""
    replayed: int
    known: int
    """Stored by an earlier run of the same replay."""
    not_replayed: tuple[str, ...]
    """Why, one line each."""
    asked: int
    stopped: bool
    """Whether it was stopped before its end."""
    mode: Mode = "rerank-only"


class ReplayAdvanced(Message):
    """A replay got further."""

    def __init__(self, progress: ReplayProgress) -> None:
        super().__init__()
        self.progress = progress

    def can_replace(self, message: Message) -> bool:
        """Only the latest progress is worth painting."""
        return isinstance(message, ReplayAdvanced)


class ReplayEnded(Message):
    """A replay ended or was stopped."""

    def __init__(self, outcome: ReplayOutcome) -> None:
        super().__init__()
        self.outcome = outcome


class ReplayFailed(Message):
    """A replay could not go on; ``reason`` is one line. What was committed by then is kept."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class ReplayJob:
    """One replay. ``today`` is called on the thread: it opens the index and the model."""

    def __init__(
        self, store: Callable[[], ReplayStore], today: Callable[[Mode], Today], threads: Threads
    ) -> None:
        self._store, self._today, self._threads = store, today, threads
        self._stop = threading.Event()

    def start(self, trace_ids: Sequence[str], mode: Mode) -> None:
        """Replay these traces; posts ReplayAdvanced, then ReplayEnded or ReplayFailed."""
        self._threads.start(partial(self._run, tuple(trace_ids), mode), "rankscope-replay")

    def cancel(self) -> None:
        """Stop it; what is committed by then is kept, and goes into the outcome."""
        self._stop.set()

    def _stopped(self) -> bool:
        return self._stop.is_set() or self._threads.closing.is_set()

    def _run(self, trace_ids: tuple[str, ...], mode: Mode) -> None:
        from rankscope.engine.replay import NotReplayed, Replay, Replayed, ReplayProgress
        from rankscope.insight.diff import diff_groups

        refused: list[str] = []

        def pairs(replay: Replay) -> Iterator[tuple[Trace, Trace]]:
            try:
                for event in replay.iter_events(self._stopped):
                    if isinstance(event, ReplayProgress):
                        self._threads.post(ReplayAdvanced(event))
                    elif isinstance(event, Replayed):
                        yield event.parent, event.trace
                    elif isinstance(event, NotReplayed):
                        refused.append(event.reason)
            except Cancelled:
                self._stop.set()

        try:
            replay = Replay(self._store(), trace_ids, self._today(mode))
            group = diff_groups(pairs(replay))
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001  # a model that does not load, a full disk: said on the screen
            self._threads.post(ReplayFailed(reason(error)))
            return
        outcome = ReplayOutcome(
            group=group,
            replayed=replay.replayed,
            known=replay.known,
            not_replayed=tuple(refused),
            asked=len(trace_ids),
            stopped=self._stop.is_set(),
            mode=mode,
        )
        self._threads.post(ReplayEnded(outcome))
