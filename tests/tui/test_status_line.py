"""The status line, what stands above it, and texts that are made for a width."""

from __future__ import annotations

import pytest
from textual.content import Content

from rankscope.tui.cells import hung
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.panel import Panel
from rankscope.tui.sentences import Sentence
from rankscope.tui.widgets.fitted_text import FittedText
from rankscope.tui.widgets.status_line import StatusLine

WORDS = "seven7 " * 40


@pytest.mark.parametrize(("words", "lines"), [(3, 1), (16, 2), (40, 2)])
async def test_a_question_leaves_the_whole_status_in_sight(bench, words: int, lines: int) -> None:
    async with bench(size=(80, 24)) as on:
        await on.ready()
        status = on.app.screen.query_one(StatusLine)
        status.show(Sentence("calm", WORDS[: 7 * words].strip()))
        await on.until(lambda: status.size.height == lines)
        on.app.push_screen(Confirm("Really?", "does it"))
        await on.until(lambda: isinstance(on.app.screen, Confirm))
        await on.until(lambda: on.app.screen.query_one("#confirm-box").region.bottom == status.region.y)


async def test_a_status_that_is_too_long_says_that_it_goes_on(bench) -> None:
    async with bench(size=(80, 24)) as on:
        await on.ready()
        status = on.app.screen.query_one(StatusLine)
        for text, goes_on in ((WORDS, True), (WORDS[: 7 * 16].strip(), False), (WORDS, True)):
            status.show(Sentence("warn", text))
            await on.until(lambda: status.size.height == 2)
            shown = status.query_one("#status-text").render().plain
            assert shown.endswith("…") is goes_on
            assert max(map(len, shown.split("\n"))) <= 77 or not goes_on


async def test_a_panel_is_as_high_as_its_text_and_folds_it_beside_the_sign(bench) -> None:
    def make(width: int) -> Content:
        return Content("\n").join(hung(Content("what  "), Content(WORDS.strip()), width))

    async with bench(size=(80, 24)) as on:
        await on.ready()
        on.app.push_screen(Panel("Words", make))
        await on.until(lambda: isinstance(on.app.screen, Panel))
        text = on.app.screen.query_one(FittedText)
        await on.until(lambda: text.size.height > 1)
        first, *more = text.render().plain.split("\n")
        assert len(more) + 1 == text.size.height
        assert first.startswith("what  seven7")
        assert all(line.startswith("      seven7") for line in more)
        assert sum(line.count("seven7") for line in (first, *more)) == 40
