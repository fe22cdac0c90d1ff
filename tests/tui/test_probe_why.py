"""The tabs look documents up beside the screen; where is ...?; one beside another; the slope chart."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from textual.widgets import Input, OptionList

from rankscope.core.documents import Document, Query
from rankscope.tui.answers import Answers, Subject
from rankscope.tui.screens.find_document import FindDocument
from rankscope.tui.screens.movement import MovementScreen
from rankscope.tui.screens.probe_why import question_of
from tests.tui.fakes import FakeReranker, FakeWorkspace, Script
from tests.tui.traces import RERANKED, trace

QUERY = "ibuprofen dosage for children"


@pytest.fixture(autouse=True)
def ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rest before a look-up, nor before a search."""
    monkeypatch.setattr("rankscope.tui.screens.probe_why.REST_S", 0.001)
    monkeypatch.setattr("rankscope.tui.screens.find_document.REST_S", 0.001)


async def settled(on) -> None:
    """Wait until the tab in front has its answer, or its reason for having none."""

    def done() -> bool:
        question = question_of(on.state)
        answers = on.state.answers
        return not answers.running and (question is None or answers.settled(question.subject))

    await on.until(done)


async def asked(on) -> None:
    await on.ready()
    await on.ask(QUERY)
    await settled(on)


async def turned(on, *keys: str) -> str:
    """Press keys, wait for the look-up, and read the pane."""
    await on.pilot.press(*keys)
    await settled(on)
    return on.line("#document")


async def test_each_tab_is_looked_up_and_answers_its_question(bench) -> None:
    async with bench() as on:
        await asked(on)
        assert "reads all 35 tokens" in on.line("#document")
        life = await turned(on, *["down"] * 8, "v")
        assert "Lost at the floor: rank 9" in life
        assert "Each of these alone would bring it in" in life
        assert "floor.value 0.4 -> 0.35" in life
        assert "nearest sentence" in await turned(on, "v")
        words = await turned(on, "v")
        assert "takes off, in logits" in words
        assert "children +" in words
        assert on.state.view == "words"


async def test_the_rescue_follows_the_floor(bench) -> None:
    async with bench() as on:
        await asked(on)
        assert "Lost at the floor" in await turned(on, *["down"] * 10, "v")
        assert "Kept: rank 11 of" not in on.line("#document")
        life = await turned(on, "left_square_bracket", "left_square_bracket")
        assert "Lost at K: rank 11, 1 place behind K=10" in life
        assert "floor.top_k 10 -> 11" in life


async def test_where_is_a_document_that_no_list_holds(bench) -> None:
    stray = Document("zebra-01", "A zebra crossing needs stripes.", title="Zebra")
    async with bench(FakeWorkspace(documents=[*FakeWorkspace().documents, stray])) as on:
        await asked(on)
        await on.pilot.press("w")
        assert isinstance(on.app.screen, FindDocument)
        on.app.screen.query_one("#find-input", Input).value = "needs stripes"
        matches = on.app.screen.query_one("#find-matches", OptionList)
        await on.until(lambda: matches.option_count == 1)
        assert "zebra-01" in on.text()
        await on.pilot.press("enter")
        await settled(on)
        assert (on.state.chosen, on.state.view) == ("zebra-01", "biography")
        life = on.line("#document")
        assert "Never retrieved: no list holds it" in life
        assert "as a candidate it would have" in life
        assert "it shares no term with the query" in life
        assert "A zebra crossing" in await turned(on, "v", "v", "v")
        await on.ask(QUERY)
        assert on.state.chosen == "zebra-01"


async def test_where_is_finds_by_id_first_and_says_when_there_is_none(bench) -> None:
    async with bench() as on:
        await asked(on)
        await on.pilot.press("w")
        field = on.app.screen.query_one("#find-input", Input)
        matches = on.app.screen.query_one("#find-matches", OptionList)
        field.value = "ibu-adult-01"
        await on.until(lambda: matches.option_count > 0)
        assert "rerank #11" in on.text()
        field.value = "no such words [/b]"
        await on.until(lambda: "No document has this id" in on.text())
        await on.pilot.press("escape")
        assert on.app.screen is on.app.probe


async def test_two_documents_are_set_side_by_side(bench) -> None:
    async with bench() as on:
        await asked(on)
        assert "This document is marked" in await turned(on, "a")
        text = await turned(on, "down")
        assert "ibu-child-02" in text
        assert "over ibu-child-01" in text
        assert "difference" in text
        assert "beside" in on.line("#document-rule")
        await on.pilot.press("up", "a")
        assert on.state.other == ""


