"""Findings: cut on one line with the key that shows them, whole in their panel."""

from __future__ import annotations

from dataclasses import replace

from rankscope.core.documents import Query
from rankscope.core.trace import Finding
from rankscope.insight.findings import rule_by_code
from rankscope.tui.findings_views import findings_line, findings_text
from rankscope.tui.screens.panel import Panel
from rankscope.tui.widgets.fitted_text import FittedText
from tests.tui.traces import RERANKED, trace

LONG = "the words of the query are in none of the first ten documents, " * 2
FOUND = (
    Finding("RS101", "info", "few candidates"),
    Finding("RS402", "warning", LONG, ("a", "[b]\x1b[31m")),
)


def test_a_line_with_room_names_all_and_no_key() -> None:
    line = findings_line(replace(trace(scores=RERANKED), findings=FOUND[:1]), 60).plain
    assert line == " RS101 few candidates "


def test_a_cut_line_has_the_worst_first_and_the_key() -> None:
    for width in (30, 60, 200):  # also where the line has room, and one message is cut
        line = findings_line(replace(trace(scores=RERANKED), findings=FOUND), width)
        assert line.plain.startswith(" RS402 the words")
        assert line.plain.endswith("  ! in full ")
        assert line.cell_length <= width


def test_in_full_nothing_is_cut() -> None:
    text = findings_text(replace(trace(scores=RERANKED), findings=FOUND), 2000).plain
    assert text.index("RS402") < text.index("RS101")
    assert LONG.strip() in text
    assert "a, [b]" in text
    for code in ("RS101", "RS402"):
        assert rule_by_code(code).remedy in text
    unknown = replace(trace(scores=RERANKED), findings=(Finding("X1", "info", "elsewhere"),))
    assert findings_text(unknown, 80).plain == " X1  info\n elsewhere"
    assert "\x1b" not in text


async def test_the_key_opens_them_where_there_are_any(bench) -> None:
    async with bench() as on:
        await on.ready()
        on.app.probe.show_trace(trace(scores=RERANKED))
        await on.pilot.pause()
        assert not on.app.probe.check_action("show_findings", ())
        on.app.probe.show_trace(replace(trace(scores=RERANKED), findings=FOUND))
        await on.pilot.pause()
        await on.pilot.press("exclamation_mark")
        await on.until(lambda: isinstance(on.app.screen, Panel))
        shown = on.app.screen.query_one(FittedText).render().plain
        assert LONG.strip() in " ".join(shown.split())


async def test_a_long_query_of_a_stored_trace_is_cut_before_what_stands_beside_it(bench) -> None:
    async with bench() as on:
        await on.ready()
        on.app.probe.show_trace(
            replace(trace(scores=RERANKED), query=Query("how deep is it drilled " * 9)), came_from="verdict"
        )
        await on.pilot.pause()
        line = on.text().split("\n")[1]
        assert line.strip().startswith("› how deep is it drilled how")
        assert "…  esc to verdict" in line
