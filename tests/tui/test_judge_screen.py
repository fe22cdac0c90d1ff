"""Judging by keys: what a person presses, and what is on disk afterwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from rankscope.core.documents import Document
from rankscope.engine.consent import Consent, Consents
from rankscope.errors import WorkspaceError
from rankscope.insight.pooling import Progress, hidden_order
from rankscope.tui.app import RankScopeApp
from rankscope.tui.judge_state import JudgePhase, JudgeState
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.judge import JudgeScreen
from rankscope.tui.screens.panel import Panel
from rankscope.tui.widgets.status_line import StatusLine
from tests.adapters.judge_server import Answer, judge_server
from tests.tui.judged import QUERIES, JudgedWorkspace, OutdatedWorkspace, fill, judged_trace


class Judging:
    """A running app on the judge screen."""

    def __init__(self, app: RankScopeApp, workspace: JudgedWorkspace, pilot: Pilot[None]) -> None:
        self.app, self.workspace, self.pilot = app, workspace, pilot
        screen = app.mode_screen("judge")
        assert isinstance(screen, JudgeScreen)
        self.screen = screen

    @property
    def state(self) -> JudgeState:
        return self.screen.state

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def settled(self) -> None:
        await self.until(lambda: self.state.phase is not JudgePhase.LOADING and not self._waits())

    def _waits(self) -> bool:
        return self.state.phase is JudgePhase.READY and self.state.pool is None

    def sentence(self) -> str:
        said = self.screen.query_one(StatusLine).sentence
        return "" if said is None else said.text

    def text(self) -> str:
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.crop(0, width).text for strip in lines[:height])


@asynccontextmanager
async def judging(workspace: JudgedWorkspace, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Judging]:
    app = RankScopeApp(workspace, now=lambda: "now")
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("alt+4")
        bench = Judging(app, workspace, pilot)
        await bench.settled()
        yield bench
    workspace.close()


@pytest.fixture
def workspace(tmp_path: Path) -> JudgedWorkspace:
    made = JudgedWorkspace(tmp_path)
    fill(made)
    return made


async def test_twenty_candidates_take_twenty_keys(workspace: JudgedWorkspace) -> None:
    async with judging(workspace) as bench:
        order = hidden_order(QUERIES[0], bench.state.queries[0].doc_ids)
        assert len(order) == 20
        pressed = 0
        while not bench.state.here.finished:
            assert bench.state.chosen == order[pressed]
            await bench.pilot.press(str(pressed % 4))
            pressed += 1
        assert pressed == 20
        assert "All 20 candidates are judged: enter goes to the next query." in bench.sentence()
        assert workspace.log.grades() == {
            QUERIES[0]: {doc_id: number % 4 for number, doc_id in enumerate(order)}
        }
        assert {item.judge for item in workspace.log.standing()} == {"ann"}
        await bench.pilot.press("enter")
        await bench.settled()
        assert bench.state.place == 1
        assert bench.state.overall == Progress(20, 20 + 6 + 4)
        assert "field=medicine" in bench.text()


async def test_no_rank_and_no_score_is_on_the_screen(workspace: JudgedWorkspace) -> None:
    async with judging(workspace, (120, 40)) as bench:
        shown = bench.text()
        traces = [workspace.traces.get(trace_id) for trace_id in bench.state.queries[0].trace_ids]
        scores = {hit.score for trace in traces for ranking in trace.rankings for hit in ranking.hits}
        assert len(scores) > 5
        assert not [score for score in scores if f"{score:.3f}"[1:] in shown]
        listed = [line[1:32].split() for line in shown.split("\n") if line.startswith("│")][:20]
        assert tuple(words[-2] for words in listed) == bench.state.pool.doc_ids
        ranked = [trace.rankings[1].doc_ids for trace in traces]
        assert all(list(bench.state.pool.doc_ids)[:5] != list(ids)[:5] for ids in ranked)


async def test_undo_takes_back_and_comes_back(workspace: JudgedWorkspace) -> None:
    async with judging(workspace) as bench:
        first = bench.state.chosen
        await bench.pilot.press("3", "greater_than_sign")
        await bench.settled()
        assert bench.state.place == 1
        await bench.pilot.press("u")
        await bench.settled()
        assert (bench.state.place, bench.state.chosen) == (0, first)
        assert workspace.log.grades() == {}
        assert [item.retracts for item in workspace.log.history()] == [1, None]
        await bench.pilot.press("u")
        assert "there is no judgment of 'ann' to undo" in bench.sentence()


async def test_a_note_goes_with_the_grade(workspace: JudgedWorkspace) -> None:
    async with judging(workspace) as bench:
        first = bench.state.chosen
        await bench.pilot.press("n", "o", "k", "enter")
        assert "note ok" in bench.text()
        assert workspace.log.history() == []
        await bench.pilot.press("b")
        (stored,) = workspace.log.standing()
        assert (stored.doc_id, stored.grade, stored.borderline, stored.note) == (first, 1, True, "ok")
        assert workspace.log.borderline() == {QUERIES[0]: frozenset({first})}
        await bench.pilot.press("up", "n", "end", "s", "enter")
        assert bench.state.chosen == first
        assert workspace.log.standing()[0].note == "oks"
        await bench.pilot.press("n", "escape")
        assert len(workspace.log.history()) == 2


async def test_skipping_and_choosing_store_nothing(workspace: JudgedWorkspace) -> None:
    async with judging(workspace) as bench:
        ids = bench.state.pool.doc_ids
        await bench.pilot.press("space", "space", "up", "down", "down")
        assert bench.state.chosen == ids[3]
        assert workspace.log.history() == []
        await bench.pilot.click("#candidates", offset=(4, 1))
        assert bench.state.chosen == ids[1]


async def test_disagreement_is_shown_after_my_grade_and_nothing_is_overwritten(
    workspace: JudgedWorkspace,
) -> None:
    async with judging(workspace) as bench:
        first = bench.state.chosen
        workspace.log.append(QUERIES[0], first, 0, "ben")
        await bench.pilot.press("r")
        await bench.until(lambda: bool(bench.state.others))
        assert "ben" not in bench.text()
        await bench.pilot.press("3")
        assert f"{first}: 3 perfect. ben said 0 not relevant; both are kept" in bench.sentence()
        assert "≠" in bench.text()
        assert sorted((item.judge, item.grade) for item in workspace.log.standing()) == [
            ("ann", 3),
            ("ben", 0),
        ]
        await bench.pilot.press("enter")
        await bench.settled()
        await bench.pilot.press("d")
        await bench.settled()
        assert bench.state.chosen == first
        await bench.pilot.press("k")
        await bench.until(lambda: isinstance(bench.app.screen, Panel))
        shown = str(bench.app.screen.query_one(Static).render())
        assert "ben" in shown
        assert "1 document of 1 query; the same grade for 0 (0%)" in shown
        await bench.pilot.press("escape")


async def test_judgments_stand_after_a_restart(workspace: JudgedWorkspace) -> None:
    async with judging(workspace) as bench:
        order = bench.state.pool.doc_ids
        await bench.pilot.press("2", "1")
    async with judging(workspace) as bench:
        assert bench.state.pool.doc_ids == order
        assert (bench.state.chosen, bench.state.here.done) == (order[2], 2)


async def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    workspace = JudgedWorkspace(tmp_path)
    async with judging(workspace) as bench:
        assert "No traces are stored yet" in bench.sentence()
        assert "Which passages answer which queries?" in bench.text()
        assert not workspace.traces_path.exists()
        await bench.pilot.press("u", "n", "enter", "b")
        assert not workspace.traces_path.exists()


async def test_a_grade_that_cannot_be_stored_is_said(workspace: JudgedWorkspace) -> None:
    import sqlite3

    async with judging(workspace) as bench:
        object.__setattr__(bench.screen.judging, "busy_seconds", 0.05)
        first = bench.state.chosen
        other = sqlite3.connect(workspace.traces_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await bench.pilot.press("3")
        assert "Not stored:" in bench.sentence()
        assert "holds its lock" in bench.sentence()
        assert (bench.state.chosen, bench.state.here.done) == (first, 0)
        other.execute("ROLLBACK")
        other.close()
        await bench.pilot.press("3")
        assert bench.state.here.done == 1


async def test_a_database_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    workspace = JudgedWorkspace(tmp_path)
    workspace.traces_path.write_bytes(b"not a database, whatever it is called" * 99)
    async with judging(workspace) as bench:
        assert bench.state.phase is JudgePhase.REFUSED
        assert "it is not a SQLite database" in bench.sentence()


async def test_an_index_that_is_built_anew_is_waited_for(tmp_path: Path) -> None:
    workspace = OutdatedWorkspace(tmp_path)
    fill(workspace)
    async with judging(workspace) as bench:
        assert bench.state.phase is JudgePhase.AWAITING
        assert "is being built anew; then this is read." in bench.text()
        workspace.built.set()
        await bench.until(lambda: bench.state.phase is JudgePhase.READY and bench.state.pool is not None)
        await bench.pilot.press("1")
        assert bench.state.here.done == 1


async def test_an_index_that_cannot_be_built_anew_is_said(tmp_path: Path) -> None:
    workspace = OutdatedWorkspace(tmp_path)
    workspace.script.prepare_failure = WorkspaceError("the disk is full.")
    fill(workspace)
    async with judging(workspace) as bench:
        await bench.until(lambda: bench.state.phase in (JudgePhase.READY, JudgePhase.REFUSED))
        assert "written by another version" in f"{bench.sentence()} {bench.state.problem}"


async def test_digits_grade_and_alt_with_them_changes_the_screen(workspace: JudgedWorkspace) -> None:
    async with judging(workspace) as bench:
        await bench.pilot.press("1")
        assert bench.app.current_mode == "judge"
        await bench.pilot.press("alt+1")
        assert bench.app.current_mode == "probe"
        await bench.pilot.press("alt+4")
        await bench.settled()
        assert bench.state.here.done == 1


async def test_without_a_service_nothing_is_proposed(workspace: JudgedWorkspace) -> None:
    async with judging(workspace) as bench:
        assert not bench.screen.check_action("propose", ())
        await bench.pilot.press("p", "a")
        assert workspace.log.history() == []


async def test_a_model_proposes_and_a_person_confirms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANKSCOPE_JUDGE_OURS", "secret")
    with judge_server(Answer('{"grade": 3, "reason": "it says so"}'), Answer('{"grade": 0}')) as server:
        workspace = JudgedWorkspace(
            tmp_path, endpoint=server.endpoint, model="m", key_env="RANKSCOPE_JUDGE_OURS"
        )
        fill(workspace, candidates=4)
        async with judging(workspace, (120, 40)) as bench:
            first, second = bench.state.pool.doc_ids[:2]
            await bench.pilot.press("p")
            host = server.endpoint.split("/")[2]
            question = (
                f"sends queries and their passages to {host}, and the key in RANKSCOPE_JUDGE_OURS. Send"
            )
            await bench.until(lambda: isinstance(bench.app.screen, Confirm))
            assert question in " ".join(str(bench.app.screen.query_one("#confirm-question").render()).split())
            await bench.pilot.press("enter")  # anything but y is no
            assert (bench.state.proposing, server.asked) == (None, [])
            await bench.pilot.press("p", "y")
            await bench.until(lambda: bench.state.proposing is None)
            assert len(server.asked) == 4
            assert workspace.log.grades() == {}
            assert "proposes 3 perfect" in bench.text()
            assert "it says so" in bench.text()
            await bench.pilot.press("a")
            assert bench.state.chosen == second
            await bench.pilot.press("2")
            assert workspace.log.grades() == {QUERIES[0]: {first: 3, second: 2}}
            assert "proposes 0 not relevant" in bench.text() or bench.state.proposal(second).grade == 0
            await bench.pilot.press("k")
            await bench.until(lambda: isinstance(bench.app.screen, Panel))
            shown = str(bench.app.screen.query_one(Static).render())
            assert "2 documents of 1 query; the same grade for 1 (50%)" in shown
            assert "0 documents: grade some before you let it propose" in shown
            await bench.pilot.press("escape", "p")
            await bench.until(lambda: bench.state.proposing is None)
            assert len(server.asked) == 4
        async with judging(workspace, (120, 40)) as bench:  # the consent holds at the next start too
            await bench.pilot.press("p")
            await bench.until(lambda: bench.state.proposing is None)
            assert not isinstance(bench.app.screen, Confirm)
            await bench.pilot.press("P", "p")
            await bench.until(lambda: isinstance(bench.app.screen, Confirm))
            assert any("before you agree again" in said.message for said in bench.app._notifications)
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer secret"}
    assert all(b"secret" not in file.read_bytes() for file in tmp_path.iterdir())


async def test_a_consent_is_taken_back_without_its_key_or_a_judge_and_what_was_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANKSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RANKSCOPE_JUDGE_KEY", raising=False)
    here, there = (Consent.of(tmp_path, f"https://{name}.example", "RANKSCOPE_JUDGE_KEY") for name in "ab")
    for consent in (here, there):
        Consents().give(consent)
    # No key, no model and no rubric: no judge could be made.
    workspace = JudgedWorkspace(tmp_path, endpoint=here.endpoint, rubric="gone.md")
    fill(workspace, candidates=4)
    async with judging(workspace) as bench:
        await bench.pilot.press("P", "P")
        said = [(item.title, item.message) for item in bench.app._notifications]
        assert said == [
            ("Taken back", f"Nothing of this workspace is sent to {here.endpoint} before you agree again."),
            (
                "Nothing to take back",
                f"You had not agreed that passages of this workspace are sent to {here.endpoint}.",
            ),
        ]
        assert (Consents().holds(here), Consents().holds(there)) == (False, True)
    async with judging(JudgedWorkspace(tmp_path)) as bench:  # no service is named any more
        await bench.pilot.press("P")
        assert there.endpoint in next(iter(bench.app._notifications)).message
        assert not Consents().holds(there)
        Consents().path.unlink()
        Consents().path.mkdir()
        await bench.pilot.press("P")
        assert "Not taken back" in [item.title for item in bench.app._notifications]


async def test_a_service_that_refuses_is_said_and_judging_goes_on(tmp_path: Path) -> None:
    with judge_server(Answer(status=401)) as server:
        workspace = JudgedWorkspace(tmp_path, endpoint=server.endpoint, model="m")
        fill(workspace, candidates=4)
        async with judging(workspace, (120, 40)) as bench:
            await bench.pilot.press("p", "y")
            await bench.until(lambda: bench.state.proposing is None)
            await bench.until(lambda: "answered 401" in bench.text())
            await bench.pilot.press("1")
            assert bench.state.here.done == 1


async def test_a_setting_that_is_not_allowed_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with judge_server() as server:
        workspace = JudgedWorkspace(tmp_path, endpoint=server.endpoint, model="m", key_env="HOME")
        fill(workspace, candidates=4)
        async with judging(workspace, (120, 40)) as bench:
            await bench.pilot.press("p")
            await bench.until(lambda: len(bench.app._notifications) == 1)
            (said,) = bench.app._notifications
            assert "expected a name such as RANKSCOPE_JUDGE_KEY" in said.message
            assert not isinstance(bench.app.screen, Confirm)
        assert server.asked == []


async def test_the_model_can_be_stopped(tmp_path: Path) -> None:
    with judge_server(Answer(status=503, headers={"Retry-After": "50"})) as server:
        workspace = JudgedWorkspace(tmp_path, endpoint=server.endpoint, model="m")
        fill(workspace, candidates=4)
        async with judging(workspace) as bench:
            await bench.pilot.press("p", "y")
            await bench.until(lambda: len(server.asked) == 1)
            assert "The model proposes grades: 0 of 4. esc stops it" in bench.sentence()
            await bench.pilot.press("escape")
            await bench.until(lambda: bench.state.proposing is None)
            assert len(server.asked) == 1


async def test_digits_never_leave_while_candidates_are_read(workspace: JudgedWorkspace) -> None:
    gate = threading.Event()
    async with judging(workspace) as bench:
        await bench.pilot.press("greater_than_sign")
        await bench.settled()
        read = bench.screen.judging.load
        object.__setattr__(bench.screen.judging, "load", lambda trace_id: (gate.wait(5), read(trace_id))[1])
        bench.screen._pools.clear()
        await bench.pilot.press("greater_than_sign", "1", "2")
        assert bench.state.pool is None
        assert bench.app.current_mode == "judge"
        gate.set()
        await bench.settled()
        assert workspace.log.history() == []


async def test_hostile_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    workspace = JudgedWorkspace(tmp_path)
    query, doc_id = "[bold]q[/] \x1b[31m\u202e", "[red]d\x1b]0;x\x07[/]"
    trace = judged_trace(0, query, "1", [doc_id])
    document = Document(
        doc_id, "text [b]bold[/b] \x1b[2J end", title="[i]t\x1b[0m", metadata={"[k]": "\x1b[5m"}
    )
    workspace.traces.append(replace(trace, documents={doc_id: document})).result()
    async with judging(workspace, (120, 40)) as bench:
        workspace.log.append(query, doc_id, 0, "[ben]\x1b[1m", note="[u]")
        await bench.pilot.press("r", "n", "left_square_bracket", "x", "right_square_bracket", "enter", "3")
        await bench.pilot.press("r")
        await bench.until(lambda: bool(bench.state.others))
        shown = bench.text()
        for part in ("[bold]q[/]", "[red]d", "text [b]bold[/b]", "[i]t", "[ben]", "[x]"):
            assert part in shown
        assert not {char for char in shown if ord(char) < 32 and char != "\n"} | (
            {"\x1b", "\u202e"} & set(shown)
        )
        await bench.pilot.press("k")
        await bench.until(lambda: isinstance(bench.app.screen, Panel))
        assert "[ben]" in bench.text()
        await bench.pilot.press("escape")