class SlowReranker(FakeReranker):
    """Waits before each chunk of an explanation until it is told to go on."""

    go_on = threading.Semaphore(0)

    def score(self, query: str, candidates: Sequence[Document], **options: object) -> Iterator:
        for chunk in super().score(query, candidates, **options):
            if candidates[0].doc_id == "0":  # a text of an explanation, not a candidate
                while not self.go_on.acquire(timeout=0.01):
                    if options["cancelled"]():
                        return
            yield chunk


async def test_an_explanation_streams_in_and_escape_stops_it(bench, monkeypatch) -> None:
    monkeypatch.setattr("tests.tui.fakes.FakeReranker", SlowReranker)
    SlowReranker.go_on = threading.Semaphore(2)
    async with bench(FakeWorkspace(Script(chunk=2))) as on:
        await asked(on)
        await on.pilot.press("v", "v", "v")
        await on.until(lambda: "leaving out parts" in on.line("#document"))
        await on.until(lambda: on.state.answers.words(on.state.trace, on.state.chosen).done >= 2)
        assert ("esc", "stop") in on.app.probe.query_one("#keys").hints()
        await on.pilot.press("escape")
        assert "words" not in on.state.answers.running
        await on.pilot.pause()
        assert "stopped after" in on.line("#document")
        done = on.state.answers.words(on.state.trace, on.state.chosen).done
        SlowReranker.go_on.release(50)
        await on.pilot.pause(0.1)
        assert on.state.answers.words(on.state.trace, on.state.chosen).done == done


async def test_the_slope_chart_opens_and_closes(bench) -> None:
    async with bench() as on:
        await on.ready()
        await on.pilot.press("escape", "m")
        assert not isinstance(on.app.screen, MovementScreen)
        await on.ask(QUERY)
        await on.pilot.press("m")
        assert isinstance(on.app.screen, MovementScreen)
        assert "overlap@10" in on.text()
        await on.pilot.press("pagedown")
        assert " 50 " in on.text()
        await on.pilot.press("escape")
        assert on.app.screen is on.app.probe


async def test_an_imported_trace_says_what_is_not_known(bench) -> None:
    async with bench() as on:
        await asked(on)
        await on.pilot.press("v")
        made = replace(trace(scores=RERANKED), documents={}, origin="import:trec")
        on.app.probe.show_trace(made)
        life = await turned(on)
        assert "recorded without its pipeline" in life
        assert "Kept: rank 1" in life
        assert "holds no text" in await turned(on, "v")
        assert "holds no text" in await turned(on, "v")
        await on.pilot.press("escape")
        assert not on.state.read_only


async def test_a_stored_trace_of_another_model_is_weighed_by_the_model_here(bench) -> None:
    async with bench() as on:
        await asked(on)
        text = "Ibuprofen for children."
        made = replace(trace(scores=RERANKED, texts={"c": text}), query=Query("ibuprofen children"))
        on.app.probe.show_trace(made)
        assert "does not say which cross-encoder" in await turned(on)
        words = await turned(on, "v", "v", "v")
        assert "by the model here; the trace has .900" in words
        on.app.probe.show_trace(replace(made, query=Query("")))
        assert "no text of the query" in await turned(on)


def test_only_the_answer_that_is_waited_for_counts() -> None:
    made = trace(scores=RERANKED)
    first, second = (Subject.of("terms", made, doc_id) for doc_id in ("a", "b"))
    answers = Answers().started(first).started(second)
    assert answers.answered(first, "late") is answers
    assert answers.failed(first, "late") is answers
    known = answers.answered(second, "told")
    assert known.settled(second)
    assert not known.settled(first)
    assert known.answers["terms"] == (second, "told")
    assert known.running == {}
    assert answers.failed(second, "why").problem(second) == "why"
    assert answers.stopped("terms").running == {}
    partly = answers.answered(second, "so far", finished=False)
    assert partly.stopped("terms").settled(second)  # by the user: what is there stays
    assert not partly.left("terms").settled(second)  # the tab was left: back there, it is asked again
    assert Subject.of("life", made, "a") != Subject.of("life", replace(made, top_k=3), "a")
    assert Subject.of("terms", made, "a") == Subject.of("terms", replace(made, top_k=3), "a")
