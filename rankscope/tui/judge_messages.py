"""What happened beside the judge screen, told in past tense."""

from __future__ import annotations

from collections.abc import Mapping

from textual.message import Message

from rankscope.engine.judging import Overview
from rankscope.insight.agreement import Agreement
from rankscope.insight.pooling import Pool
from rankscope.tracing.judgment_log import StoredJudgment

__all__ = [
    "AgreementMeasured",
    "IndexAwaited",
    "JudgingRefused",
    "OverviewRead",
    "PoolRead",
    "ProposalMade",
    "ProposingEnded",
]


class OverviewRead(Message):
    """Queries and judgments were read. ``writes`` is how many grades had been stored when reading began."""

    def __init__(self, overview: Overview, writes: int) -> None:
        super().__init__()
        self.overview = overview
        self.writes = writes


class IndexAwaited(Message):
    """Reading waits until the index is built anew."""


class PoolRead(Message):
    """The candidates of a query were read."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool


class JudgingRefused(Message):
    """The store cannot be read; ``reason`` is one line."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class AgreementMeasured(Message):
    """The agreement of all judges was measured; ``unseen`` is that of models with what they did not sway."""

    def __init__(self, found: tuple[Agreement, ...], unseen: Mapping[str, Agreement]) -> None:
        super().__init__()
        self.found = found
        self.unseen = unseen


class ProposalMade(Message):
    """A model proposed a grade, and it is stored as a proposal."""

    def __init__(self, judgment: StoredJudgment, done: int, total: int) -> None:
        super().__init__()
        self.judgment = judgment
        self.done = done
        self.total = total


class ProposingEnded(Message):
    """The model is done, was stopped, or failed for ``reason``."""

    def __init__(self, reason: str = "") -> None:
        super().__init__()
        self.reason = reason
