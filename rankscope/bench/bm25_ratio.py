"""Compiled BM25 beside rank_bm25's get_scores over the same tokens."""

from __future__ import annotations

import numpy as np

from rankscope.bench.timing import Comparison, compare

__all__ = ["measure_bm25"]


def measure_bm25(texts: list[str], queries: list[str], rounds: int = 3) -> Comparison:
    """Score every document for each query both ways; scores must agree to 1e-9."""
    from rank_bm25 import BM25Okapi

    from rankscope.stages.bm25.okapi import Bm25Index
    from rankscope.stages.bm25.tokenizer import tokenize

    tokens = [tokenize(text) for text in texts]
    asked = [tokenize(query) for query in queries]
    index = Bm25Index.build(tokens)
    stock = BM25Okapi(tokens)
    apart = max(float(np.abs(index.scores(query) - stock.get_scores(query)).max()) for query in asked)
    ours_ms, stock_ms = compare(
        lambda: [index.scores(query) for query in asked],
        lambda: [stock.get_scores(query) for query in asked],
        rounds,
    )
    return Comparison(
        name=f"BM25, {len(texts):,} documents",
        ours_ms=ours_ms / len(asked),
        stock_ms=stock_ms / len(asked),
        stock="rank_bm25.BM25Okapi.get_scores",
        agreement=f"largest difference of a score {apart:.1e}",
    )
