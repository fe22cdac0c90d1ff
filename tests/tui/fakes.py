"""A workspace without models: scripted stages under the real Pipeline, with times that never vary."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from rankscope.config import Settings, settings_from_mapping
from rankscope.core.documents import Document, Query
from rankscope.core.events import Event
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.engine.pipeline import Pipeline
from rankscope.engine.progress import IndexProgress
from rankscope.errors import ModelError
from rankscope.stages.bm25.explain import Bm25Explanation, TermShare
from rankscope.stages.dense.explain import DenseExplanation
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.stages.rerank.reading import Reading

SETTINGS = settings_from_mapping(
    {
        "retrieval": {"candidates": 50, "depth": 100, "rrf_k": 60},
        "floor": {"top_k": 10, "value": 0.40, "score_scale": "probability"},
        "budget": {"total_ms": 500.0},
    }
)
"""What pictures and expectations rest on, whatever the defaults become."""

_FAMILIES = {
    "ibu": ("Ibuprofen", "ibuprofen dosage pain fever anti-inflammatory"),
    "apap": ("Acetaminophen", "acetaminophen paracetamol dosage pain fever"),
    "naprox": ("Naproxen", "naproxen dosage pain arthritis anti-inflammatory"),
    "asp": ("Aspirin", "aspirin dosage platelet pain"),
    "diclo": ("Diclofenac", "diclofenac gel tablets joint pain"),
}
_KINDS = {
    "child-01": ("oral suspension for children", "children dosing by weight, 10 mg/kg every 6 to 8 hours"),
    "child-02": (
        "weight-based dosing in children",
        "children under 40 kg: a dose for each kilogram of weight",
    ),
    "adult-01": ("adult dosing", "adults take 400 mg every 6 hours, at most 1200 mg a day without advice"),
    "preg-01": ("in pregnancy", "avoid from week 20 on; ask before any dose in pregnancy"),
    "moa-01": ("mechanism of action", "inhibits cyclooxygenase and so the making of prostaglandins"),
    "inter-01": ("interactions", "with anticoagulants the risk of bleeding rises; check the dosage of both"),
    "od-01": ("overdose", "nausea and drowsiness; call a poison centre when a child took it"),
    "renal-01": ("renal impairment", "halve the dosage when clearance is low, and watch creatinine"),
    "label-01": ("label text", "keep away from children; see the leaflet for the dosage"),
    "store-01": ("storage", "store below 25 degrees; discard the suspension after six months"),
    "alt-01": ("alternatives", "when it is not tolerated, other drugs against pain and fever may be"),
    "faq-01": ("questions and answers", "may children take it with food, and how long does a dosage last"),
}


def corpus() -> tuple[Document, ...]:
    """Sixty passages in five families that differ by little."""
    documents = []
    for stem, (drug, words) in _FAMILIES.items():
        for kind, (title, text) in _KINDS.items():
            body = f"{drug} {title}: {text}. " + f"Known for {words}. " * 2
            documents.append(
                Document(f"{stem}-{kind}", body, title=f"{drug} {title}", metadata={"field": "medicine"})
            )
    return tuple(documents)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


@dataclass
class Script:
    """What the fake stages do: which fail, what they wait for, how the reranker scores."""

    bm25_failure: str = ""
    dense_failure: str = ""
    rerank_failure: str = ""
    rerank_gates: list[threading.Event] = field(default_factory=list)
    """The reranker waits for gate i before its chunk i."""
    low_scores: bool = False
    tokens_cut: dict[str, int] = field(default_factory=dict)
    chunk: int = 8
    warm_up_gate: threading.Event | None = None
    progress: tuple[IndexProgress, ...] = ()
    prepare_failure: Exception | None = None
    index_gate: threading.Event | None = None


class FakeCorpus:
    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = {document.doc_id: document for document in documents}

    def __len__(self) -> int:
        return len(self.documents)

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {doc_id: self.documents[doc_id] for doc_id in doc_ids if doc_id in self.documents}

    def rows_of(self, doc_ids: Sequence[str]) -> dict[str, int]:
        order = sorted(self.documents)
        return {doc_id: order.index(doc_id) for doc_id in doc_ids if doc_id in self.documents}

    def find(self, fragment: str, limit: int) -> list[str]:
        wanted = fragment.casefold()
        texts = {key: f"{key} {item.searchable}".casefold() for key, item in self.documents.items()}
        found = (key for key, text in texts.items() if wanted in text)
        return sorted(found)[:limit]

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        return [sorted(self.documents)[row] for row in rows]

    def rows_matching(self, filters: object) -> None:
        return None


@dataclass
class FakeRetriever:
    stage: str
    score_scale: ScoreScale
    documents: Sequence[Document]
    weigh: Callable[[set[str], Document], float]
    failure: str = ""

    def retrieve(self, query: Query, depth: int) -> Ranking:
        if self.failure:
            raise ModelError(self.failure)
        asked = words(query.text)
        allowed = [
            document
            for document in self.documents
            if all(str(document.metadata.get(key)) == value for key, value in query.filters.items())
        ]
        scores = [(document.doc_id, self.weigh(asked, document)) for document in allowed]
        hits = rank_by_score([(doc_id, score) for doc_id, score in scores if score > 0], depth=depth)
        return Ranking(self.stage, self.score_scale, hits, ms=1.0, depth=depth)

    def explain(self, query: Query, doc_id: str, *dense: object) -> Bm25Explanation | DenseExplanation:
        document = next(document for document in self.documents if document.doc_id == doc_id)
        if self.stage == "bm25":
            return explained_terms(query, document, self.documents)
        sentences, _ = dense
        full = self.retrieve(query, len(self.documents))
        hit = full.hit(doc_id)
        assert isinstance(sentences, list)
        near = tuple(dense_weight(words(query.text), Document("s", text, title=text)) for text in sentences)
        rank = hit.rank if hit is not None else len(self.documents)
        cosine = 0.0 if hit is None or hit.score is None else hit.score
        return DenseExplanation(cosine, rank, len(self.documents), False, rank, near)


def explained_terms(query: Query, document: Document, documents: Sequence[Document]) -> Bm25Explanation:
    """Shares that add up to the fake score: the length takes its part off each of them."""
    held, asked = words(document.text), sorted(words(query.text), key=query.text.casefold().index)
    whole = bm25_weight(words(query.text), document)
    raw = {term: 2.1 + len(term) / 7 if term in held else 0.0 for term in asked}
    scale = whole / sum(raw.values()) if any(raw.values()) else 0.0
    terms = []
    for term in asked:
        holding = sum(term in words(other.text) for other in documents)
        count = sum(word == term for word in re.findall(r"\w+", document.text.casefold()))
        idf = round(2.1 + len(term) / 7, 2) if holding else 0.0
        share = raw[term] * scale
        terms.append(TermShare(term, 1, holding, idf, count, share / idf if idf else 0.0, share))
    length = len(document.text.split())
    return Bm25Explanation(0, whole, length, 30.0, 0.25 + 0.75 * length / 30, tuple(terms))


def bm25_weight(asked: set[str], document: Document) -> float:
    common = asked & words(document.text)
    return round(sum(2.1 + len(word) / 7 for word in common) - len(document.text) / 900, 4)


def dense_weight(asked: set[str], document: Document) -> float:
    common = len({word[:4] for word in asked} & {word[:4] for word in words(document.text)})
    if not common:
        return 0.0
    return round(min(0.34 + common / (6 + len(document.title) / 9), 0.93), 4)


@dataclass
class FakeReranker:
    script: Script
    score_scale: ScoreScale = ScoreScale.PROBABILITY

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("rankscope-ce-small", max_length=512, activation="sigmoid")

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[list[ScoredPair]]:
        if self.script.rerank_failure:
            raise ModelError(self.script.rerank_failure)
        for chunk, start in enumerate(range(0, len(candidates), self.script.chunk)):
            while chunk < len(self.script.rerank_gates) and not cancelled():
                if self.script.rerank_gates[chunk].wait(0.005):
                    break
            if cancelled():
                return
            stop = min(start + self.script.chunk, len(candidates))
            yield [self._pair(query, index, candidates[index]) for index in range(start, stop)]

    def _pair(self, query: str, index: int, document: Document) -> ScoredPair:
        asked, title = words(query), words(document.searchable.split("\n")[0])
        share = len(asked & title) / max(len(asked), 1)
        detail = len(asked & words(document.text)) / max(len(asked), 1)
        score = round(0.02 + 0.75 * share + 0.2 * detail, 4)
        if self.script.low_scores:
            score = round(score / 3, 4)
        cut = self.script.tokens_cut.get(document.doc_id, 0)
        return ScoredPair(index, min(score, 0.9974), {"tokens": 140.0 + cut, "tokens_cut": float(cut)})

    def reading(self, query: str, document: Document) -> Reading:
        """A token a word; what the script cuts stands in no window."""
        text = document.searchable
        tokens = tuple(match.span() for match in re.finditer(r"\S+", text))
        seen = max(len(tokens) - self.script.tokens_cut.get(document.doc_id, 0), 1)
        asked = len(query.split())
        return Reading(text, tokens, ((0, seen),), asked, 0, limit=seen)


TIMES = {"bm25": 0.6, "dense": 9.1, "fusion": 0.1, "rerank": 214.0}


@dataclass
class SteadyPipeline:
    """The real pipeline with every measured time replaced, so that pictures do not vary."""

    pipeline: Pipeline

    def __getattr__(self, name: str) -> object:
        return getattr(self.pipeline, name)

    def iter_run(self, query: Query, *, cancelled: Callable[[], bool]) -> Iterator[Event]:
        for event in self.pipeline.iter_run(query, cancelled=cancelled):
            yield replace(event, trace=self._steady(event.trace))

    def _steady(self, trace: Trace) -> Trace:
        for ranking in trace.rankings:
            if not ranking.ran:
                continue
            ms = TIMES[ranking.stage]
            if ranking.status == "partial":
                ms *= len(ranking.hits) / (ranking.depth or 1)
            trace = trace.with_ranking(replace(ranking, ms=ms))
        return trace


class FakeTraces:
    def __init__(self) -> None:
        self.stored: list[Trace] = []
        self.failure: Exception | None = None

    def append(self, trace: Trace) -> Future[None]:
        written: Future[None] = Future()
        if self.failure is not None:
            written.set_exception(self.failure)
        else:
            self.stored.append(trace)
            written.set_result(None)
        return written


class FakeWorkspace:
    """Everything that the screen asks of a workspace."""

    def __init__(
        self,
        script: Script | None = None,
        documents: Sequence[Document] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.script = script or Script()
        self.documents = tuple(corpus() if documents is None else documents)
        self.settings = settings or SETTINGS.override("floor", value=0.40)
        self.name = "sample_corpus"
        self.document_count = len(self.documents)
        self.example_queries: tuple[str, ...] = (
            "ibuprofen dosage for children",
            "naproxen or ibuprofen in pregnancy",
            "which painkiller with renal impairment",
        )
        self.traces = FakeTraces()
        self.queries: list[str] = []

    def prepare(self, cancelled: Callable[[], bool]) -> Iterator[IndexProgress]:
        if self.script.prepare_failure is not None:
            raise self.script.prepare_failure
        yield from self.script.progress
        while self.script.index_gate is not None and not cancelled():
            if self.script.index_gate.wait(0.005):
                break

    def warm_up(self) -> None:
        if self.script.warm_up_gate is not None:
            self.script.warm_up_gate.wait(5)

    def pipeline(self, settings: Settings) -> SteadyPipeline:
        script = self.script
        bm25 = FakeRetriever("bm25", ScoreScale.BM25, self.documents, bm25_weight, script.bm25_failure)
        dense = FakeRetriever("dense", ScoreScale.COSINE, self.documents, dense_weight, script.dense_failure)
        floor = settings.floor.value
        return SteadyPipeline(
            Pipeline(
                retrievers=[bm25, dense],
                fuser=ReciprocalRankFusion(settings.retrieval.rrf_k),
                documents=FakeCorpus(self.documents),
                reranker=FakeReranker(script) if settings.rerank.enabled else None,
                describe=lambda: PipelineInfo(settings=settings.as_mapping()),
                depth=settings.retrieval.depth,
                candidates=settings.retrieval.candidates,
                top_k=settings.floor.top_k,
                floor=None
                if floor is None
                else Floor(floor, ScoreScale(settings.floor.score_scale), settings.floor.source),
            )
        )
