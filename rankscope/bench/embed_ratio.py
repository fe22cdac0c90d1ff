"""Embedding a corpus beside SentenceTransformer.encode at its defaults."""

from __future__ import annotations

import numpy as np

from rankscope.bench.timing import Comparison, compare
from rankscope.config import ModelSettings

__all__ = ["measure_embedding"]


def measure_embedding(texts: list[str], settings: ModelSettings, rounds: int = 3) -> Comparison:
    """Embed the same texts both ways; the cosine of each pair of vectors is reported."""
    from sentence_transformers import SentenceTransformer

    from rankscope.stages.dense.bundled import resolve_model
    from rankscope.stages.dense.encoder import BiEncoder

    encoder = BiEncoder(settings)
    stock = SentenceTransformer(str(resolve_model(settings.bi_encoder)), local_files_only=True)
    warm = texts[:32]
    encoder.encode_documents(warm)
    stock.encode(warm, show_progress_bar=False)
    ours = encoder.encode_documents(texts)
    theirs = np.asarray(stock.encode(texts, show_progress_bar=False))
    theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    cosines = (ours * theirs).sum(axis=1)
    ours_ms, stock_ms = compare(
        lambda: encoder.encode_documents(texts),
        lambda: stock.encode(texts, show_progress_bar=False),
        rounds,
    )
    return Comparison(
        name=f"embedding, {len(texts):,} passages ({encoder.info.dtype})",
        ours_ms=ours_ms,
        stock_ms=stock_ms,
        stock="SentenceTransformer.encode",
        agreement=f"cosine mean {cosines.mean():.5f}, lowest {cosines.min():.5f}",
    )
