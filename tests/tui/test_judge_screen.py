"""Judging by keys: what a person presses, and what is on disk afterwards."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Static

from rankscope.core.documents import Document
from rankscope.errors import WorkspaceError
from rankscope.insight.pooling import Progress, hidden_order
from rankscope.tui.judge_state import JudgePhase
from rankscope.tui.screens.panel import Panel
from tests.tui.judged import QUERIES, JudgedWorkspace, OutdatedWorkspace, fill, judged_trace
from tests.tui.judging_app import judging


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
