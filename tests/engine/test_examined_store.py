"""Traces get their findings on the way into the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rankscope.core.trace import Finding
from rankscope.engine.checking import CheckPlan
from rankscope.engine.examined_store import ExaminedStore
from rankscope.tracing.store import TraceStore
from tests.insight.findings.scripted_traces import ranking, trace_of

ODD = trace_of(ranking("rerank", "probability", {"a": 3.0, "b": 2.0}), trace_id="odd")


def test_findings_are_attached_unless_the_trace_brings_its_own(tmp_path: Path) -> None:
    own = (Finding("RS403", "info", "as another program saw it"),)
    with TraceStore(tmp_path / "t.db") as store:
        examined = ExaminedStore(store, CheckPlan())
        examined.append(ODD)
        examined.append(replace(ODD, trace_id="told", findings=own))
        examined.flush()
        assert examined.known_ids(["odd", "told", "none"]) == {"odd", "told"}
        assert [item.code for item in store.get("odd").findings] == ["RS104"]
        assert store.get("told").findings == own
        examined.append(ODD)  # again: the stored one has findings now, and is the same trace
        examined.flush()
        assert store.count() == 2
        assert examined.prune(ids=["told"]) == 1
        assert store.count() == 1
