"""What the floors screen says: where things stand, what is stored, what to do first."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.insight.floors.gather import Selection
from rankscope.tui.adjust import parse_filters
from rankscope.tui.floors_state import FloorsPhase, FloorsState
from rankscope.tui.floors_views import floor_words
from rankscope.tui.sentences import Sentence

__all__ = ["floors_sentence", "passport_lines", "question", "selection_of"]


def floors_sentence(state: FloorsState) -> Sentence:
    """What to tell the user now; the most urgent thing wins."""
    if state.phase is FloorsPhase.REFUSED:
        return Sentence("bad", state.problem)
    if state.phase is FloorsPhase.EMPTY:
        where = f" where {state.described}: f changes that" if state.described else ""
        return Sentence("warn", f"No stored trace has scores{where}.")
    if state.phase is FloorsPhase.READING:
        return Sentence("busy", "Reading the scores of the stored traces.")
    if state.note:
        return Sentence("good", state.note)
    said = state.said
    if said is None:
        return Sentence("calm", "")
    if said.floor == said.baseline:
        return Sentence("calm", "This is the floor in force. ← → move it; m goes to what a method suggests.")
    lost, gained = len(said.new_refusals), len(said.new_answers)
    parts = [
        counted(lost, "becomes a refusal", "become refusals") if lost else "",
        counted(gained, "stops being refused", "stop being refused") if gained else "",
    ]
    change = " and ".join(part for part in parts if part) or "no query changes"
    return Sentence("good", f"Against the floor in force, {change}. enter stores this floor.")


def passport_lines(state: FloorsState) -> list[tuple[str, str]]:
    """The stored floor: its number and date, whether its passport fits these scores, and drift."""
    if state.looked is None or state.said is None:  # not compared yet
        return []
    material = state.looked.material
    stored = material.state.stored
    settings = material.state.settings
    if stored is None:
        return [("stored", f"nothing yet; rankscope.toml says {floor_words(settings.value)}")]
    lines = [
        (
            "stored",
            f"number {stored.number}: {floor_words(stored.value)}, {one_line(stored.source, 30)}, "
            f"{stored.created_at:%Y-%m-%d %H:%M} UTC",
        )
    ]
    if not material.state.agrees:
        lines.append(("", "rankscope.toml says otherwise: it was edited, or setting was interrupted"))
    checked, drift = state.looked.checked, state.looked.drift
    if checked is not None:
        lines.append(("passport", "fits these scores" if checked.verdict == "ok" else checked.line))
    carried = state.looked.carried if group_has_documents(state) else None
    if carried is not None:
        share = f"{carried.disagreement.value:.1%} of {counted(carried.pairs, 'pair')} decided otherwise"
        lines.append(("carried", f"{floor_words(carried.value)} on these scores; {share}"))
    if drift is not None:
        lines.append(("drift", drift.line))
    return lines


def group_has_documents(state: FloorsState) -> bool:
    """Whether ids of documents were read, by which two models' scores are paired."""
    return state.looked is not None and bool(state.looked.material.group.doc_ids)


def question(state: FloorsState) -> str:
    """What is about to be stored, for the confirmation."""
    assert state.looked is not None
    material = state.looked.material
    group, settings = material.group, material.state.settings
    model = group.source.model
    by = f"as {state.method} suggests" if state.method else "set by hand"
    facts = [one_line(model.name, 40) or group.source.stage, model.revision[:12], model.activation]
    facts += [f"max {model.max_length}" if model.max_length else "", *group.dtypes]
    windows = {True: "windows on", False: "windows off", None: ""}[group.source.windows]
    passport = ", ".join(fact for fact in (*facts, windows) if fact)
    judged = int(group.judged.sum())
    evidence = f"{counted(group.trace_count, 'trace')}, {counted(len(group.scores), 'score')}" + (
        f", {judged:,} judged" if judged else ", none judged"
    )
    now = f"{floor_words(settings.value)} ({settings.score_scale}, {one_line(settings.source, 30)})"
    return "\n".join(
        (
            f"Store the floor {floor_words(state.floor)} ({group.score_scale}), {by}?",
            f"replaces  {now}",
            f"passport  {passport}",
            f"evidence  {evidence}",
        )
    )


def selection_of(text: str) -> tuple[Selection, str]:
    """``origin=import, since=2026-01-31`` as a selection. Raises SettingsError with what was expected."""
    from datetime import UTC, datetime

    from rankscope.errors import SettingsError

    given = parse_filters(text)
    known = {"origin", "since", "before", "stratum", "judged", "pipeline"}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise SettingsError(f"{unknown[0]!r} is not known.", remedy=f"Known: {', '.join(sorted(known))}.")

    def moment(name: str) -> datetime | None:
        if name not in given:
            return None
        try:
            found = datetime.fromisoformat(given[name])
        except ValueError:
            raise SettingsError(f"{name} is {given[name]!r}, expected a date such as 2026-01-31.") from None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

    judged = given.get("judged")
    if judged not in (None, "yes", "no"):
        raise SettingsError(f"judged is {judged!r}, expected yes or no.")
    selection = Selection(
        since=moment("since"),
        before=moment("before"),
        origin=given.get("origin"),
        fingerprint=given.get("pipeline"),
        stratum=given.get("stratum"),
        judged=None if judged is None else judged == "yes",
    )
    return selection, ", ".join(f"{name}={value}" for name, value in given.items())
