"""The floors screen: choose the floor by looking at scores, at what it would do, and at the evidence.

Reading and suggesting go on beside the screen; each step of the floor is a few searches in sorted columns.
Nothing is stored but by ``enter`` and a yes; another floor that was set meanwhile is never overwritten.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.reactive import var

from rankscope.config import FILE_NAME, load_settings
from rankscope.core.sanitize import one_line
from rankscope.engine.deciding import last_numbers
from rankscope.engine.floor_material import read_floors
from rankscope.engine.floors import undo_floor
from rankscope.engine.judging import JudgingWorkspace, JudgmentDesk
from rankscope.engine.workspace import Workspace
from rankscope.errors import RankScopeError
from rankscope.insight.floors.gather import Selection
from rankscope.insight.floors.suggest import METHODS, suggest
from rankscope.tracing.floor_log import FloorLog
from rankscope.tui import adjust, floors_messages, keys
from rankscope.tui.floors_sentences import passport_lines, question, selection_of
from rankscope.tui.floors_state import FloorsPhase, FloorsState, Looked, look
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.floors_keys import FLOORS_KEYS, FLOORS_NOTES
from rankscope.tui.screens.floors_layout import FloorsLayout
from rankscope.tui.screens.panel import Panel
from rankscope.tui.screens.probe_judging import GRADE_OF_MARK
from rankscope.tui.screens.prompt import Prompt
from rankscope.tui.suggestion_views import suggestions_text
from rankscope.tui.threads import reason
from rankscope.tui.widgets.row_list import RowList
from rankscope.tui.widgets.score_plot import preload

__all__ = ["FloorsScreen"]


class FloorsScreen(FloorsLayout):
    """Owns one frozen :class:`~rankscope.tui.floors_state.FloorsState`; handlers make a new one."""

    MODE: ClassVar[str] = "floors"
    KEYS = FLOORS_KEYS
    NOTES = FLOORS_NOTES
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(FLOORS_KEYS)]
    AUTO_FOCUS = ""

    state: var[FloorsState] = var(FloorsState())

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        # The probe's protocol names less than a workspace offers.
        self.floors = cast(Workspace, workspace)
        self.judging = JudgmentDesk.of(cast(JudgingWorkspace, workspace))
        self._selection = Selection()
        self._top_k: int | None = None
        self._place: int | None = None
        self._asked = 0
        self._passage = ("", "")
        self._numbers: tuple[int | None, ...] | None = None
        """Last trace, judgment and floor that were read."""

    @property
    def drawn_state(self) -> FloorsState:
        """The state on the screen."""
        return self.state

    # Reading

    def on_mount(self) -> None:
        """Draw the empty screen; everything is read beside it."""
        self.draw(self.state)

    def on_screen_resume(self) -> None:
        """Read again where traces, judgments or the floor changed since the last look."""
        if self._numbers is None or self._numbers != self._last_numbers():
            self.action_read_again()

    def _last_numbers(self) -> tuple[int | None, ...] | None:
        """Last trace, judgment and floor; None where that cannot be told, as when there is no database."""
        path = self.floors.traces_path
        try:
            log = FloorLog(path, busy_seconds=0.2)
            return (*last_numbers(path, busy_seconds=0.2), log.last_number()) if path.exists() else None
        except RankScopeError:  # reading will say what is wrong
            return None

    def watch_state(self, old: FloorsState, new: FloorsState) -> None:
        """Draw what changed, and read the text of a document that was chosen."""
        if not self.is_mounted:
            return
        self.draw(new, old)
        document = new.chosen_document
        if document is not None and new.looked is not None:
            key = (new.looked.material.group.trace_ids[document.trace], document.doc_id)
            if key != self._passage:
                self._passage = key
                self.threads.start(partial(self._read_passage, *key), "rankscope-passage")

    def action_read_again(self) -> None:
        """Read beside the screen; an older reading that is under way is dropped."""
        self._asked += 1
        self._numbers = self._last_numbers()
        self.state = replace(self.state, busy=True)
        work = partial(self._read, self._asked, self._selection, self.state.described)
        self.threads.start(work, "rankscope-floors")

    def _read(self, asked: int, selection: Selection, described: str) -> None:
        """Scores first, which is enough for the plot; then documents; then what the methods suggest."""
        facts = {"where": described} if described else {}
        looked: Looked | None = None
        try:
            preload()
            for whole in (False, True):
                reading = read_floors(self.floors, selection, documents=whole, described=facts)
                looked = look(reading, self._place, self._top_k)
                for counted in (False, True) if self.state.said is None else (True,):
                    if looked is not None and counted:
                        looked.prepare()
                        _ = looked.carried if whole else None
                    if self._asked != asked or self.threads.closing.is_set():
                        return
                    read = floors_messages.FloorsRead(reading, looked, asked, counted=counted, whole=whole)
                    self.threads.post(read)
            if looked is None:
                return
            for number, method in enumerate(METHODS, start=1):
                (found,) = suggest(looked.material.group, (method,))
                if self._asked != asked or self.threads.closing.is_set():
                    return
                last = number == len(METHODS)
                self.threads.post(floors_messages.SuggestionMade(found, asked, last=last))
        except Exception as error:  # noqa: BLE001  # a damaged database is said, and the screen stays usable
            self.threads.post(floors_messages.FloorsRefused(reason(error), asked))

    @on(floors_messages.FloorsRead)
    def _floors_read(self, message: floors_messages.FloorsRead) -> None:
        if message.asked != self._asked:
            return
        state = self.state.with_reading(message.reading, message.looked, counted=message.counted)
        waiting = message.looked is not None
        self.state = replace(state, busy=waiting and not message.whole, suggesting=waiting)

    @on(floors_messages.SuggestionMade)
    def _suggestion_made(self, message: floors_messages.SuggestionMade) -> None:
        found = message.suggestion
        if message.asked != self._asked or found is None:
            return
        table = {item.method: item for item in self.state.suggestions} | {found.method: found}
        ordered = tuple(table[name] for name in METHODS if name in table)
        self.state = replace(self.state, suggestions=ordered, suggesting=not message.last)

    @on(floors_messages.FloorsRefused)
    def _floors_refused(self, message: floors_messages.FloorsRefused) -> None:
        if message.asked == self._asked:
            self.state = replace(self.state.refused(message.reason), suggesting=False)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Which keys work now; the others are neither shown nor obeyed."""
        state = self.state
        if action in ("read_again", "ask_filters"):
            return True
        if action == "undo":
            stored = state.reading is not None and state.reading.state.number is not None
            return stored or (state.listed == "documents" and state.part == "list")
        if state.phase is not FloorsPhase.READY:
            return action not in _ON_SCORES
        known: dict[str, bool] = {
            "store": state.part == "plot",
            "open_row": state.part == "list" and state.rows > 0,
            "move_row": state.rows > 0,
            "judge": state.chosen_document is not None,
            "turn_axis": state.other_axis is not None,
            "show_suggestions": bool(state.suggestions),
            "suggestion": any(item.value is not None for item in state.suggestions),
            "next_source": state.reading is not None and len(state.reading.gathered.groups) > 1,
        }
        return known.get(action, True)

    def action_step(self, direction: int, fine: bool = False) -> None:
        """Move the floor; from the list, back to the plot."""
        self.state = replace(self.state.stepped(direction, fine=fine), part="plot")

    def action_suggestion(self, direction: int) -> None:
        """To the floor of a method."""
        self.state = replace(self.state.next_suggestion(direction), part="plot")

    def action_show_suggestions(self) -> None:
        """All that the methods say, which the screen has room for the beginning of."""
        state = self.state
        text = partial(suggestions_text, state.suggestions, state.method, passport_lines(state))
        self.app.push_screen(Panel("Suggestions", text))

    def action_move_row(self, by: int) -> None:
        """Another row of the list."""
        self.state = self.state.row_moved(by)

    def action_other_list(self) -> None:
        """Queries that change, or documents at the floor."""
        self.state = self.state.listing("documents" if self.state.listed == "queries" else "queries")
        if self.state.marks and self.state.listed == "queries":
            self.action_read_again()  # what was judged changes what a floor does, and what methods suggest

    def action_next_view(self) -> None:
        """Histogram or curves."""
        self.state = replace(self.state, curve=not self.state.curve)

    def action_next_kind(self) -> None:
        """Another distribution."""
        self.state = self.state.next_kind()

    def action_turn_axis(self) -> None:
        """Logits or probabilities."""
        self.state = self.state.turned_axis()

    def action_next_source(self) -> None:
        """Scores of another scale or model."""
        reading = self.state.reading
        if reading is not None:
            self._place = (self.state.place + 1) % len(reading.gathered.groups)
            self.action_read_again()

    def action_open_row(self) -> None:
        """Open the trace of the chosen row."""
        number, looked = self.state.chosen_trace, self.state.looked
        if number is not None and looked is not None:
            self.open_stored(looked.material.group.trace_ids[number])

    @on(RowList.Clicked, "#floors-list")
    def _row_clicked(self, message: RowList.Clicked) -> None:
        if message.place < self.state.rows:
            self.state = replace(self.state, part="list", row=message.place)

    def action_ask_filters(self) -> None:
        """Ask which traces to look at."""

        def answered(answer: tuple[Selection, str] | None) -> None:
            if answer is not None:
                self._selection, described = answer
                self._place = None
                self.state = replace(self.state, described=described)
                self.action_read_again()

        hint = "origin=import, since=2026-01-31, before=…, stratum=…, judged=yes; empty for all"
        self.app.push_screen(Prompt("traces where", hint, self.state.described, selection_of), answered)

    def action_ask_top_k(self) -> None:
        """Ask for K."""

        def check(text: str) -> int:
            return adjust.whole_number(text, "K") if text.strip() else 0

        def answered(top_k: int | None) -> None:
            looked = self.state.looked
            if top_k is not None and looked is not None and top_k >= 0:
                self._top_k = top_k or None
                again = Looked(looked.material, self._top_k)
                self.state = replace(self.state, looked=again).at(self.state.floor, method=self.state.method)

        now = "" if self._top_k is None else str(self._top_k)
        self.app.push_screen(
            Prompt("K", "most documents kept; empty for each trace's own", now, check), answered
        )

    # Storing

    def action_store(self) -> None:
        """Ask, then store the floor on the screen."""
        state, looked = self.state, self.state.looked
        if looked is None or state.said is None:
            return
        work = partial(self._store, state)

        def answered(yes: bool | None) -> None:
            if yes:
                self.threads.start(work, "rankscope-store-floor", needed=True)

        self.app.push_screen(Confirm(question(state), "stores it"), answered)

    def _store(self, state: FloorsState) -> None:
        assert state.looked is not None
        assert state.said is not None
        try:
            stored = state.looked.material.store(state.floor, state.said, state.suggestion)
        except Exception as error:  # noqa: BLE001  # a full disk, a floor set elsewhere: said, nothing is lost
            self.threads.post(floors_messages.FloorNotStored(reason(error)))
        else:
            self.threads.post(floors_messages.FloorSet(stored, undone=False))

    def action_undo(self) -> None:
        """The floor before; in the list of documents, my last judgment."""
        if self.state.listed == "documents" and self.state.part == "list":
            self._undo_judgment()
            return
        self.threads.start(self._undo_floor, "rankscope-undo-floor", needed=True)

    def _undo_floor(self) -> None:
        reading = self.state.reading
        try:
            if reading is None:
                raise RankScopeError("nothing was read yet.")
            stored = undo_floor(self.floors, reading.log, replaces=reading.state.number)
        except Exception as error:  # noqa: BLE001  # as when storing
            self.threads.post(floors_messages.FloorNotStored(reason(error)))
        else:
            self.threads.post(floors_messages.FloorSet(stored, undone=True))

    @on(floors_messages.FloorSet)
    def _floor_set(self, message: floors_messages.FloorSet) -> None:
        settings = load_settings(self.floors.folder / FILE_NAME)
        self.floors.settings = replace(self.floors.settings, floor=settings.floor)
        self.desk.probe.take_floor(settings.floor)
        state = self.state.stored(message.stored)
        if message.undone:
            value = "none" if settings.floor.value is None else f"{settings.floor.value:.4g}"
            note = f"Undone: {value} ({settings.floor.source}) is in force again."
            state = replace(state.at(settings.floor.value), note=note)
        self.state = state
        self.action_read_again()

    @on(floors_messages.FloorNotStored)
    def _floor_not_stored(self, message: floors_messages.FloorNotStored) -> None:
        said = one_line(message.reason, 400)
        self.notify(said, title="Not stored", severity="warning", markup=False, timeout=10)
        self.action_read_again()

    # Judging

    def action_judge(self, mark: str) -> None:
        """Store my judgment of the chosen document; the next one that nobody judged comes up."""
        document, looked = self.state.chosen_document, self.state.looked
        if document is None or looked is None:
            return
        group = looked.material.group
        grade, borderline = GRADE_OF_MARK[mark]
        try:
            self.judging.log.append(
                group.texts[document.trace],
                document.doc_id,
                grade,
                self.judging.judge,
                borderline=borderline,
                trace_id=group.trace_ids[document.trace],
            )
        except RankScopeError as error:
            self.notify(one_line(str(error)), title="Not judged", severity="error", markup=False)
            return
        self.state = self.state.marked(document, mark)

    def _undo_judgment(self) -> None:
        try:
            undone = self.judging.log.undo(self.judging.judge)
        except RankScopeError as error:
            self.notify(one_line(str(error)), title="Not undone", severity="warning", markup=False)
            return
        marks = {**self.state.marks, (undone.query, undone.doc_id): ""}
        self.state = replace(self.state, marks=marks, note=f"Taken back: {undone.doc_id}.")

    def _read_passage(self, trace_id: str, doc_id: str) -> None:
        try:
            trace = self.workspace.traces.get(trace_id)
            document = trace.documents.get(doc_id)
            title, text = ("", "The trace does not hold its text.")
            if document is not None:
                title, text = document.title, document.text
        except Exception as error:  # noqa: BLE001  # a trace that is gone is said
            title, text = "", reason(error)
        self.threads.post(floors_messages.PassageRead(trace_id, doc_id, title, text))

    @on(floors_messages.PassageRead)
    def _passage_read(self, message: floors_messages.PassageRead) -> None:
        if (message.trace_id, message.doc_id) == self._passage:
            self.draw_passage(message.doc_id, message.title, message.text)


_ON_SCORES = frozenset(
    (
        "step", "suggestion", "store", "move_row", "open_row", "other_list", "judge",
        "next_view", "next_kind", "turn_axis", "next_source", "ask_top_k", "show_suggestions",
    )
)  # fmt: skip
"""Actions that need scores on the screen."""
