"""The screens behind the number keys: each is one line of a table, with one table of keys."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest

from rankscope.tui import keys
from rankscope.tui.modes import MODES, mode_named
from rankscope.tui.screens.help import HelpScreen, help_text
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.widgets.fitted_text import FittedText
from rankscope.tui.widgets.mode_tabs import ROOM_FOR_TITLES, mode_tabs
from tests.tui.traces import RERANKED, trace

NAMES = [mode.name for mode in MODES]


def screen_class(name: str) -> type[ModeScreen]:
    module, _, class_name = mode_named(name).screen.partition(":")
    return getattr(import_module(module), class_name)


@pytest.mark.parametrize("name", NAMES)
def test_a_registered_screen_is_a_mode_screen_with_its_own_keys(name: str) -> None:
    screen = screen_class(name)
    assert issubclass(screen, ModeScreen)
    assert name == screen.MODE
    assert screen.KEYS
    bound = [binding.key for binding in screen.BINDINGS]
    assert [key.key for key in screen.KEYS] == bound[: len(screen.KEYS)]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_the_keys_of_its_screen_and_the_global_ones(name: str) -> None:
    screen = screen_class(name)
    text = help_text(screen.KEYS, screen.NOTES, width=400).plain
    for key in (*screen.KEYS, *keys.GLOBAL):
        assert key.sentence in text
        assert key.shown in text
    assert "ctrl+p" in text
    for sign, meaning in screen.NOTES.reading:
        assert sign in text
        assert meaning in text


@pytest.mark.parametrize("name", NAMES)
def test_what_keys_do_stands_in_one_column_and_is_folded_in_it(name: str) -> None:
    screen = screen_class(name)
    notes = replace(screen.NOTES, reading=(), footnote="")
    wide, narrow = (help_text(screen.KEYS, notes, width).plain.split("\n") for width in (400, 64))
    column = next(line.index(keys.GLOBAL[0].sentence) for line in wide if keys.GLOBAL[0].sentence in line)
    rows = [line for line in wide if line.startswith(" ")]
    assert rows
    assert all(row[column - 2 : column] == "  " and row[column] != " " for row in rows)
    further = [line for line in narrow if line.startswith(" " * 6)]
    assert all(line[:column].isspace() and line[column] != " " for line in further)
    assert max(map(len, narrow)) <= 64


def test_every_mode_has_a_key_of_its_own() -> None:
    assert [mode.number for mode in MODES] == sorted({mode.number for mode in MODES})
    by_key = {key.key: key.action for key in keys.GLOBAL}
    for mode in MODES:
        assert by_key[mode.number] == by_key[f"alt+{mode.number}"] == f"app.show_mode('{mode.name}')"


@pytest.mark.parametrize("name", NAMES)
def test_tabs_name_this_mode_and_number_the_others(name: str) -> None:
    narrow, wide = mode_tabs(name, 80).plain, mode_tabs(name, ROOM_FOR_TITLES).plain
    for mode in MODES:
        assert mode.number in narrow
        assert f"{mode.number} {mode.title}" in wide
        assert (mode.title in narrow) == (mode.name == name)
    assert len(narrow) <= 32
    # The words beside come first: one cell too little for both, and the titles go.
    room = ROOM_FOR_TITLES - len(wide)
    assert mode_tabs(name, ROOM_FOR_TITLES, room).plain == wide
    assert mode_tabs(name, ROOM_FOR_TITLES, room + 1).plain == narrow


async def test_numbers_choose_a_screen_but_are_text_in_a_field(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("2")
        assert on.app.current_mode == "probe"
        assert on.app.probe.query_one("#query").value == "2"
        await on.pilot.press("escape", "2")
        await on.until(lambda: on.app.current_mode == "traces")
        await on.pilot.press("1")
        await on.until(lambda: on.app.current_mode == "probe")


async def test_a_click_on_a_tab_goes_there(bench) -> None:
    async with bench() as on:
        await on.ready()
        at = on.text().split("\n")[0].index("2 ")
        await on.pilot.click("#title", offset=(at, 0))
        await on.until(lambda: on.app.current_mode == "traces")


async def test_help_and_palette_are_of_the_screen_that_is_showing(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("escape", "2", "question_mark")
        assert isinstance(on.app.screen, HelpScreen)
        assert "Mark this trace" in on.app.screen.query_one(FittedText).render().plain
        await on.pilot.press("escape")
        offered = {command.title for command in on.app.get_system_commands(on.app.screen)}
        assert "Filter the traces" in offered
        assert "Set N" not in offered
        assert {f"{mode.title} screen" for mode in MODES} <= offered


async def test_a_stored_trace_opened_while_the_models_load_leaves_the_live_screen_intact(bench) -> None:
    async with bench() as on:
        on.app.open_trace(trace(scores=RERANKED))
        assert on.state.read_only
        await on.ready()
        assert on.state.read_only
        await on.pilot.press("escape")
        assert not on.state.read_only
        await on.ask("ibuprofen dosage for children")
        assert on.state.trace.query.text == "ibuprofen dosage for children"
