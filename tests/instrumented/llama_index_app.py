"""A small LlamaIndex application: a vector index over the sample corpus and a sentence-transformers reranker.

Run as a program: it answers a few questions and exports its spans, by the SDK's own exporters, to a file or
to an OTLP/HTTP endpoint. All models come with RankScope.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from unittest.mock import patch

from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import TextNode
from llama_index.postprocessor.sbert_rerank import SentenceTransformerRerank
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from sentence_transformers import SentenceTransformer

from rankscope.stages.dense.bundled import BUNDLED_NAME as BI_ENCODER
from rankscope.stages.dense.bundled import resolve_model
from rankscope.stages.rerank.bundled import BUNDLED_NAME, resolve_cross_encoder
from rankscope.stages.rerank.split_cross_encoder import load_cross_encoder

QUESTIONS = ("how long are idempotency keys kept", "rotate a webhook secret", "old password of the v1 API")
_MODEL = SentenceTransformer(str(resolve_model(BI_ENCODER)), device="cpu")


class BundledEmbedding(BaseEmbedding):
    """LlamaIndex's interface to the bi-encoder that comes with RankScope."""

    def _embed(self, text: str) -> list[float]:
        return [float(value) for value in _MODEL.encode(text, show_progress_bar=False)]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)


def build(nodes: list[TextNode]) -> RetrieverQueryEngine:
    """A vector index whose ten nearest nodes are reranked to five; no language model."""
    Settings.llm = MockLLM()  # asked for by the engine, never called
    index = VectorStoreIndex(nodes, embed_model=BundledEmbedding(model_name=BI_ENCODER))
    bundled = load_cross_encoder(resolve_cross_encoder(BUNDLED_NAME))
    # The class loads a folder or a hub name; the bundled weights are handed over instead.
    with patch("sentence_transformers.CrossEncoder", lambda **_: bundled):
        reranker = SentenceTransformerRerank(model=BUNDLED_NAME, top_n=5)
    return RetrieverQueryEngine(
        retriever=index.as_retriever(similarity_top_k=10),
        node_postprocessors=[reranker],
        response_synthesizer=get_response_synthesizer(response_mode=ResponseMode.NO_TEXT),
    )


def main() -> None:
    """Answer the questions, then flush the spans."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--spans", type=Path, help="File to write spans to, one JSON object a line.")
    parser.add_argument("--endpoint", help="OTLP/HTTP endpoint to send spans to.")
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--questions", type=int, default=len(QUESTIONS))
    arguments = parser.parse_args()
    rows = map(json.loads, arguments.corpus.read_text(encoding="utf-8").splitlines()[: arguments.documents])
    engine = build(
        [TextNode(id_=row["_id"], text=row["text"], metadata={"title": row["title"]}) for row in rows]
    )
    provider = TracerProvider()
    if arguments.spans:
        out = arguments.spans.open("w", encoding="utf-8")
        exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    if arguments.endpoint:
        sender = OTLPSpanExporter(endpoint=arguments.endpoint, compression=Compression.Gzip)
        provider.add_span_processor(BatchSpanProcessor(sender))
    LlamaIndexInstrumentor().instrument(tracer_provider=provider)
    for question in QUESTIONS[: arguments.questions]:
        found = engine.query(question)
        print(question, [source.node.node_id for source in found.source_nodes])
    provider.shutdown()


if __name__ == "__main__":
    main()
