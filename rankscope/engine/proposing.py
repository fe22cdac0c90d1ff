"""Grades that a model proposes for a query's candidates. Off unless ``rankscope.toml`` names a service.

That file may be somebody else's: it is found upward from the current folder. So it can name no other variable
of the environment than those meant for this, and no rubric outside the workspace.
"""

from __future__ import annotations

import os
import re
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

_KEY_NAMES = re.compile(r"RANKSCOPE_JUDGE_[A-Z0-9_]+")


def is_configured(settings: JudgeSettings) -> bool:
    """Whether a service is named at all."""
    return bool(settings.endpoint)


def model_judge(settings: JudgeSettings, folder: Path, stopped: threading.Event) -> OpenAiJudge:
    """The judge that the settings name; ``folder`` is the workspace's. Waits end when ``stopped`` is set.

    Nothing is sent yet. Raises SettingsError where a setting is missing or not allowed, or the rubric cannot
    be read.
    """
    if not settings.endpoint or not settings.model:
        missing = "judge.endpoint" if not settings.endpoint else "judge.model"
        raise SettingsError(f"{missing} is not set in rankscope.toml.")
    return OpenAiJudge(
        settings.endpoint,
        settings.model,
        _rubric(settings, folder),
        key=_key(settings),
        timeout_s=settings.timeout_s,
        retries=settings.retries,
        wait=stopped.wait,
    )


def _key(settings: JudgeSettings) -> str | None:
    """The service's key, if there is one."""
    if settings.key_env and _KEY_NAMES.fullmatch(settings.key_env) is None:
        raise SettingsError(
            f"judge.key_env is {settings.key_env!r:.80}, expected a name such as RANKSCOPE_JUDGE_KEY.",
            remedy="Only variables whose names start with RANKSCOPE_JUDGE_ are sent to a service.",
        )
    return os.environ.get(settings.key_env) or None


def _rubric(settings: JudgeSettings, folder: Path) -> str:
    if not settings.rubric:
        return files("rankscope.adapters").joinpath("judge_rubric.md").read_text(encoding="utf-8")
    path = folder / settings.rubric
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        if not inside:
            raise SettingsError(
                f"judge.rubric, {path}: lies outside the workspace.",
                remedy="The rubric is sent to the service: copy it into the workspace's folder.",
            )
        if path.exists() and not path.is_file():
            raise SettingsError(f"judge.rubric, {path}: is no file.")
        text = path.read_text(encoding="utf-8")
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL, no UTF-8
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
