"""Settings: frozen, typed, read from ``rankscope.toml``.

Sections of the file are the fields of :class:`Settings`; keys are the fields of each section. A key
that is absent keeps its default; one that is unknown or of the wrong kind is an error that names it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from rankscope.errors import SettingsError

__all__ = [
    "BudgetSettings",
    "ChunkingSettings",
    "FindingsSettings",
    "FloorSettings",
    "GateSettings",
    "JudgeSettings",
    "ModelSettings",
    "RerankSettings",
    "RetrievalSettings",
    "Settings",
    "load_settings",
    "parse_toml",
    "settings_from_mapping",
]

FILE_NAME = "rankscope.toml"


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """First stage: two retrievers and their fusion."""

    candidates: int = 50
    """N: how many fused candidates go to the reranker."""
    depth: int = 100
    """How many documents each retriever returns to fusion."""
    rrf_k: int = 60
    """k of reciprocal rank fusion; larger flattens the difference between ranks."""
    bm25_weight: float = 1.0
    """Weight of the BM25 list in fusion; 0 leaves the list out."""
    dense_weight: float = 1.0
    """Weight of the dense list in fusion; 0 leaves the list out."""


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """Second stage: the cross-encoder."""

    enabled: bool = True
    """Whether the cross-encoder runs at all."""
    model: str = "rankscope-ce-small"
    """``rankscope-ce-small`` (bundled), a local folder, or a hub name that is already downloaded."""
    max_length: int = 512
    """Most tokens of query and passage that the model reads at once."""
    windows: bool = True
    """Score a passage longer than the model's input in overlapping windows, pooled by maximum."""
    max_windows: int = 8
    """Most windows of one passage that are scored; the rest is counted as cut."""
    cache_mb: int = 256
    """Memory for passages as they were read, in MiB; 0 turns the cache off."""
    score_cache_mb: int = 0
    """Disk for scores of pairs that were scored before, in MiB; 0 scores every pair anew.

    Evaluations keep theirs in any case. In live runs the reranker's time is then no longer what a new
    query costs: its details say how many scores were reused.
    """
    cascade: str = ""
    """A smaller cross-encoder that scores the N candidates first, so that ``model`` reads only the best of
    them. Named like ``model``; empty runs ``model`` alone."""
    cascade_keep: int = 20
    """M: how many of the smaller model's best candidates go on to ``model``."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """When the reranker is not called. Every part is off unless set."""

    gap: float = 0.0
    """Skip where the score at rank 1 leads the score at rank 10 by this much or more; 0 is off."""
    signal: str = "fusion"
    """The list whose scores the gap is taken from: ``fusion``, ``bm25`` or ``dense``."""
    few: int = 0
    """Skip where there are no more candidates than this; 0 is off. No more than K need no new order, so they
    are reranked only where the floor needs the scores."""
    follow_up: bool = False
    """Skip where another query right before had the same set of candidates."""


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """What of the final order is kept."""

    top_k: int = 10
    """K: most documents that are kept."""
    value: float | None = 0.25
    """Relevance floor: documents that score below it are dropped. Leave it out with ``none``.

    The default is where, on the bundled reranker's held-out training queries, as large a share of the
    answerable ones is refused as of the unanswerable ones is answered. Set your own from your traces.
    """
    score_scale: str = "probability"
    """Scale on which ``value`` was chosen; a floor of another scale than the scores is refused."""
    source: str = "default"
    """Where the value came from: ``default``, ``manual`` or ``fitted:METHOD``."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Where models come from and how they run."""

    bi_encoder: str = "all-MiniLM-L6-v2"
    """``all-MiniLM-L6-v2`` (installed with RankScope), a local folder, or a hub name."""
    download: bool = False
    """Whether a model that is not on this machine may be fetched from the hub."""
    device: str = "auto"
    """``auto`` (a GPU when there is one), ``cpu``, ``cuda`` or ``mps``."""
    precision: str = "auto"
    """``auto`` (measured once on this machine), ``fp32`` or ``bf16``."""


@dataclass(frozen=True, slots=True)
class ChunkingSettings:
    """How folders of text are cut into passages."""

    tokens: int = 200
    """Most word-piece tokens of one passage; sentences are kept whole where they fit."""
    overlap: int = 0
    """Tokens of the passage before that are repeated at the start, in whole sentences."""


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """How long a query may take, in milliseconds, before a stage is reported as slow."""

    total_ms: float = 500.0
    """Budget of a whole query."""
    bm25_ms: float = 50.0
    """Budget of BM25 retrieval."""
    dense_ms: float = 100.0
    """Budget of dense retrieval, encoding the query included."""
    fusion_ms: float = 20.0
    """Budget of fusion."""
    rerank_ms: float = 400.0
    """Budget of the cross-encoder."""


