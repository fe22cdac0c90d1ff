"""The stored floor on a second model: the same pairs scored by both, on the sample traces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rankscope.cli.root import cli
from rankscope.config import Settings
from rankscope.core.documents import Document
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo
from rankscope.engine.factory import make_encoder
from rankscope.engine.floor_carry import FloorCarry, f1_at
from rankscope.engine.floor_material import FloorReading, preferred, read_floors
from rankscope.engine.workspace import Workspace
from rankscope.errors import UsageError
from rankscope.insight.floors.suggest import suggest
from rankscope.insight.floors.whatif import whatif
from rankscope.tracing.floor_log import FloorLog
from rankscope.tracing.formats.native import loads
from rankscope.tracing.store import TraceStore

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_corpus"


class CosineReranker:
    """The bundled bi-encoder as a second model: cosines, on another scale and by another way of reading."""

    score_scale = ScoreScale.COSINE
    info = ModelInfo("all-MiniLM-L6-v2", "sha256:cosine", "fp32", 256, "cosine")

    def __init__(self) -> None:
        self._encoder = make_encoder(Settings().models)
        self._known: dict[str, np.ndarray] = {}

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[list[ScoredPair]]:
        asked = self._encoder.encode_query(query)
        new = [document for document in candidates if document.doc_id not in self._known]
        if new:
            vectors = self._encoder.encode_documents([document.searchable[:160] for document in new])
            self._known.update(zip((document.doc_id for document in new), vectors, strict=True))
        yield [
            ScoredPair(index, float(np.clip(self._known[document.doc_id] @ asked, -1, 1)), {})
            for index, document in enumerate(candidates)
        ]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The sample traces, with the floor that best-f1 suggests on them stored."""
    folder = tmp_path_factory.mktemp("carry")
    (folder / "rankscope.toml").write_text("", encoding="utf-8")
    with (ROOT / "traces" / "sample.jsonl").open("rb") as lines, TraceStore(folder / "traces.db") as store:
        for line in lines:
            store.append(loads(line))
    opened = Workspace(folder)
    reading = read(opened)
    group = preferred(reading.gathered.groups)
    assert group is not None
    (suggestion,) = suggest(group, ("best-f1",))
    said = whatif(group, suggestion.value)
    reading.material(group).store(suggestion.value, said, suggestion)
    return opened


def read(workspace: Workspace) -> FloorReading:
    return read_floors(workspace, queries=SAMPLE / "queries.jsonl", qrels=SAMPLE / "qrels" / "test.tsv")


def test_the_carried_floor_loses_at_most_three_points_of_f1(workspace: Workspace) -> None:
    work = FloorCarry(read(workspace), CosineReranker(), workspace.settings.rerank, pairs=1_000)
    steps = list(work.iter_progress())
    assert steps[-1].done == steps[-1].total
    result = work.result
    assert result is not None
    carried = result.carried
    assert carried.pairs >= 1_000
    assert result.new.score_scale is ScoreScale.COSINE
    # It keeps the share that the old floor keeps, and says how often the two models decide otherwise.
    assert float((result.new.scores >= carried.value).mean()) == pytest.approx(carried.kept_share, abs=0.002)
    assert 0 < carried.disagreement.value < 0.3
    assert result.f1 is not None
    assert result.f1_afresh is not None
    assert result.f1 >= result.f1_afresh - 0.03
    judged = result.new.judged & result.new.scored
    direct = f1_at(carried.value, result.new.scores[judged], result.new.relevant[judged])
    assert result.f1 == pytest.approx(direct)


def test_a_monotone_change_carries_over_without_loss(workspace: Workspace) -> None:
    reading = read(workspace)
    group = preferred(reading.gathered.groups)
    assert group is not None
    known = {
        (group.texts[trace], doc_id): score
        for trace, doc_id, score in zip(
            group.hit_trace.tolist(), group.doc_ids, group.scores.tolist(), strict=True
        )
    }

    class Squared(CosineReranker):
        score_scale = ScoreScale.PROBABILITY
        info = ModelInfo("squared", "r1", "fp32", 512, "sigmoid")

        def __init__(self) -> None:
            """No encoder."""

        def score(self, query, candidates, **_):  # type: ignore[no-untyped-def]
            yield [
                ScoredPair(index, known[query, document.doc_id] ** 2, {})
                for index, document in enumerate(candidates)
            ]

    work = FloorCarry(reading, Squared(), workspace.settings.rerank, pairs=300)
    for _ in work.iter_progress():
        pass
    result = work.result
    stored = reading.state.stored
    assert result is not None
    assert stored is not None
    assert stored.value is not None
    assert result.carried.pairs >= 300
    assert result.carried.disagreement.value == 0
    assert result.carried.value == pytest.approx(stored.value**2, abs=0.01)

    # Stored, it is the floor in force, with the new model's passport and the error as its evidence.
    entry = work.material().store(result.carried.value, whatif(result.new, None), result.suggestion)
    assert (entry.method, entry.source) == ("carried", "fitted:carried")
    assert entry.passport["model"]["name"] == "squared"
    assert entry.evidence["suggestion"]["held_out"]["decided otherwise"]["value"] == 0
    log = FloorLog(workspace.traces_path)
    log.undo(replaces=log.last_number())


def test_what_cannot_be_carried_is_said(workspace: Workspace, tmp_path: Path) -> None:
    reading = read(workspace)
    group = preferred(reading.gathered.groups)
    assert group is not None

    class Same(CosineReranker):
        score_scale = ScoreScale.PROBABILITY
        info = replace(group.source.model, dtype="bf16")

        def __init__(self) -> None:
            """No encoder."""

    with pytest.raises(UsageError, match="this very model"):
        list(FloorCarry(reading, Same(), workspace.settings.rerank).iter_progress())
    (tmp_path / "rankscope.toml").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="no stored floor to carry"):
        CliRunner().invoke(cli, ["-w", str(tmp_path), "floor", "carry"], catch_exceptions=False)


def test_the_command_scores_with_the_reranker_that_is_named(workspace: Workspace) -> None:
    short = workspace.folder / "rankscope.toml"
    before = short.read_text(encoding="utf-8")
    short.write_text(f"{before}\n[rerank]\nmax_length = 32\nwindows = false\n", encoding="utf-8")
    arguments = ["-w", str(workspace.folder), "floor", "carry", "--pairs", "250", "--json"]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    said = json.loads(result.stdout)["carried"]
    assert said["pairs"] >= 250
    assert "max 32" in said["to"]
    assert 0 < said["value"] < 1
    short.write_text(before, encoding="utf-8")
