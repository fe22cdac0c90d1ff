"""Grades that a model proposes for a query's candidates. Off unless ``rankscope.toml`` names a service."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from importlib.resources import files
from pathlib import Path

from rankscope.adapters.openai_judge import OpenAiJudge
from rankscope.config import JudgeSettings
from rankscope.errors import Cancelled, SettingsError
from rankscope.insight.pooling import Pool
from rankscope.tracing.judgment_log import JudgmentKind, JudgmentLog, StoredJudgment

__all__ = ["is_configured", "model_judge", "propose"]


def is_configured(settings: JudgeSettings) -> bool:
    """Whether a service is named at all."""
    return bool(settings.endpoint)


def model_judge(settings: JudgeSettings, folder: Path, stopped: threading.Event) -> OpenAiJudge:
    """The judge that the settings name; ``folder`` is the workspace's. Waits end when ``stopped`` is set.

    Raises SettingsError where a setting is missing or the rubric cannot be read.
    """
    if not settings.endpoint or not settings.model:
        missing = "judge.endpoint" if not settings.endpoint else "judge.model"
        raise SettingsError(f"{missing} is not set in rankscope.toml.")
    return OpenAiJudge(
        settings.endpoint,
        settings.model,
        _rubric(settings, folder),
        key=os.environ.get(settings.key_env) or None,
        timeout_s=settings.timeout_s,
        retries=settings.retries,
        wait=stopped.wait,
    )


def _rubric(settings: JudgeSettings, folder: Path) -> str:
    if not settings.rubric:
        return files("rankscope.adapters").joinpath("judge_rubric.md").read_text(encoding="utf-8")
    path = folder / settings.rubric
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"judge.rubric, {path}: cannot be read: {error}.") from error
    if not text.strip():
        raise SettingsError(f"judge.rubric, {path}: the file is empty.")
    return text


def propose(
    judge: OpenAiJudge,
    pool: Pool,
    log: JudgmentLog,
    *,
    known: Collection[str] = (),
    stopped: threading.Event,
    report: Callable[[StoredJudgment, int, int], None],
) -> None:
    """Ask for every candidate with a text that is not in ``known``, and store each answer as a proposal.

    Stops between two candidates when ``stopped`` is set. Raises ModelError; what was proposed stands.
    """
    wanted = [item for item in pool.candidates if item.document is not None and item.doc_id not in known]
    for done, candidate in enumerate(wanted, start=1):
        document = candidate.document
        if stopped.is_set() or document is None:
            return
        try:
            proposal = judge.propose(pool.query, document)
        except Cancelled:
            return
        stored = log.append(
            pool.query,
            candidate.doc_id,
            proposal.grade,
            judge.name,
            note=proposal.reason,
            content_hash=document.content_hash,
            trace_id=candidate.trace_id,
            kind=JudgmentKind.PROPOSAL,
        )
        report(stored, done, len(wanted))
