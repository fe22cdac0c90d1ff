"""Does an attribution name the words that count? Deletes its top words, and random ones, and scores again.

After the deletion test of DeYoung et al., "ERASER" (ACL 2020): a faithful explanation names words without
which the score falls further than without others.
"""

from __future__ import annotations

import csv
import json
import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankscope.bench.timing import milliseconds
from rankscope.core.documents import Document
from rankscope.core.protocols import Reranker, ScoredPair
from rankscope.core.scales import sigmoid

if TYPE_CHECKING:
    from rankscope.engine.pipeline import Pipeline

__all__ = ["AttributionFigures", "attribution_lines", "measure_attribution", "ratio_with_interval"]

_WORDS = 3
_DRAWS = 5
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class AttributionFigures:
    """What deleting three words takes off the score, on average over judged pairs, and what asking costs."""

    pairs: int
    top_logit: float
    """Mean fall of the logit without the three words that the attribution names."""
    random_logit: float
    """Without three random content words of the passage, mean of five draws a pair."""
    ratio: float
    ratio_low: float
    ratio_high: float
    """95 percent bootstrap interval of the ratio, over pairs."""
    top_probability: float
    random_probability: float
    passage_words: int
    cold_ms: float
    """One attribution of a passage of ``passage_words`` words that was not read before."""
    warm_ms: float

    def as_mapping(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


def measure_attribution(pipeline: Pipeline, folder: Path, pairs: int, seed: int = 7) -> AttributionFigures:
    """Draw judged pairs of the sample corpus, whatever their grade, and test the attribution of each."""
    from rankscope.engine.explaining import iter_attribution
    from rankscope.insight.attribution import without

    chance = random.Random(seed)  # noqa: S311  # not for secrets
    queries, judged = _queries(folder), _judged(folder)
    falls: list[tuple[float, float, float, float]] = []
    for query_id, doc_id in chance.sample(judged, min(pairs, len(judged))):
        query = queries[query_id]
        document = pipeline.documents.fetch([doc_id])[doc_id]
        known = list(iter_attribution(pipeline, query, [document]))[-1][0]
        assert known.base is not None
        assert pipeline.reranker is not None
        drawn = [
            known.strongest(_WORDS),
            *(chance.sample(known.words, min(_WORDS, len(known.words))) for _ in range(_DRAWS)),
        ]
        texts = [without(known.text, parts) for parts in drawn]
        top, *others = [known.base - logit for logit in _logits(pipeline.reranker, query, texts)]
        now = sigmoid(known.base)
        falls.append(
            (
                top,
                statistics.fmean(others),
                now - sigmoid(known.base - top),
                statistics.fmean(now - sigmoid(known.base - other) for other in others),
            )
        )
    ratio, low, high = ratio_with_interval([(fall[0], fall[1]) for fall in falls], seed)
    words, cold, warm = _time_one(pipeline, folder)
    means = [statistics.fmean(column) for column in zip(*falls, strict=True)]
    return AttributionFigures(
        len(falls), means[0], means[1], ratio, low, high, means[2], means[3], words, cold, warm
    )


def attribution_lines(found: AttributionFigures) -> list[str]:
    """The figures for people."""
    interval = f"95% interval {found.ratio_low:.1f} to {found.ratio_high:.1f}"
    return [
        f"without the top three words, over {found.pairs} judged pairs",
        f"  logit falls {found.top_logit:.3f}, without three random words {found.random_logit:.3f}:"
        f" {found.ratio:.1f} times ({interval})",
        f"  probability falls {found.top_probability:.3f} and {found.random_probability:.3f}",
        f"  a passage of {found.passage_words} words takes {found.cold_ms:.0f} ms"
        f", again {found.warm_ms:.0f} ms",
    ]


def ratio_with_interval(falls: Sequence[tuple[float, float]], seed: int) -> tuple[float, float, float]:
    """Mean of the first column over mean of the second, with a 95 percent bootstrap interval over rows.

    Infinite where random words take nothing off.
    """
    chance = random.Random(seed)  # noqa: S311  # not for secrets

    def ratio(rows: Sequence[tuple[float, float]]) -> float:
        top, other = math.fsum(row[0] for row in rows), math.fsum(row[1] for row in rows)
        return top / other if other > 0 else math.inf

    drawn = sorted(ratio(chance.choices(falls, k=len(falls))) for _ in range(_RESAMPLES))
    return ratio(falls), drawn[int(0.025 * _RESAMPLES)], drawn[int(0.975 * _RESAMPLES)]


def _time_one(pipeline: Pipeline, folder: Path, words: int = 200) -> tuple[int, float, float]:
    """Wall-clock milliseconds of one attribution, first and again."""
    from rankscope.bench.material import passages_of_words, sample_documents, sample_queries
    from rankscope.engine.explaining import iter_attribution

    documents, query = passages_of_words(sample_documents(folder), 3, words), sample_queries(folder)[0]

    def explain(document: Document) -> None:
        for _ in iter_attribution(pipeline, query, [document]):
            pass

    times = [[milliseconds(partial(explain, document)) for document in documents] for _ in range(2)]
    cold, warm = (statistics.median(row) for row in times)
    return words, cold, warm


def _logits(reranker: Reranker, query: str, texts: Sequence[str]) -> list[float]:
    documents = [Document(str(place), text) for place, text in enumerate(texts)]
    return [_logit(pair) for chunk in reranker.score(query, documents) for pair in chunk]


def _logit(pair: ScoredPair) -> float:
    return pair.details.get("logit", pair.score)


def _queries(folder: Path) -> dict[str, str]:
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return {record["_id"]: record["text"] for record in records}


def _judged(folder: Path) -> list[tuple[str, str]]:
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as lines:
        return [(row["query-id"], row["corpus-id"]) for row in csv.DictReader(lines, delimiter="\t")]