@dataclass(frozen=True, slots=True)
class FindingsSettings:
    """Which rules look at a trace, and from where on they speak."""

    select: str = ""
    """Codes or beginnings of codes that are checked, for instance ``RS1, RS201``; empty means all."""
    ignore: str = ""
    """Codes or beginnings of codes that are not checked, for instance ``RS403``."""
    same_order_min: int = 5
    """RS101: fewest reranked documents whose unchanged order is not chance; an error from twice as many."""
    tie_tolerance: float = 1e-6
    """RS102: scores that differ by no more than this are a tie."""
    saturated_above: float = 0.9999
    """RS102: three or more of the top K at this probability or above are saturated."""
    double_sigmoid_min: int = 8
    """RS104: fewest scores that must all lie in the range of a doubled sigmoid before it is called one."""
    cut_share: float = 0.1
    """RS201: share of a passage's tokens from which a cut is a warning; less is worth an info."""
    duplicate_similarity: float = 0.8
    """RS202: Jaccard similarity of word triples from which two passages are near-duplicates."""
    duplicates: int = 2
    """RS202: redundant documents in the top K from which crowding is a warning; fewer are worth an info."""
    broken_share: float = 0.2
    """RS203: share of the top K's passages from which broken sentences are a warning."""
    shallow_share: float = 0.5
    """RS403: the top K came from at most this share of the candidates: the rest could be left out."""


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Who judges, and the model that may propose grades. It proposes only; a person confirms."""

    name: str = ""
    """Name that your judgments are kept under; empty means the name of the account."""
    endpoint: str = ""
    """Base address of an OpenAI-compatible service, such as ``http://localhost:8000/v1``; empty is off."""
    model: str = ""
    """Model that the service is asked for."""
    rubric: str = ""
    """File with the rubric, inside the workspace; empty means the one that comes with RankScope."""
    key_env: str = "RANKSCOPE_JUDGE_KEY"
    """Environment variable that holds the service's key; its name starts with ``RANKSCOPE_JUDGE_``. The key
    itself is never kept, and goes over https only, or to this machine."""
    timeout_s: float = 60.0
    """How long to wait for one answer."""
    retries: int = 3
    """How often to ask again after a 429, a 5xx or a broken connection."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one workspace."""

    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    rerank: RerankSettings = field(default_factory=RerankSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    floor: FloorSettings = field(default_factory=FloorSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    chunking: ChunkingSettings = field(default_factory=ChunkingSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    findings: FindingsSettings = field(default_factory=FindingsSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def as_mapping(self) -> dict[str, dict[str, Any]]:
        """Plain nested dictionaries, as stored in a trace."""
        return asdict(self)

    def override(self, section: str, **values: Any) -> Settings:
        """A copy in which some keys of one section are replaced, checked like the file's."""
        current = self.as_mapping()
        current[section].update(values)
        return settings_from_mapping(current)


def parse_toml(text: str) -> dict[str, Any]:
    """What a TOML document says. Raises TOMLDecodeError also for what is valid and cannot be held."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # a whole number of more than 4,300 digits
        raise tomllib.TOMLDecodeError("a number has too many digits") from error
    except RecursionError as error:
        raise tomllib.TOMLDecodeError("nested too deeply") from error


def load_settings(path: Path) -> Settings:
    """Read ``rankscope.toml``; a file that is absent gives the defaults."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}.") from error
    try:
        return settings_from_mapping(parse_toml(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from error
    except SettingsError as error:
        raise SettingsError(f"{path}: {error.message}", remedy=error.remedy) from error


def settings_from_mapping(data: Mapping[str, Any]) -> Settings:
    """Settings from nested mappings, every section, key, kind and range checked."""
    sections = {item.name: item for item in fields(Settings)}
    result = Settings()
    for name, values in data.items():
        if name not in sections:
            raise SettingsError(f"unknown section [{name}]", remedy=f"Known: {', '.join(sections)}.")
        if not isinstance(values, Mapping):
            raise SettingsError(f"[{name}] is not a section", remedy=f"Write [{name}] and its keys below it.")
        section = getattr(result, name)
        known = {item.name for item in fields(section)}
        checked: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                raise SettingsError(f"unknown key {name}.{key}", remedy=f"Known: {', '.join(sorted(known))}.")
            checked[key] = _checked(f"{name}.{key}", value, getattr(section, key))
        updates: dict[str, Any] = {name: replace(section, **checked)}
        result = replace(result, **updates)
    _check_ranges(result)
    return result


def _checked(key: str, value: Any, default: Any) -> Any:
    """The value in its field's type; the default tells which one that is."""
    if key == "floor.value":
        if value is None or value == "none":
            return None
        default = 0.0
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise SettingsError(f"{key} is {_shown(value)}, expected true or false.")
        return value
    if isinstance(default, int):
        if isinstance(value, bool) or not isinstance(value, int):
            raise SettingsError(f"{key} is {_shown(value)}, expected a whole number.")
        return value
    if isinstance(default, float):
        number = _finite(value)
        if number is None:
            raise SettingsError(f"{key} is {_shown(value)}, expected a finite number.")
        return number
    if not isinstance(value, str):
        raise SettingsError(f"{key} is {_shown(value)}, expected text in quotes.")
    return value


def _finite(value: Any) -> float | None:
    """The value as a float; None where it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _shown(value: Any) -> str:
    """A value as a message quotes it: short, whatever it is."""
    try:
        return f"{value!r:.60}"
    except (ValueError, RecursionError):  # too many digits to spell, or nested too deeply
        return f"a value that cannot be shown ({type(value).__name__})"


_RANGES: dict[str, tuple[float, float]] = {
    "retrieval.candidates": (1, 10_000),
    "retrieval.depth": (1, 10_000),
    "retrieval.rrf_k": (0, 100_000),
    "retrieval.bm25_weight": (0, 1_000),
    "retrieval.dense_weight": (0, 1_000),
    "rerank.max_length": (16, 32_768),
    "rerank.max_windows": (1, 1_000),
    "rerank.cache_mb": (0, 1_000_000),
    "rerank.score_cache_mb": (0, 1_000_000),
    "rerank.cascade_keep": (1, 10_000),
    "gate.gap": (0, 1_000_000),
    "gate.few": (0, 10_000),
    "floor.top_k": (1, 10_000),
    "chunking.tokens": (16, 8_192),
    "chunking.overlap": (0, 4_096),
    "budget.total_ms": (1, 10_000_000),
    "budget.bm25_ms": (0.01, 10_000_000),
    "budget.dense_ms": (0.01, 10_000_000),
    "budget.fusion_ms": (0.01, 10_000_000),
    "budget.rerank_ms": (0.01, 10_000_000),
    "findings.same_order_min": (2, 10_000),
    "findings.tie_tolerance": (0, 1),
    "findings.saturated_above": (0.5, 1),
    "findings.double_sigmoid_min": (2, 10_000),
    "findings.cut_share": (0, 1),
    "findings.duplicate_similarity": (0.1, 1),
    "findings.duplicates": (1, 10_000),
    "findings.broken_share": (0, 1),
    "findings.shallow_share": (0.01, 1),
    "judge.timeout_s": (0.1, 3_600),
    "judge.retries": (0, 10),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "models.device": ("auto", "cpu", "cuda", "mps"),
    "models.precision": ("auto", "fp32", "bf16"),
    "gate.signal": ("fusion", "bm25", "dense"),
    "floor.score_scale": ("bm25", "cosine", "inner_product", "rrf", "logit", "probability"),
}


def _check_ranges(settings: Settings) -> None:
    values = settings.as_mapping()
    for key, (low, high) in _RANGES.items():
        section, name = key.split(".")
        value = cast(float, values[section][name])
        if not low <= value <= high:
            raise SettingsError(f"{key} is {_shown(value)}, expected {low:g} to {high:g}.")
    for key, choices in _CHOICES.items():
        section, name = key.split(".")
        if values[section][name] not in choices:
            shown = _shown(values[section][name])
            raise SettingsError(f"{key} is {shown}, expected one of {', '.join(choices)}.")
    if settings.retrieval.bm25_weight == 0 and settings.retrieval.dense_weight == 0:
        raise SettingsError(
            "retrieval.bm25_weight and retrieval.dense_weight are both 0: nothing is left to fuse."
        )
    _check_reranking(settings)
    if settings.chunking.overlap >= settings.chunking.tokens:
        raise SettingsError("chunking.overlap must be smaller than chunking.tokens.")


def _check_reranking(settings: Settings) -> None:
    """What the keys of the reranker and its gate ask of one another."""
    rerank, retrieval = settings.rerank, settings.retrieval
    if rerank.cascade and rerank.cascade == rerank.model:
        raise SettingsError("rerank.cascade and rerank.model are the same model.")
    if rerank.cascade and rerank.cascade_keep < settings.floor.top_k:
        raise SettingsError(
            f"rerank.cascade_keep is {rerank.cascade_keep}, fewer than floor.top_k, {settings.floor.top_k}."
        )
    weights = {"bm25": retrieval.bm25_weight, "dense": retrieval.dense_weight}
    if settings.gate.gap > 0 and weights.get(settings.gate.signal) == 0:
        raise SettingsError(
            f"gate.signal is {settings.gate.signal!r}, but retrieval.{settings.gate.signal}_weight is 0."
        )
