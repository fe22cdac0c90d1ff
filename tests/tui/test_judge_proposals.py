"""On the judge screen: a model proposes, a person confirms, and nothing leaves without consent."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from rankscope.engine.consent import Consent, Consents
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.panel import Panel
from tests.adapters.judge_server import Answer, judge_server
from tests.tui.judged import QUERIES, JudgedWorkspace, fill
from tests.tui.judging_app import judging


@pytest.fixture
def workspace(tmp_path: Path) -> JudgedWorkspace:
    made = JudgedWorkspace(tmp_path)
    fill(made)
    return made


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
