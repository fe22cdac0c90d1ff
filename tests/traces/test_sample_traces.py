"""The traces that come with RankScope: every mistake in them is found, and the good ones are left alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from rankscope.cli.root import cli
from rankscope.core.trace import Finding, Trace
from rankscope.corpus.judgments_io import read_qrels
from rankscope.engine.checking import Checked, CheckPlan, check_file
from rankscope.insight.findings import RULES
from rankscope.insight.judgments import Judgments
from rankscope.tracing.formats.native import iter_file
from tests.traces.make_planted import CHANGES, FEWEST, findings, hits_of, is_healthy

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "traces"
QRELS = ROOT / "sample_corpus" / "qrels" / "test.tsv"
CODES = [rule.code for rule in RULES]


@pytest.fixture(scope="module")
def judgments() -> Judgments:
    return Judgments(read_qrels(QRELS))


@pytest.fixture(scope="module")
def sample() -> list[Trace]:
    return list(iter_file(FOLDER / "sample.jsonl"))


@pytest.fixture(scope="module")
def planted() -> Mapping[str, Trace]:
    return {trace.trace_id: trace for trace in iter_file(FOLDER / "planted.jsonl")}


def found_in(trace: Trace, judgments: Judgments) -> dict[str, Finding]:
    query_id = trace.query.query_id or ""
    return {item.code: item for item in findings(trace, judgments.relevant(query_id))}


@pytest.mark.parametrize("code", CODES)
def test_every_rule_fires_on_the_trace_that_was_planted_for_it(
    code: str, planted: Mapping[str, Trace], judgments: Judgments
) -> None:
    trace = planted[f"planted-{code.lower()}"]
    assert code in found_in(trace, judgments)
    assert code in {item.code for item in trace.findings}


def test_the_readme_says_which_planted_trace_carries_what(planted: Mapping[str, Trace]) -> None:
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    rows = {line.split("`")[1] for line in lines if line.startswith("| `planted-")}
    assert rows == set(planted)


def test_no_error_on_the_clean_traces(sample: list[Trace], judgments: Judgments) -> None:
    clean = [trace for trace in sample if is_healthy(trace)]
    assert len(clean) >= 100
    errors = {
        trace.trace_id: item
        for trace in clean
        for item in found_in(trace, judgments).values()
        if item.severity == "error"
    }
    assert errors == {}


@pytest.mark.parametrize("code", CODES)
def test_breaking_a_good_trace_is_caught_by_the_right_rule(
    code: str, sample: list[Trace], judgments: Judgments
) -> None:
    """At least 95 of 100 broken traces, of those on which the rule was silent before."""
    broken = caught = 0
    for good in sample:
        relevant = judgments.relevant(good.query.query_id or "")
        if not is_healthy(good) or len(hits_of(good, "rerank")) < FEWEST or code in found_in(good, judgments):
            continue
        trace = CHANGES[code](good, relevant)
        if trace is not None:
            broken += 1
            caught += code in {item.code for item in findings(trace, relevant)}
    assert broken >= 10
    assert caught >= 0.95 * broken


def test_the_mistakes_of_the_sample_are_there_to_be_found(sample: list[Trace], judgments: Judgments) -> None:
    assert len(sample) >= 200
    assert len({trace.trace_id for trace in sample}) == len(sample)
    kinds: Counter[str] = Counter()
    for trace in sample:
        found = found_in(trace, judgments)
        leak = found.get("RS602")
        tenant = trace.query.filters.get("tenant")
        strangers = [
            doc_id
            for doc_id in trace.kept
            if tenant and trace.documents[doc_id].metadata.get("tenant") != tenant
        ]
        release = trace.attributes["release"]
        kinds["fallback"] += "RS101" in found and "scores that went in" in found["RS101"].message
        kinds["truncation"] += release == "2.4" and "RS201" in found
        kinds["leak"] += release == "2.4" and bool(strangers)
        kinds["leak told"] += leak is not None and bool(strangers)
        kinds["leak, an error"] += leak is not None and leak.severity == "error"
        kinds["floor scale"] += release == "2.4" and "RS502" in found
        kinds["recall miss"] += release == "2.5" and "RS301" in found
    assert kinds == {
        "fallback": 12,
        "truncation": 15,
        "leak": 8,
        "leak told": 8,
        "leak, an error": 7,
        "floor scale": 10,
        "recall miss": 14,
    }


@pytest.mark.parametrize(
    ("name", "count", "fallbacks"), [("openinference.jsonl", 6, 3), ("langfuse.jsonl", 6, 3)]
)
def test_the_same_mistake_is_found_in_other_formats(name: str, count: int, fallbacks: int) -> None:
    checked = [item for item in check_file(FOLDER / name, CheckPlan()) if isinstance(item, Checked)]
    assert len(checked) == count
    fired = [item for item in checked if any(found.code == "RS101" for found in item.report.findings)]
    assert len(fired) == fallbacks
    for item in checked:  # what such a log cannot tell is said, and is not taken for good
        assert item.report.not_applicable["RS301"] == "this query is not judged"
        assert not set(item.report.passed) & set(item.report.not_applicable)


def test_check_fails_a_build_on_the_planted_traces_and_passes_the_clean_ones(
    tmp_path: Path, sample: list[Trace]
) -> None:
    (tmp_path / "rankscope.toml").touch()
    clean = {trace.trace_id for trace in sample if is_healthy(trace)}
    lines = (FOLDER / "sample.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "clean.jsonl").write_text(
        "\n".join(line for line in lines if json.loads(line)["id"] in clean), encoding="utf-8"
    )

    def check(*arguments: str) -> tuple[int, str]:
        command = ["--workspace", str(tmp_path), "check", "--qrels", str(QRELS), "--json", *arguments]
        result = CliRunner().invoke(cli, command)
        return result.exit_code, result.stdout

    status, text = check(str(FOLDER / "planted.jsonl"))
    assert status == 1
    assert all(json.loads(text)["rules"][code]["fired"] > 0 for code in CODES)
    status, text = check(str(tmp_path / "clean.jsonl"))
    assert status == 0
    assert json.loads(text)["traces"] == len(clean)
