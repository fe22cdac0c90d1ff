"""``rankscope floor`` as a person runs it, on stored traces with planted scores."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.floor import METHODS
from rankscope.cli.floor_output import bar, histogram_lines
from rankscope.cli.root import cli
from rankscope.config import load_settings
from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo
from rankscope.engine.floors import check_trace, floor_state
from rankscope.engine.pipeline import finish
from rankscope.engine.workspace import Workspace
from rankscope.errors import FloorChanged, InputError, SettingsError, UsageError
from rankscope.insight.floors.distributions import histogram
from rankscope.insight.floors.passport import PassportCheck
from rankscope.insight.floors.suggest import METHODS as ALL_METHODS
from rankscope.tracing.floor_log import FloorLog
from rankscope.tracing.judgment_log import JudgmentLog
from rankscope.tracing.store import TraceStore
from tests.insight.floors.scored_traces import MODEL, observed, scored_trace

TOML = "# ours\n[floor]\nvalue = 0.4  # a guess\ntop_k = 5\n"


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Sixty queries, ten without an answer: relevant documents score high, the rest low."""
    draw = random.Random(1)
    traces, qrels, queries = [], ["query-id\tcorpus-id\tscore"], []
    for number in range(60):
        name = f"q{number}"
        answerable = number >= 10
        pairs = [(draw.betavariate(1.2, 7), 0) for _ in range(17)] + [(draw.uniform(0.15, 0.5), 1)]
        pairs += [(draw.betavariate(9, 2), 3) for _ in range(2 * answerable)]
        pairs.sort(reverse=True)
        stored = scored_trace(name, [score for score, _ in pairs], number=number, top_k=5)
        # As a live trace: the query has no id, and judgments find it by its text.
        traces.append(finish(replace(stored, query=Query(stored.query.text))))
        qrels += [f"{name}\t{name}-{rank}\t{grade}" for rank, (_, grade) in enumerate(pairs, start=1)]
        stratum = "short" if number % 2 else "long"
        queries.append(json.dumps({"_id": name, "text": stored.query.text, "stratum": stratum}))
    folder = tmp_path_factory.mktemp("judged")
    (folder / "qrels.tsv").write_text("\n".join(qrels) + "\n", encoding="utf-8")
    (folder / "queries.jsonl").write_text("\n".join(queries) + "\n", encoding="utf-8")
    return {"traces": traces, "folder": folder}


@pytest.fixture
def workspace(tmp_path: Path, material: dict[str, Any]) -> Path:
    (tmp_path / "rankscope.toml").write_text(TOML, encoding="utf-8")
    with TraceStore(tmp_path / "traces.db") as store:
        for trace in material["traces"]:
            store.append(trace)
    return tmp_path


@pytest.fixture
def judged(material: dict[str, Any]) -> list[str]:
    folder = material["folder"]
    return ["--queries", str(folder / "queries.jsonl"), "--qrels", str(folder / "qrels.tsv")]


