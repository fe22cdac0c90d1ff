"""Every key of the probe screen, pressed."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from textual.widgets import Input

from rankscope.tui import keys
from rankscope.tui.screens.help import HelpScreen
from rankscope.tui.screens.probe_keys import PROBE_KEYS
from rankscope.tui.screens.prompt import Prompt
from rankscope.tui.state import RunPhase
from rankscope.tui.widgets.fitted_text import FittedText
from tests.tui.fakes import SETTINGS, FakeWorkspace, Script

QUERY = "ibuprofen dosage for children"


async def test_slash_goes_to_the_query_bar_and_escape_leaves_it(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        assert on.app.focused.id == "after"
        await on.pilot.press("slash")
        assert on.app.focused.id == "query"
        await on.pilot.press("escape")
        assert on.app.focused.id != "query"


async def test_a_letter_without_a_meaning_starts_a_new_query(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("i", "b", "u")
        assert on.app.focused.id == "query"
        assert on.app.probe.query_one("#query", Input).value == "ibu"


async def test_brackets_move_the_floor_without_scoring_again(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        before = on.state.trace
        await on.pilot.press("right_square_bracket")
        assert on.state.trace.floor.value == pytest.approx(0.45)
        assert on.state.trace.rankings == before.rankings
        assert len(on.state.trace.kept) < len(before.kept)
        assert "floor 0.45" in on.text()
        assert f"kept {len(on.state.trace.kept)}" in on.line("#top-rule")
        await on.pilot.press("left_curly_bracket")
        assert on.state.trace.floor.value == pytest.approx(0.44)
        await on.pilot.press("right_curly_bracket", "left_square_bracket", "left_square_bracket")
        assert on.state.trace.floor.value == pytest.approx(0.35)
        assert len(on.workspace.traces.stored) == 1
        assert on.state.settings.floor.source == "manual"


async def test_a_floor_that_nothing_reaches_refuses_at_once(bench) -> None:
    async with bench(FakeWorkspace(Script(low_scores=True))) as on:
        await on.ready()
        await on.ask(QUERY)
        assert on.state.trace.decision == "refuse"
        assert "refused" in on.line("#top-rule")
        assert "Refused: nothing reaches the floor 0.40" in on.line("#status")
        await on.pilot.press(*["left_square_bracket"] * 4)
        assert on.state.trace.decision == "answer"
        assert "✓ Kept" in on.line("#status")


async def test_the_floor_moves_while_the_reranker_scores_and_stays_moved(bench) -> None:
    gates = [threading.Event() for _ in range(7)]
    async with bench(FakeWorkspace(Script(rerank_gates=gates))) as on:
        await on.ready()
        on.app.probe.submit(QUERY)
        gates[0].set()
        await on.until(lambda: on.state.done == 8)
        await on.pilot.press("right_square_bracket")
        assert "floor 0.45" in on.text()
        for gate in gates:
            gate.set()
        await on.idle()
        assert on.state.trace.floor.value == pytest.approx(0.45)
        assert on.workspace.traces.stored[0].floor.value == pytest.approx(0.45)


async def test_the_floor_stays_where_the_order_is_on_another_scale(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("tab", "g")
        await on.ask(QUERY)
        await on.pilot.press("right_square_bracket")
        assert on.state.settings.floor.value == pytest.approx(0.40)
        assert "The floor stays" in on.text()


async def test_n_asks_for_the_candidates_and_runs_again(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("n")
        assert isinstance(on.app.screen, Prompt)
        await on.pilot.press("2", "0", "enter")
        await on.idle()
        assert on.state.settings.retrieval.candidates == 20
        assert len(on.state.trace.after.hits) == 20
        assert len(on.workspace.traces.stored) == 2
        assert "N 20" in on.line("#title")


async def test_a_wrong_number_says_what_was_expected_and_asks_again(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("tab", "n", "0", "enter")
        assert isinstance(on.app.screen, Prompt)
        assert "retrieval.candidates is 0, expected 1 to 10000" in on.text()
        await on.pilot.press("escape")
        assert on.state.settings.retrieval.candidates == 50


async def test_k_changes_what_is_kept_without_scoring_again(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("k", "3", "enter")
        await on.pilot.pause()
        assert on.state.trace.kept == on.state.trace.after.doc_ids[:3]
        assert len(on.workspace.traces.stored) == 1
        assert "beyond K" in on.text()


async def test_a_k_that_makes_reranking_pointless_runs_again_and_skips_it(bench) -> None:
    no_floor = SETTINGS.override("floor", value=None)  # a floor would need the scores
    async with bench(FakeWorkspace(settings=no_floor)) as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("k", "6", "0", "enter")
        await on.idle()
        assert on.state.trace.ranking("rerank").status.startswith("skipped:50 candidates")
        assert "Reranking skipped" in on.line("#status")
        assert on.app.focused.id == "before"


async def test_g_turns_the_reranker_off_and_on(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("g")
        await on.idle()
        assert on.state.trace.after is None
        assert "reranker off" in on.line("#title")
        assert "The reranker is off" in on.text()
        await on.pilot.press("g")
        await on.idle()
        assert on.state.trace.after is not None


async def test_f_filters_by_metadata(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("f")
        await on.type("field=law")
        await on.pilot.press("enter")
        await on.idle()
        assert dict(on.state.trace.query.filters) == {"field": "law"}
        assert "where field=law" in on.line("#query-bar")
        assert "no passage with field=law matches" in on.line("#status")


async def test_r_runs_again(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("r")
        await on.idle()
        assert [trace.query.text for trace in on.workspace.traces.stored] == [QUERY, QUERY]
        assert "run 2 of 2" in on.line("#query-bar")


async def test_escape_stops_a_run_and_the_fused_order_stands(bench) -> None:
    gates = [threading.Event() for _ in range(7)]
    async with bench(FakeWorkspace(Script(rerank_gates=gates))) as on:
        await on.ready()
        on.app.probe.submit(QUERY)
        gates[0].set()
        await on.until(lambda: on.state.done == 8)
        await on.pilot.press("escape")
        assert on.state.run is RunPhase.STOPPED
        assert "Stopped after 8 of 50 candidates" in on.line("#status")
        assert "stopped at 8/50" in on.line("#rail")
        for gate in gates:
            gate.set()
        await on.pilot.pause(0.05)
        assert on.state.run is RunPhase.STOPPED
        assert on.workspace.traces.stored == []


async def test_angle_brackets_show_earlier_and_later_runs(bench) -> None:
    async with bench() as on:
        await on.ready()
        for query in ("ibuprofen", "naproxen", "aspirin"):
            await on.ask(query)
        await on.pilot.press("less_than_sign", "less_than_sign")
        assert on.state.trace.query.text == "ibuprofen"
        assert "run 1 of 3" in on.line("#query-bar")
        assert "› ibuprofen" in on.line("#query-bar")
        await on.pilot.press("less_than_sign")
        assert on.state.place == 1
        await on.pilot.press("greater_than_sign")
        assert on.state.trace.query.text == "naproxen"


async def test_arrows_choose_documents_and_columns(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        after = on.state.trace.after.doc_ids
        assert on.state.chosen == after[0]
        await on.pilot.press("down", "down", "up")
        assert on.state.chosen == after[1]
        await on.pilot.press("end")
        assert on.state.chosen == after[-1]
        await on.pilot.press("home", "pagedown")
        page = on.app.probe.query_one("#after").size.height - 2
        assert on.state.chosen == after[page]
        await on.pilot.press("pageup", "left", "home")
        assert on.app.focused.id == "before"
        assert on.state.chosen == on.state.trace.before.doc_ids[0]
        await on.pilot.press("right")
        assert on.app.focused.id == "after"
        assert on.state.chosen == on.state.trace.before.doc_ids[0]


async def test_the_other_column_marks_the_chosen_document_too(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("down", "down")
        rows = on.line("#columns").split("\n")
        half = on.app.size.width // 2
        assert [on.state.chosen in row[:half] for row in rows if "▷" in row[:half]] == [True]
        assert [on.state.chosen in row[half:] for row in rows if "▶" in row[half:]] == [True]


async def test_a_document_that_is_not_in_a_column_is_said_to_be_absent(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        trace = on.state.trace
        short = replace(trace.after, hits=trace.after.hits[:20])
        on.app.probe.show_trace(trace.with_ranking(short))
        await on.pilot.pause()
        await on.pilot.press("left", "end")
        await on.pilot.pause()
        gone = on.state.chosen
        assert gone in on.line("#after")
        assert "not returned" in on.line("#after")


async def test_tab_goes_round_the_parts(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        seen = []
        for _ in range(4):
            await on.pilot.press("tab")
            seen.append(on.app.focused.id)
        assert seen == ["document", "query", "before", "after"]
        await on.pilot.press("shift+tab")
        assert on.app.focused.id == "before"


async def test_v_turns_through_the_tabs_and_back(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("v")
        await on.pilot.pause()
        assert "probability" in on.line("#document")
        assert "bm25 + dense: 1/" in on.line("#document")
        await on.pilot.press("v", "v", "v")
        await on.pilot.pause()
        assert "oral suspension" in on.line("#document")


async def test_l_scrolls_the_columns_together(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        before, after = on.app.probe.query_one("#before"), on.app.probe.query_one("#after")
        await on.pilot.press("l", "pagedown", "pagedown")
        assert before.scroll_offset.y == after.scroll_offset.y > 0


async def test_s_saves_a_picture_and_says_where(bench, tmp_path) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("s")
        await on.pilot.pause()
        picture = tmp_path / "rankscope-2026-01-31T12-00-00.svg"
        assert picture.read_text(encoding="utf-8").startswith("<svg")
        assert "Picture saved" in on.text()


async def test_a_picture_that_cannot_be_saved_says_why(bench, tmp_path) -> None:
    async with bench() as on:
        await on.ready()
        on.app.picture_folder = tmp_path / "[/b]" / "nowhere"
        await on.pilot.press("tab", "s")
        await on.pilot.pause()
        assert "Not saved" in on.text()
        assert "No such file" in on.text()


async def test_t_switches_the_theme(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("tab", "t")
        assert on.app.theme == "rankscope-light"
        await on.pilot.press("t")
        assert on.app.theme == "rankscope-dark"


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_lists_every_key(bench, key: str) -> None:
    async with bench(size=(120, 60)) as on:
        await on.ready()
        if key == "question_mark":
            await on.pilot.press("tab")
        await on.pilot.press(key)
        assert isinstance(on.app.screen, HelpScreen)
        text = " ".join(on.app.screen.query_one(FittedText).render().plain.split())
        for entry in (*PROBE_KEYS, *keys.GLOBAL):
            assert entry.sentence in text
            assert entry.shown in text
        await on.pilot.press("escape")
        assert not isinstance(on.app.screen, HelpScreen)


async def test_the_palette_runs_what_the_keys_run(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.press("ctrl+p")
        await on.type("raise")
        await on.pilot.pause(0.2)
        await on.pilot.press("enter", "enter")
        await on.until(lambda: on.state.trace.floor.value > 0.4)


async def test_the_palette_offers_only_what_works_now(bench) -> None:
    async with bench() as on:
        await on.ready()
        offered = {command.title for command in on.app.get_system_commands(on.app.probe)}
        assert "Set N" in offered
        assert "Raise the floor" not in offered
        await on.ask(QUERY)
        offered = {command.title for command in on.app.get_system_commands(on.app.probe)}
        assert {"Raise the floor", "Save a picture", "All keys"} <= offered


async def test_the_last_line_shows_the_keys_that_work_now(bench) -> None:
    async with bench() as on:
        await on.ready()
        assert "enter run and keep" in on.line("#keys")
        assert "[ ] floor" not in on.line("#keys")
        await on.ask(QUERY)
        assert "[ ] floor" in on.line("#keys")
        assert "stop" not in on.line("#keys")


async def test_q_leaves(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("tab", "q")
        await on.until(lambda: not on.app.is_running)


async def test_a_click_chooses_a_document(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.ask(QUERY)
        await on.pilot.click("#before", offset=(20, 4))
        assert on.state.chosen == on.state.trace.before.doc_ids[3]


def test_every_key_is_bound_once() -> None:
    table = (*PROBE_KEYS, *keys.GLOBAL)
    also = ("close_trace", "stop_words")  # esc stops a run, an explanation, or closes
    bound = [key.key for key in table if key.action not in also]
    assert len(bound) == len(set(bound))
