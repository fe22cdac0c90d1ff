"""Hypothesis strategies for traces, hostile text included."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace

HOSTILE = [
    "[/b]",
    "[@click=app.quit]x",
    "\x1b[31m\x1b]8;;http://x\x07",
    "\x9b2J",
    "\u202egnp\u202c",
    "a\0b",
    "👩\u200d👩\u200d👧",
    "漢字かな",
    "\ud800",
    "caf\udce9",
    "\u2028line\r\n",
    "'; DROP TABLE traces; --",
    'json:"x"',
    "json:null",
    "%_\\",
]
# JSON reads a high surrogate followed by a low one as the character that the two encode.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def hostile_text(max_size: int = 20, min_size: int = 0) -> st.SearchStrategy[str]:
    anything = st.text(alphabet=st.characters(codec=None), min_size=min_size, max_size=max_size)
    return st.one_of(st.sampled_from(HOSTILE), anything).filter(lambda text: not _PAIR.search(text))


finite = st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | hostile_text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text(8), inner, max_size=3),
    max_leaves=5,
)
tables = st.dictionaries(hostile_text(8), json_values, max_size=3)
zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
statuses = st.one_of(
    st.sampled_from(["ok", "partial"]),
    hostile_text().map(lambda reason: f"skipped:{reason}"),
    hostile_text().map(lambda reason: f"failed:{reason}"),
)
wholes = st.none() | st.integers(0, 2**53)


@st.composite
def rankings(draw: st.DrawFn, stage: str) -> Ranking:
    ranks = sorted(draw(st.sets(st.integers(1, 2**53) | st.integers(1, 12), max_size=5)))
    hits = tuple(
        Hit(
            doc_id=draw(hostile_text(6)),
            rank=rank,
            score=draw(st.none() | finite),
            details=draw(st.dictionaries(hostile_text(6), finite, max_size=2)),
        )
        for rank in ranks
    )
    return Ranking(
        stage=stage,
        score_scale=draw(st.sampled_from(ScoreScale)),
        hits=hits,
        ms=draw(st.none() | finite),
        depth=draw(wholes),
        status=draw(statuses),
        details=draw(st.dictionaries(hostile_text(6), finite | hostile_text(), max_size=2)),
    )


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    stages = draw(
        st.lists(
            st.sampled_from(["bm25", "dense", "fusion", "rerank"]) | hostile_text(6), unique=True, max_size=4
        )
    )
    drawn = tuple(draw(rankings(stage)) for stage in stages)
    ids = [hit.doc_id for ranking in drawn for hit in ranking.hits] + draw(
        st.lists(hostile_text(6), max_size=2)
    )
    documents = {
        doc_id: Document(doc_id, draw(hostile_text(30)), draw(hostile_text()), draw(tables))
        for doc_id in ids
        if draw(st.booleans())
    }
    return Trace(
        trace_id=draw(hostile_text(20, min_size=1)),
        created_at=draw(
            st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=zones)  # noqa: DTZ001
        ),
        origin=draw(st.sampled_from(["live", "replay", "recorder", "import:trec"]) | hostile_text()),
        query=Query(
            draw(hostile_text(40)),
            filters=draw(st.dictionaries(hostile_text(6), hostile_text(), max_size=2)),
            query_id=draw(st.none() | hostile_text()),
        ),
        rankings=drawn,
        pipeline=PipelineInfo(
            fingerprint=draw(hostile_text()),
            corpus=draw(hostile_text()),
            settings=draw(tables),
            models=draw(
                st.dictionaries(
                    hostile_text(8),
                    st.builds(
                        ModelInfo,
                        name=hostile_text(),
                        revision=hostile_text(),
                        dtype=hostile_text(),
                        max_length=wholes,
                        activation=hostile_text(),
                    ),
                    max_size=2,
                )
            ),
        ),
        floor=draw(st.none() | st.builds(Floor, finite, st.sampled_from(ScoreScale), hostile_text())),
        top_k=draw(wholes),
        kept=tuple(draw(st.lists(hostile_text(6), max_size=3))),
        decision=draw(st.sampled_from([None, "answer", "refuse"])),
        findings=tuple(
            draw(
                st.lists(
                    st.builds(
                        Finding,
                        code=hostile_text(8),
                        severity=st.sampled_from(["info", "warning", "error"]),
                        message=hostile_text(),
                        doc_ids=st.lists(hostile_text(6), max_size=2).map(tuple),
                    ),
                    max_size=2,
                )
            )
        ),
        documents=documents,
        parent_id=draw(st.none() | hostile_text()),
        attributes=draw(tables),
    )