def run(folder: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(cli, ["--workspace", str(folder), "floor", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def run_json(folder: Path, *arguments: str) -> Any:
    return json.loads(run(folder, *arguments, "--json").stdout)


def test_whatif_is_what_replaying_with_that_floor_gives(
    workspace: Path, judged: list[str], material: dict[str, Any]
) -> None:
    said = run_json(workspace, "whatif", "0.7", *judged)["whatif"]
    replayed = [
        finish(replace(trace, floor=Floor(0.7, ScoreScale.PROBABILITY))) for trace in material["traces"]
    ]
    assert said["kept"] == sum(len(trace.kept) for trace in replayed)
    assert said["answered"] == sum(trace.decision == "answer" for trace in replayed)
    changed = {
        new.trace_id
        for new, old in zip(replayed, material["traces"], strict=True)
        if new.decision != old.decision
    }
    assert {item["trace"] for item in said["new_refusals"]} == changed
    assert said["baseline"] == 0.4
    assert said["relevant"] == 100
    assert said["unanswerable_answered"]["n"] == 10


def test_whatif_in_words(workspace: Path, judged: list[str]) -> None:
    text = run(workspace, "whatif", "0.99", "--limit", "1", *judged).stdout
    assert "floor     0.99 (probability); in force: 0.4" in text
    assert "traces become refusals" in text
    assert "more; --limit shows them" in text
    assert "precision" in text
    assert "\t" not in text
    none = run(workspace, "whatif", "none").stdout
    assert "floor     none (probability); in force: 0.4" in none
    assert "0 below the floor" in none


def test_show_draws_the_floor_between_its_bins(workspace: Path, judged: list[str]) -> None:
    lines = run(workspace, "show", "--bins", "10", *judged).stdout.splitlines()
    assert lines[0] == "floor     0.4 (probability, default), K=5"
    place = next(number for number, line in enumerate(lines) if "── floor 0.4" in line)
    assert lines[place - 1].split()[:3] == ["0.4", "to", "0.5"]
    assert lines[place + 1].split()[:3] == ["0.3", "to", "0.4"]
    found = run_json(workspace, "show", "--of", "top", "--axis", "logit", *judged)
    assert sum(found["histogram"]["counts"]) == 60
    assert found["scores"]["relevant_from"] == 2
    assert found["stored"] is None


def test_every_method_answers(workspace: Path, judged: list[str]) -> None:
    assert METHODS == ALL_METHODS
    found = {item["method"]: item for item in run_json(workspace, "suggest", *judged)["suggestions"]}
    assert list(found) == list(METHODS)
    for method in ("best-f1", "target-precision", "target-answer-rate", "conformal", "borderline"):
        item = found[method]
        assert item["low"] <= item["value"] <= item["high"]
    assert 0.3 < found["best-f1"]["value"] < 0.8
    assert found["best-f1"]["held_out"]["f1"]["value"] > 0.8
    assert found["null"]["value"] is None  # ten queries without an answer
    text = run(workspace, "suggest", "--method", "null", "--method", "best-f1", *judged).stdout
    assert "null                      –" in text
    assert "10 queries judged to have no answer are too few" in text


def test_without_judgments_labelled_methods_refuse(workspace: Path) -> None:
    found = run_json(workspace, "suggest", "--method", "best-f1", "--method", "otsu")["suggestions"]
    assert "0 judged queries are too few" in found[0]["warning"]


def test_set_history_and_undo(workspace: Path, judged: list[str]) -> None:
    text = run(workspace, "set", "0.55").stdout
    assert "number 1: 0.55 (probability, manual)" in text
    toml = workspace / "rankscope.toml"
    assert (
        toml.read_text() == TOML.replace("0.4", "0.55") + 'score_scale = "probability"\nsource = "manual"\n'
    )
    fitted = run_json(workspace, "set", "--method", "best-f1", *judged)["floor"]
    assert load_settings(toml).floor.value == fitted["value"]
    assert load_settings(toml).floor.source == "fitted:best-f1"
    assert fitted["passport"]["model"]["revision"] == MODEL.revision
    assert fitted["passport"]["corpus"] == "sample sha256:def"
    assert fitted["evidence"]["suggestion"]["held_out"]["f1"]["value"] > 0.8
    assert [item["number"] for item in run_json(workspace, "history")] == [2, 1]
    assert "0.55" in run(workspace, "undo").stdout
    assert load_settings(toml).floor.value == 0.55
    assert "rankscope.toml says 0.4, as before" in run(workspace, "undo").stdout
    settings = load_settings(toml).floor
    assert (settings.value, settings.source) == (0.4, "default")
    assert "# a guess" in toml.read_text()
    with pytest.raises(UsageError, match="no floor to undo"):
        run(workspace, "undo")
    listed = run(workspace, "history").stdout.splitlines()
    assert len(listed) == 5
    assert "undo, back to the settings file" in listed[1]
    assert run(workspace, "set", "none").stdout.startswith("number 5: none")
    assert load_settings(toml).floor.value is None


def test_a_floor_set_elsewhere_is_not_overwritten(workspace: Path) -> None:
    run(workspace, "set", "0.5")
    with pytest.raises(FloorChanged, match=r"another floor was set meanwhile: 0\.5 \(manual\)"):
        run(workspace, "set", "0.6", "--replaces", "0")
    assert load_settings(workspace / "rankscope.toml").floor.value == 0.5
    run(workspace, "set", "0.6", "--replaces", "1")
    assert [item["replaces"] for item in run_json(workspace, "history")] == [1, None]


def test_show_tells_passport_and_drift(workspace: Path, material: dict[str, Any]) -> None:
    run(workspace, "set", "0.5")
    found = run_json(workspace, "show")
    assert found["passport"] == {"verdict": "ok", "line": ""}
    assert found["drift"]["verdict"] == "too few"
    later = FloorLog(workspace / "traces.db").history()[0].created_at
    with TraceStore(workspace / "traces.db") as store:
        for number in range(60):
            moment = later + timedelta(minutes=number)
            store.append(scored_trace(f"new{number}", [0.3 + number / 1000], created_at=moment))
    again = run(workspace, "show").stdout
    assert "passport  fits these scores" in again
    assert "look at the floor again (KS" in again
    assert "60 queries since, 60 before" in again
    (workspace / "rankscope.toml").write_text("[floor]\nvalue = 0.2\n", encoding="utf-8")
    assert "rankscope.toml says otherwise" in run(workspace, "show").stdout


def test_sources_of_scores_are_chosen_not_mixed(workspace: Path) -> None:
    with TraceStore(workspace / "traces.db") as store:
        store.append(scored_trace("x", [3.0, -1.0], scale=ScoreScale.LOGIT))
    lines = run(workspace, "show").stdout
    assert "not mixed in: rerank scores, logit" in lines
    logits = run(workspace, "show", "--scale", "logit").stdout
    assert "not applied to these scores: they are on the logit scale" in logits
    with pytest.raises(UsageError, match="no scores of that scale and model"):
        run(workspace, "show", "--model", "other")


def test_a_floor_of_another_model_is_carried_over(workspace: Path, material: dict[str, Any]) -> None:
    run(workspace, "set", "0.5")
    other = ModelInfo("other-reranker", "sha256:77", "fp32", 512, "sigmoid")
    with TraceStore(workspace / "traces.db") as store:
        for trace in material["traces"]:
            before = trace.rankings[0]
            hits = tuple(replace(hit, score=(hit.score or 0) ** 2) for hit in before.hits)
            pipeline = replace(trace.pipeline, models={"cross_encoder": other})
            again = replace(trace, trace_id=f"{trace.trace_id}-again", pipeline=pipeline)
            store.append(replace(again, rankings=(replace(before, hits=hits),)))
        store.flush()
        squared = store.get("t-q20-again")
    assert "fitted on another model: name tiny-reranker" in run(workspace, "show", "--model", "other").stdout
    found = run_json(workspace, "suggest", "--method", "otsu", "--model", "other")
    assert found["carried"]["value"] == pytest.approx(0.25, abs=0.03)
    assert found["carried"]["disagreement"]["value"] == 0
    text = run(workspace, "suggest", "--method", "otsu", "--model", "other").stdout
    assert "the stored floor carried over to this model: 0.2" in text
    assert run_json(workspace, "suggest", "--method", "otsu", "--model", "tiny")["carried"] is None
    opened = Workspace(workspace)
    state = floor_state(opened, FloorLog(opened.traces_path))
    checked = check_trace(state, squared)
    assert checked is not None
    assert checked.verdict == "warn"
    assert check_trace(state, material["traces"][0]) == PassportCheck("ok")
    (workspace / "rankscope.toml").write_text("[floor]\nvalue = 0.2\n", encoding="utf-8")
    assert check_trace(floor_state(opened, FloorLog(opened.traces_path)), squared) is None


def test_selections_narrow_what_is_counted(workspace: Path, judged: list[str]) -> None:
    def traces(*options: str) -> int:
        return int(run_json(workspace, "show", *judged, *options)["scores"]["traces"])

    assert traces("--stratum", "short") == 30
    assert traces("--judged") == 60
    assert traces("--since", "2026-01-31T12:30:00Z") == 30
    with pytest.raises(UsageError, match="no traces to look at"):
        traces("--not-judged")
    with pytest.raises(UsageError, match="no traces to look at"):
        traces("--origin", "import")


def test_bad_input_is_one_line(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for arguments, words in (
        (["set"], "give either a VALUE or --method"),
        (["set", "0.5", "--method", "otsu"], "give either"),
        (["set", "high"], "'high' is no floor"),
        (["whatif", "nan"], "'nan' is no floor"),
        (["set", "1.5"], "lies outside 0 to 1"),
        (["set", "--method", "best-f1"], "best-f1 suggests no floor: 0 judged queries are too few"),
    ):
        with pytest.raises((UsageError, InputError), match=words):
            run(workspace, *arguments)
    assert run_json(workspace, "history") == []
    assert (workspace / "rankscope.toml").read_text() == TOML
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(UsageError, match="there are no traces to look at"):
        run(empty, "show")
    assert "No floor was set yet" in run(empty, "history").stderr


def test_a_settings_file_that_cannot_be_edited_stops_before_anything_is_stored(workspace: Path) -> None:
    (workspace / "rankscope.toml").write_text("floor = {value = 0.4}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"Write it yourself: value = 0\.5"):
        run(workspace, "set", "0.5")
    assert run_json(workspace, "history") == []


def test_hostile_text_is_made_visible(workspace: Path) -> None:
    query = Query("\x1b]0;owned\x07 \u202e[/b]")
    with TraceStore(workspace / "traces.db") as store:
        store.append(scored_trace("h", [0.95], trace_id="t-\x1b[2J", query=query))
    text = run(workspace, "whatif", "0.99", "--limit", "100").stdout
    assert "owned" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_bars_are_eighths() -> None:
    assert bar(0) == ""
    assert bar(1, 3) == "███"
    assert bar(0.5, 1) == "▌"
    assert bar(0.0001) == "▏"
    rows = {f"q{number}": [number / 10] for number in range(10)}
    lines = histogram_lines(histogram(observed(rows), bins=5), 0.5)
    assert [line.split()[2:4] for line in lines[1:]] == [
        ["1", "2"],
        ["0.8", "2"],
        ["0.6", "2"],
        ["0.5,", "inside"],
        ["0.4", "2"],
        ["0.2", "2"],
    ]


def test_documents_marked_on_a_screen_are_what_the_borderline_method_reads(
    workspace: Path, material: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = JudgmentLog(workspace / "traces.db")
    marked = []
    for trace in material["traces"][:25]:
        hit = trace.rankings[0].hits[4]
        marked.append(hit.score)
        log.append(trace.query.text, hit.doc_id, 1, "ann", borderline=True)
    (found,) = run_json(workspace, "suggest", "--method", "borderline")["suggestions"]
    assert (found["queries"], found["observations"]) == (25, 25)
    assert found["value"] == pytest.approx(sum(marked) / 25)
    # Beside a file that says relevant or not, relevant stays relevant and the marked ones stay the border.
    qrels = tmp_path_factory.mktemp("binary") / "binary.tsv"
    lines = [f"{trace.query.text}\t{trace.rankings[0].doc_ids[0]}\t1" for trace in material["traces"]]
    qrels.write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n", encoding="utf-8")
    said = run_json(workspace, "suggest", "--method", "borderline", "--qrels", str(qrels))
    assert (said["scores"]["relevant"], said["scores"]["relevant_from"]) == (60, 2)
    assert said["suggestions"][0]["queries"] == 25
    log.undo("ann")
    (again,) = run_json(workspace, "suggest", "--method", "borderline")["suggestions"]
    assert again["queries"] == 24
