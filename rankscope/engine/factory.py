"""Settings to a wired pipeline: the only place where concrete stages meet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankscope.config import ModelSettings, RerankSettings, Settings
from rankscope.core.documents import Query
from rankscope.core.protocols import DocumentSource, Encoder, Reranker, Retriever
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, PipelineInfo, Ranking
from rankscope.engine.generations import Generations
from rankscope.engine.manifest import Manifest
from rankscope.engine.pipeline import Pipeline
from rankscope.errors import IndexMismatch, IndexMissing, ModelError, WorkspaceError
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.stages.model_name import model_name
from rankscope.stages.rerank.gate import Gate, RecentCandidates

if TYPE_CHECKING:
    from rankscope.corpus.document_store import DocumentStore
    from rankscope.insight.floors.passport import Passport
    from rankscope.stages.bm25.okapi import Bm25Index
    from rankscope.stages.dense.faiss_index import FaissIndex
    from rankscope.stages.rerank.cache import ScoreCache

__all__ = [
    "Parts",
    "build_pipeline",
    "make_encoder",
    "make_gate",
    "make_reranker",
    "open_parts",
    "scoring_settings",
]


@dataclass
class Parts:
    """What is expensive to open, shared by all pipelines of a workspace."""

    manifest: Manifest
    documents: DocumentStore
    bm25: Bm25Index
    vectors: FaissIndex
    encoder: Encoder
    rerankers: dict[RerankSettings, Reranker]
    models: ModelSettings
    scores_path: Path
    """Where scores of pairs are kept, for settings that ask for it."""
    recent: RecentCandidates = field(default_factory=RecentCandidates)
    """What the query before had, for the gate of every pipeline made of these parts."""
    _scores: dict[int, ScoreCache] = field(default_factory=dict)

    def reranker(self, settings: RerankSettings) -> Reranker:
        """The reranker for these settings, made once; its weights load on first use."""
        alone = RerankSettings()
        key = replace(settings, cascade="", cascade_keep=alone.cascade_keep, score_cache_mb=0)
        if key not in self.rerankers:
            self.rerankers[key] = make_reranker(key, self.models)
        if settings.score_cache_mb == 0:
            return self.rerankers[key]
        return self._reusing(key, self.rerankers[key], settings.score_cache_mb)

    def cascade(self, settings: RerankSettings) -> Reranker | None:
        """The smaller reranker that goes first; None where the settings name none."""
        return self.reranker(replace(settings, model=settings.cascade)) if settings.cascade else None

    def _reusing(self, key: RerankSettings, reranker: Reranker, megabytes: int) -> Reranker:
        """The reranker with the scores of earlier runs; one file and one connection for all of them."""
        from rankscope.stages.rerank.cache import ReusingReranker, ScoreCache

        if megabytes not in self._scores:
            self._scores[megabytes] = ScoreCache(self.scores_path, megabytes)
        windows = f"{key.windows} {key.max_windows}"
        return ReusingReranker(reranker, self._scores[megabytes], windows)

    def warm_up(self) -> None:
        """Load the models and score one pair, so that the first query does not pay for it."""
        from rankscope.core.documents import Document

        self.encoder.encode_query("warm up")
        self.check_encoder()
        for reranker in list(self.rerankers.values()):
            for _ in reranker.score("warm up", [Document("warm-up", "The first pair is the slow one.")]):
                pass

    def check_encoder(self) -> None:
        """Raise IndexMismatch when the loaded weights are not those that made the vectors."""
        revision = self.encoder.info.revision
        if revision != self.manifest.bi_encoder_revision:
            raise IndexMismatch(
                f"the index was built with other weights of {self.manifest.bi_encoder!r} "
                f"({self.manifest.bi_encoder_revision[:12]}, now {revision[:12]}).",
                remedy="Run `rankscope index` again.",
            )

    def close(self) -> None:
        """Release the files of the index."""
        for scores in self._scores.values():
            scores.close()
        self._scores.clear()
        self.documents.close()


class CheckedRetriever:
    """Dense retrieval that first makes sure that the query is encoded by the weights of the index."""

    def __init__(self, parts: Parts, retriever: Retriever) -> None:
        self.stage = retriever.stage
        self.score_scale = retriever.score_scale
        self._parts = parts
        self.retriever = retriever
        """What looks things up; explanations are asked of it."""

    def retrieve(self, query: Query, depth: int) -> Ranking:
        """As the retriever it guards. Raises IndexMismatch for other weights."""
        self._parts.check_encoder()
        return self.retriever.retrieve(query, depth)


def make_encoder(settings: ModelSettings) -> Encoder:
    """The bi-encoder that the settings name; weights load on first use."""
    from rankscope.stages.dense.encoder import BiEncoder

    return BiEncoder(settings)


def make_reranker(rerank: RerankSettings, models: ModelSettings) -> Reranker:
    """The cross-encoder that the settings name; weights load on first use."""
    from rankscope.stages.rerank.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(rerank, models)


def open_parts(generations: Generations, settings: Settings) -> Parts:
    """Open the index in use. Raises IndexMissing, or IndexMismatch when the settings do not fit it."""
    for attempt in range(3):
        folder = generations.current()
        if folder is None:
            raise IndexMissing(
                f"{generations.folder}: nothing is indexed here yet.", remedy="Run `rankscope index SOURCE`."
            )
        try:
            return _open(folder, settings, generations.folder.parent / "scores.db")
        except FileNotFoundError:  # a build swapped the generation between the two looks: look again
            if attempt == 2:
                raise WorkspaceError(
                    f"{folder}: a file of the index is missing.", remedy="Run `rankscope index` again."
                ) from None
    raise AssertionError("unreachable")


def _open(folder: Path, settings: Settings, scores_path: Path) -> Parts:
    from rankscope.corpus.document_store import DocumentStore
    from rankscope.stages.bm25.okapi import Bm25Index
    from rankscope.stages.bm25.tokenizer import RULES_VERSION
    from rankscope.stages.dense.faiss_index import FaissIndex

    manifest = Manifest.read(folder)
    manifest.check(settings, RULES_VERSION)
    parts = Parts(
        manifest=manifest,
        documents=DocumentStore.open(folder / "documents.db"),
        bm25=Bm25Index.load(folder / "bm25"),
        vectors=FaissIndex.load(folder / "dense.faiss"),
        encoder=make_encoder(settings.models),
        rerankers={},
        models=settings.models,
        scores_path=scores_path,
    )
    if settings.rerank.enabled:  # so that they are there to be warmed up
        parts.reranker(settings.rerank)
        parts.cascade(settings.rerank)
    return parts


def not_judged(query: Query) -> frozenset[str] | None:  # noqa: ARG001
    """The relevant documents of a pipeline that knows no judgments."""
    return None


def build_pipeline(
    parts: Parts,
    settings: Settings,
    corpus_name: str,
    passport: Passport | None = None,
    relevant_to: Callable[[Query], frozenset[str] | None] = not_judged,
) -> Pipeline:
    """Wire the stages that the settings ask for.

    ``passport`` is that of the floor in the settings; ``relevant_to`` gives the documents judged relevant
    to a query, for the findings.
    """
    from rankscope.insight.findings import examine

    retrieval = settings.retrieval
    reranker = parts.reranker(settings.rerank) if settings.rerank.enabled else None
    floor = None
    if settings.floor.value is not None:
        floor = Floor(
            settings.floor.value, ScoreScale(settings.floor.score_scale), source=settings.floor.source
        )
    documents: DocumentSource = parts.documents
    return Pipeline(
        retrievers=_retrievers(parts, settings, documents),
        fuser=ReciprocalRankFusion(
            k=retrieval.rrf_k, weights={"bm25": retrieval.bm25_weight, "dense": retrieval.dense_weight}
        ),
        documents=documents,
        reranker=reranker,
        describe=lambda: describe(parts, settings, corpus_name, reranker),
        depth=retrieval.depth,
        candidates=retrieval.candidates,
        top_k=settings.floor.top_k,
        floor=floor,
        passport=passport if floor is not None else None,
        examine=lambda trace: examine(trace, settings=settings, relevant=relevant_to(trace.query)).findings,
        gate=make_gate(settings, parts.recent),
        cascade=parts.cascade(settings.rerank) if reranker is not None else None,
        cascade_keep=settings.rerank.cascade_keep,
    )


def make_gate(settings: Settings, recent: RecentCandidates) -> Gate:
    """The gate that the settings ask for."""
    chosen = settings.gate
    return Gate(chosen.gap, chosen.signal, chosen.few, chosen.follow_up, recent)


def _retrievers(parts: Parts, settings: Settings, documents: DocumentSource) -> list[Retriever]:
    from rankscope.stages.bm25.retriever import Bm25Retriever
    from rankscope.stages.dense.retriever import DenseRetriever

    retrievers: list[Retriever] = []
    if settings.retrieval.bm25_weight > 0:
        retrievers.append(Bm25Retriever(parts.bm25, documents))
    if settings.retrieval.dense_weight > 0:
        retrievers.append(CheckedRetriever(parts, DenseRetriever(parts.encoder, parts.vectors, documents)))
    return retrievers


def describe(parts: Parts, settings: Settings, corpus_name: str, reranker: Reranker | None) -> PipelineInfo:
    """Identity of a pipeline. Traces with equal fingerprints have comparable scores."""
    models: dict[str, ModelInfo] = {}
    if settings.retrieval.dense_weight > 0:
        models["bi_encoder"] = _identity(parts.encoder, settings.models.bi_encoder)
    if reranker is not None:
        models["cross_encoder"] = _identity(reranker, settings.rerank.model)
        smaller = parts.cascade(settings.rerank)
        if smaller is not None:
            models["cascade"] = _identity(smaller, settings.rerank.cascade)
    chosen = settings.as_mapping()
    del chosen["judge"]  # has no part in a run
    chosen["chunking"] = dict(parts.manifest.chunking)  # as the index was cut, whatever the settings say now
    for section, key in (("rerank", "model"), ("rerank", "cascade"), ("models", "bi_encoder")):
        chosen[section][key] = model_name(chosen[section][key]) if chosen[section][key] else ""
    known = {
        "retrieval": chosen["retrieval"],
        "rerank": scoring_settings(chosen["rerank"]),
        "models": {name: repr(info) for name, info in models.items()},
        "corpus": parts.manifest.fingerprint,
        "tokenizer": parts.manifest.tokenizer,
    }
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    return PipelineInfo(
        fingerprint=f"sha256:{digest}",
        corpus=f"{corpus_name} {parts.manifest.fingerprint}",
        settings=chosen,
        models=models,
    )


def scoring_settings(rerank: Mapping[str, Any]) -> dict[str, Any]:
    """The reranker's settings without those that change no score: what is kept to save time."""
    unused = {"cache_mb", "score_cache_mb"} | (set() if rerank["cascade"] else {"cascade", "cascade_keep"})
    return {key: value for key, value in rerank.items() if key not in unused}


def _identity(model: Encoder | Reranker, name: str) -> ModelInfo:
    """The model's own account of itself; its name alone when it cannot be loaded."""
    try:
        return model.info
    except ModelError:
        return ModelInfo(name=model_name(name))
