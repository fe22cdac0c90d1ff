"""Documents, queries and traces that try to break the screen or reach the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from rankscope.core.documents import Document
from rankscope.tui.screens.probe_why import question_of
from tests.tui.fakes import FakeWorkspace

NASTY = {
    "markup": "closing [/b] and [@click=app.quit]click[/] and [red]red",
    "escape": "clear \x1b[2J\x1b[31mred\x1b]0;owned\x07 title",
    "c1": "csi \x9b31m and osc \x9d0;owned\x9c",
    "bidi": "evil \u202egnp.exe\u2066 \u200f",
    "nul": "a\x00b\x08\x7fc\r\nd\x0c",
    "wide": "漢字とかな 한국어 👩‍🔬 family 👨‍👩‍👧‍👦 ｆｕｌｌ",
    "marks": "z" + "\u0301" * 40,
    "surrogate": "half \ud83d done",
}
QUERY = "word"


def nasty_documents() -> list[Document]:
    """Documents whose id, title, text and metadata all hold the same mischief, and all match the query."""
    documents = []
    for name, mischief in NASTY.items():
        for copy in range(2):
            documents.append(
                Document(
                    f"{name}-{copy} {mischief}",
                    f"{QUERY} {mischief} {QUERY}\n{mischief}",
                    title=f"{QUERY} {mischief}",
                    metadata={f"key {mischief}": mischief},
                )
            )
    return documents


def nasty_workspace() -> FakeWorkspace:
    workspace = FakeWorkspace(documents=nasty_documents())
    workspace.name = NASTY["escape"] + NASTY["markup"]
    workspace.example_queries = (f"{QUERY} {NASTY['markup']}", f"{QUERY} {NASTY['escape']}")
    return workspace


async def settled(on) -> None:
    """Wait until the tab in front has its answer."""

    def done() -> bool:
        question, answers = question_of(on.state), on.state.answers
        return not answers.running and (question is None or answers.settled(question.subject))

    await on.until(done)


def assert_clean(screen: str) -> None:
    for char in screen.replace("\n", ""):
        code = ord(char)
        assert code >= 0x20, f"U+{code:04X} reached the screen"
        assert not 0x7F <= code <= 0x9F, f"U+{code:04X} reached the screen"
        assert char not in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        assert not 0xD800 <= code <= 0xDFFF


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_every_hostile_document_is_shown_safely(bench, size) -> None:
    async with bench(nasty_workspace(), size=size) as on:
        await on.ready()
        assert_clean(on.text())
        await on.ask(f"{QUERY} [/b]\x1b[31m\u202e")
        order = on.state.trace.final.doc_ids
        assert len(order) == len(nasty_documents())
        for place in range(len(order)):
            assert_clean(on.text())
            if place % 2:
                await on.pilot.press("v")
            await on.pilot.press("down")
        on.app.export_screenshot()


async def test_every_tab_and_panel_is_safe(bench, monkeypatch) -> None:
    monkeypatch.setattr("rankscope.tui.screens.probe_why.REST_S", 0.001)
    async with bench(nasty_workspace(), size=(80, 24)) as on:
        await on.ready()
        await on.ask(f"{QUERY} [/b]\x1b[31m\u202e other")
        for name in NASTY:
            wanted = next(doc_id for doc_id in on.state.trace.final.doc_ids if doc_id.startswith(f"{name}-0"))
            on.app.probe.state = on.state.choosing(wanted)
            for _ in range(4):
                await on.pilot.press("v")
                await settled(on)
                assert_clean(on.text())
        await on.pilot.press("a", "up")
        await settled(on)
        assert_clean(on.text())
        await on.pilot.press("m")
        assert_clean(on.text())
        await on.pilot.press("escape", "w")
        on.app.screen.query_one("#find-input", Input).value = QUERY
        matches = on.app.screen.query_one("#find-matches", OptionList)
        await on.until(lambda: matches.option_count > 0)
        assert_clean(on.text())
        on.app.export_screenshot()


async def test_the_query_itself_may_be_hostile(bench) -> None:
    async with bench(nasty_workspace()) as on:
        await on.ready()
        field = on.app.probe.query_one("#query")
        for mischief in NASTY.values():
            text = f"{QUERY} {mischief}".replace("\n", " ").replace("\r", " ")
            field.value = text
            await on.pilot.pause()
            assert_clean(on.text())
            await on.ask(text)
            assert_clean(on.text())
            assert on.state.query.text == text.strip()


async def test_hostile_filters_and_failures_are_shown_safely(bench) -> None:
    workspace = nasty_workspace()
    workspace.script.rerank_failure = NASTY["escape"] + NASTY["markup"]
    async with bench(workspace) as on:
        await on.ready()
        on.app.probe.state = on.state.__class__(
            **{
                **{name: getattr(on.state, name) for name in on.state.__slots__},
                "filters": {"[/b]\x1b": NASTY["escape"]},
            }
        )
        await on.pilot.pause()
        assert_clean(on.text())
        await on.ask(QUERY)
        await on.pilot.press("f")
        await on.pilot.pause()
        assert_clean(on.text())
        await on.pilot.press("escape")
        workspace.traces.failure = OSError(NASTY["markup"] + NASTY["escape"])
        await on.ask(QUERY)
        await on.pilot.pause()
        assert_clean(on.text())


CHILD = """
import sys
from tests.tui.test_hostile import QUERY, nasty_workspace
from rankscope.tui.app import RankScopeApp

class Child(RankScopeApp):
    async def on_mount(self):
        self.set_interval(0.05, self.step)
        self.steps = 0

    def step(self):
        self.steps += 1
        if self.steps == 2:
            self.probe.submit(QUERY)
        elif 6 < self.steps < 16:
            self.simulate_key("down")
        elif self.steps == 16:
            self.simulate_key("v")
        elif self.steps >= 20:
            self.exit()

Child(nasty_workspace()).run()
"""


def terminal_output(argv: list[str], seconds: float) -> bytes:
    """What a program writes to a terminal of 120 by 40 until it ends."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", PYTHONPATH=str(Path.cwd()))
        os.execv(argv[0], argv)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    written = bytearray()
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        ready, _, _ = select.select([master], [], [], 0.2)
        if not ready:
            continue
        try:
            chunk = os.read(master, 65536)
        except OSError:  # the child closed its end
            break
        if not chunk:
            break
        written += chunk
    os.close(master)
    os.waitpid(pid, 0)
    return bytes(written)


def test_no_escape_of_a_document_reaches_the_terminal() -> None:
    written = terminal_output([sys.executable, "-c", CHILD], seconds=30)
    text = written.decode("utf-8", "replace")
    assert "␛[2J␛[31mred␛]0;owned␇" in text.replace("\x1b[0m", ""), "the document was not on the screen"
    assert b"\x1b]0;owned" not in written
    assert b"\x1b[2J\x1b[31m" not in written
    assert b"\x00" not in written
    for char in ("\u202e", "\u2066", "\u009b", "\u009d"):
        assert char not in text
