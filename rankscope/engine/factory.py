"""Settings to a wired pipeline: the only place where concrete stages meet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from rankscope.corpus.document_store import DocumentStore
    from rankscope.insight.floors.passport import Passport
    from rankscope.stages.bm25.okapi import Bm25Index
    from rankscope.stages.dense.faiss_index import FaissIndex

__all__ = ["Parts", "build_pipeline", "make_encoder", "make_reranker", "open_parts"]


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

    def reranker(self, settings: RerankSettings) -> Reranker:
        """The reranker for these settings, made once; its weights load on first use."""
        if settings not in self.rerankers:
            self.rerankers[settings] = make_reranker(settings, self.models)
        return self.rerankers[settings]

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
            return _open(folder, settings)
        except FileNotFoundError:  # a build swapped the generation between the two looks: look again
            if attempt == 2:
                raise WorkspaceError(
                    f"{folder}: a file of the index is missing.", remedy="Run `rankscope index` again."
                ) from None
    raise AssertionError("unreachable")


def _open(folder: Path, settings: Settings) -> Parts:
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
    )
    if settings.rerank.enabled:
        parts.reranker(settings.rerank)
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
    )


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
    chosen = settings.as_mapping()
    del chosen["judge"]  # has no part in a run
    known = {
        "retrieval": chosen["retrieval"],
        "rerank": {key: value for key, value in chosen["rerank"].items() if key != "cache_mb"},
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


def _identity(model: Encoder | Reranker, name: str) -> ModelInfo:
    """The model's own account of itself; its name alone when it cannot be loaded."""
    try:
        return model.info
    except ModelError:
        return ModelInfo(name=name)
