"""Reranking beside CrossEncoder.predict at its defaults, with the same weights."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from rankscope.bench.timing import Comparison, compare
from rankscope.config import ModelSettings, RerankSettings
from rankscope.core.documents import Document
from rankscope.core.protocols import Reranker

__all__ = ["measure_reranking"]


def measure_reranking(
    query: str, passages: list[Document], rerank: RerankSettings, models: ModelSettings, rounds: int = 3
) -> list[Comparison]:
    """Score the passages both ways, without and with the read passages cached."""
    from rankscope.stages.rerank.bundled import resolve_cross_encoder
    from rankscope.stages.rerank.cross_encoder import CrossEncoderReranker
    from rankscope.stages.rerank.split_cross_encoder import load_cross_encoder

    stock = load_cross_encoder(resolve_cross_encoder(rerank.model, models.download))
    pairs = [(query, passage.searchable) for passage in passages]
    stock.predict(pairs[:8], show_progress_bar=False)
    theirs = [float(score) for score in stock.predict(pairs, show_progress_bar=False)]
    results = []
    for label, megabytes in (("nothing cached", 0), ("passages cached", max(rerank.cache_mb, 256))):
        reranker = CrossEncoderReranker(replace(rerank, cache_mb=megabytes), models)
        ours = scores_of(reranker, query, passages)
        ours_ms, stock_ms = compare(
            partial(scores_of, reranker, query, passages),
            lambda: stock.predict(pairs, show_progress_bar=False),
            rounds,
        )
        results.append(
            Comparison(
                name=f"reranking {len(passages)} candidates, {label} ({reranker.info.dtype})",
                ours_ms=ours_ms,
                stock_ms=stock_ms,
                stock="CrossEncoder.predict",
                agreement=f"Kendall tau of the orders {kendall_tau(ours, theirs):.4f}",
            )
        )
    return results


def scores_of(reranker: Reranker, query: str, passages: list[Document]) -> list[float]:
    """Scores in the order of the passages."""
    scores = [0.0] * len(passages)
    for chunk in reranker.score(query, passages):
        for pair in chunk:
            scores[pair.index] = pair.score
    return scores


def kendall_tau(first: list[float], second: list[float]) -> float:
    """Rank correlation of two score lists (tau-b, ties counted)."""
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic)
