"""The plain sentence for where judging stands: what happened, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rankscope.core.sanitize import one_line
from rankscope.tracing.judgment_log import StoredJudgment
from rankscope.tui.judge_state import GRADE_WORDS, JudgePhase, JudgeState
from rankscope.tui.sentences import INDEX_AWAITED, Sentence

__all__ = ["NOTHING_TO_JUDGE", "grade_text", "judge_sentence", "sending_question", "taken_back"]

NOTHING_TO_JUDGE = (
    "No traces are stored yet: run queries in the probe (alt+1, enter keeps a run), or import a log with "
    "`rankscope traces import`."
)


def grade_text(judgment: StoredJudgment) -> str:
    """``2 relevant``; imported grades outside 0 to 3 are only a number."""
    if judgment.borderline:
        return f"{judgment.grade} borderline"
    words = GRADE_WORDS[judgment.grade] if 0 <= judgment.grade < len(GRADE_WORDS) else ""
    return f"{judgment.grade} {words}".rstrip()


def sending_question(host: str, key_env: str) -> str:
    """What a person agrees to before a service is asked; ``key_env`` is empty where no key goes along."""
    key = f", and the key in {one_line(key_env, 60)}" if key_env else ""
    return f"rankscope.toml sends queries and their passages to {one_line(host, 120)}{key}. Send them?"


def taken_back(services: Collection[str], endpoint: str) -> tuple[str, str]:
    """Title and sentence after a consent was taken back for ``services``, or for none.

    ``endpoint`` is the service in the settings, empty where none is.
    """
    if services:
        named = ", ".join(one_line(service, 120) for service in sorted(services))
        return "Taken back", f"Nothing of this workspace is sent to {named} before you agree again."
    named = f" to {one_line(endpoint, 120)}" if endpoint else ""
    return "Nothing to take back", f"You had not agreed that passages of this workspace are sent{named}."


def judge_sentence(state: JudgeState) -> Sentence:
    """What to tell the judge now; the most urgent thing wins."""
    if state.phase is JudgePhase.REFUSED:
        return Sentence("bad", state.problem)
    if state.phase is JudgePhase.LOADING:
        return Sentence("busy", "Reading the stored queries and judgments.")
    if state.phase is JudgePhase.AWAITING:
        return INDEX_AWAITED
    if state.phase is JudgePhase.EMPTY:
        return Sentence("warn", NOTHING_TO_JUDGE)
    if state.said.problem:
        return Sentence("bad", f"Not stored: {state.said.problem}")
    if state.pool is None:
        return Sentence("busy", "Reading the candidates.")
    if state.said.judgment is not None:
        return _after(state, state.said.judgment)
    if state.proposing is not None:
        done, total = state.proposing.done, state.proposing.total
        return Sentence("busy", f"The model proposes grades: {done} of {total}. esc stops it; keys work on.")
    if state.problem:
        return Sentence("warn", f"Earlier judgments are missing here: {state.problem}")
    if not state.pool.candidates:
        return Sentence("warn", "No stored list of this query holds a document. > goes to the next query.")
    if state.here.finished:
        return Sentence("good", _finished(state))
    return Sentence("calm", "How well does the passage answer the query? 0 to 3; the next one follows.")


def _after(state: JudgeState, judgment: StoredJudgment) -> Sentence:
    name = one_line(judgment.doc_id, 32)
    before = state.said.before
    if state.said.undone:
        now = "no grade of yours is left" if before is None else f"{grade_text(before)} holds again"
        return Sentence("warn", f"Took back {grade_text(judgment)} for {name}: {now}.")
    text = f"{name}: {grade_text(judgment)}."
    differing = state.differing(judgment.doc_id)
    if differing:
        text += f" {_said_by(differing)}; both are kept, u takes yours back."
    elif before is not None and before.grade != judgment.grade:
        text += f" You had said {grade_text(before)}; the log keeps both."
    if state.here.finished:
        text += f" {_finished(state)}"
    return Sentence("warn" if differing else "good", text)


def _said_by(judgments: Iterable[StoredJudgment]) -> str:
    return ", ".join(f"{one_line(item.judge, 24)} said {grade_text(item)}" for item in judgments)


def _finished(state: JudgeState) -> str:
    if state.overall.finished:
        return "Every candidate of every query is judged."
    judged = "The only candidate is" if state.here.total == 1 else f"All {state.here.total} candidates are"
    return f"{judged} judged: enter goes to the next query."
