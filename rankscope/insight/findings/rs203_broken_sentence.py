"""RS203: a passage starts or ends inside a sentence."""

from __future__ import annotations

import re

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.trace import Finding, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE", "breaks_of", "is_prose"]

_ENDS = frozenset(".!?…:;。！？；｡؟۔।॥።។၊။‽~`>|=}")
"""Characters that close a sentence, a list's head, code or a table row."""
_CLOSERS = "\"'”’»›)]*_」』）】"
_FIRST_WORD = re.compile(r"[^\W\d_]+")
FEWEST_WORDS = 8
"""A text of fewer words is a title, a label or a row: it has no sentence to break."""


def check(evidence: Evidence) -> Outcome:
    """Look at both ends of the passages in the top K."""
    prose = [document for document in evidence.top_documents if is_prose(document)]
    if not prose:
        return NotApplicable("no document of the top K has its text recorded and is prose")
    broken = {document.doc_id: parts for document in prose if (parts := breaks_of(document.text))}
    if not broken:
        return ()
    ids = tuple(broken)
    severity: Severity = "warning" if len(ids) >= evidence.settings.broken_share * len(prose) else "info"
    first = ids[0]
    of = f"of {counted(len(prose), 'passage')}"
    text = counted(len(ids), f"{of} breaks a sentence", f"{of} break a sentence")
    text += f": {named(ids)}; {named([first])} {broken[first]}"
    return (Finding("RS203", severity, text, ids),)


def is_prose(document: Document) -> bool:
    """Whether it has sentences: enough words, and a sentence end ahead of the last character."""
    text = document.text
    return len(text.split(maxsplit=FEWEST_WORDS)) >= FEWEST_WORDS and any(
        mark in text[:-1] for mark in (". ", "! ", "? ", "。", "！", "？", "؟", "।", ".\n")
    )


def breaks_of(text: str) -> str:
    """How a passage breaks off: ``starts``, ``ends`` or both inside a sentence; empty when it does not."""
    start = _starts_inside(text.lstrip())
    end = _ends_inside(text.rstrip())
    if start and end:
        return "starts and ends inside a sentence"
    return "starts inside a sentence" if start else "ends inside a sentence" if end else ""


def _starts_inside(text: str) -> bool:
    """Punctuation that continues, or a lower-case word that is not a name such as ``v2`` or ``iPhone``."""
    if text[:1] in (",", ";", ")", "]"):
        return True
    word = _FIRST_WORD.match(text)
    if word is None or not word[0].islower():
        return False
    following = text[word.end() : word.end() + 1]
    return following.isspace() or following in (",", ".", ";", "'", "’")


def _ends_inside(text: str) -> bool:
    """The last character closes nothing, and the last line is long enough to be a sentence."""
    if not text or text[-1] in _ENDS or text[-1] in _CLOSERS:
        return False
    last_line = text.rsplit("\n", 1)[-1]
    # A short last line without an end is a heading, a signature or a table row.
    return "\n" not in text or len(last_line.split()) >= FEWEST_WORDS


RULE = Rule(
    code="RS203",
    name="broken-sentence",
    severity="warning",
    summary="a chunk starts or ends inside a sentence",
    explanation=(
        "A passage that was cut by length and not at a sentence's end loses the words that say who or what "
        "the rest is about. Retrievers match it for the wrong reasons and readers cannot use it."
    ),
    remedy="Cut at sentence ends (rankscope's own chunker does), or let passages overlap by a sentence.",
    needs="the texts of documents in the top K",
    check=check,
)
