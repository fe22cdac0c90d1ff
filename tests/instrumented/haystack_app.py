"""A small Haystack application: two retrievers, a joiner and a sentence-transformers ranker.

Run as a program: it answers a few questions over the sample corpus and exports its spans, by the SDK's own
exporters, to a file or to an OTLP/HTTP endpoint. All models come with RankScope; a link to one is made in
the current folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from haystack_integrations.components.rankers.sentence_transformers import (
    SentenceTransformersSimilarityRanker,
)
from openinference.instrumentation.haystack import HaystackInstrumentor
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

from rankscope.stages.dense.bundled import BUNDLED_NAME as BI_ENCODER
from rankscope.stages.dense.bundled import resolve_model
from rankscope.stages.rerank.bundled import BUNDLED_NAME, resolve_cross_encoder
from rankscope.stages.rerank.split_cross_encoder import load_cross_encoder

QUESTIONS = ("how long are idempotency keys kept", "rotate a webhook secret", "old password of the v1 API")


def build(documents: list[Document]) -> Pipeline:
    """BM25 and vectors over the documents, joined by reciprocal rank fusion, then a cross-encoder."""
    bi_encoder = Path(BI_ENCODER)  # so that spans say the model's name, not where this machine keeps it
    if not bi_encoder.exists():
        bi_encoder.symlink_to(resolve_model(BI_ENCODER), target_is_directory=True)
    store = InMemoryDocumentStore()
    embedder = SentenceTransformersDocumentEmbedder(model=str(bi_encoder), progress_bar=False)
    embedder.warm_up()
    store.write_documents(embedder.run(documents)["documents"])
    ranker = SentenceTransformersSimilarityRanker(model=BUNDLED_NAME, top_k=5, scale_score=False)
    ranker._cross_encoder = load_cross_encoder(resolve_cross_encoder(BUNDLED_NAME))
    pipeline = Pipeline()
    pipeline.add_component(
        "embedder", SentenceTransformersTextEmbedder(model=str(bi_encoder), progress_bar=False)
    )
    pipeline.add_component("bm25_retriever", InMemoryBM25Retriever(store, top_k=10))
    pipeline.add_component("dense_retriever", InMemoryEmbeddingRetriever(store, top_k=10))
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10))
    pipeline.add_component("ranker", ranker)
    pipeline.connect("embedder.embedding", "dense_retriever.query_embedding")
    pipeline.connect("bm25_retriever", "joiner")
    pipeline.connect("dense_retriever", "joiner")
    pipeline.connect("joiner", "ranker.documents")
    return pipeline


def read_documents(path: Path, limit: int) -> list[Document]:
    """The first documents of a corpus in BEIR's layout, under their own ids."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:limit]]
    return [Document(id=row["_id"], content=row["text"], meta={"title": row["title"]}) for row in rows]


def main() -> None:
    """Answer the questions, then flush the spans."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--spans", type=Path, help="File to write spans to, one JSON object a line.")
    parser.add_argument("--endpoint", help="OTLP/HTTP endpoint to send spans to.")
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--questions", type=int, default=len(QUESTIONS))
    arguments = parser.parse_args()
    provider = TracerProvider()
    pipeline = build(read_documents(arguments.corpus, arguments.documents))
    if arguments.spans:
        out = arguments.spans.open("w", encoding="utf-8")
        exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    if arguments.endpoint:
        sender = OTLPSpanExporter(endpoint=arguments.endpoint, compression=Compression.Gzip)
        provider.add_span_processor(BatchSpanProcessor(sender))
    HaystackInstrumentor().instrument(tracer_provider=provider)
    for question in QUESTIONS[: arguments.questions]:
        found = pipeline.run(
            {
                "embedder": {"text": question},
                "bm25_retriever": {"query": question},
                "ranker": {"query": question},
            }
        )
        print(question, [document.id for document in found["ranker"]["documents"]])
    provider.shutdown()


if __name__ == "__main__":
    main()
