"""The checks of ``rankscope doctor``: each returns what it saw and, when it is wrong, the mend."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rankscope.core.counting import counted
from rankscope.errors import RankScopeError

if TYPE_CHECKING:
    from rankscope.config import Settings
    from rankscope.engine.workspace import Workspace

__all__ = ["Check", "check_database", "check_index", "check_models", "check_packages", "check_precision"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    name: str
    verdict: Literal["ok", "warning", "error"]
    message: str
    remedy: str = ""

    def as_mapping(self) -> dict[str, str]:
        """Plain strings for JSON."""
        return asdict(self)


def check_packages(requirements: Iterable[str]) -> Iterator[Check]:
    """Every required package is installed in a version that fits."""
    from packaging.requirements import Requirement

    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Check(requirement.name, "error", "not installed", f'pip install "{text}"')
            continue
        if requirement.specifier.contains(version, prereleases=True):
            yield Check(requirement.name, "ok", version)
        else:
            wanted = f"{version}, expected {requirement.specifier}"
            yield Check(requirement.name, "error", wanted, f'pip install "{text}"')


def check_index(workspace: Workspace) -> Iterator[Check]:
    """The index opens, belongs to the settings, and its parts count the same documents."""
    try:
        manifest = workspace.manifest
        if manifest is None:
            remedy = "It is built on first use." if workspace.sample else "Run `rankscope index SOURCE`."
            yield Check("index", "warning", "not built yet", remedy)
            return
        parts = workspace.parts()
        counts = {len(parts.documents), len(parts.bm25), len(parts.vectors), manifest.documents}
        if len(counts) > 1:
            yield Check("index", "error", f"its parts disagree on the count: {sorted(counts)}", _REBUILD)
            return
    except (RankScopeError, OSError, RuntimeError, sqlite3.Error) as error:
        if workspace.outdated:
            yield Check("index", "warning", str(error), "It is built anew on first use.")
        else:
            yield Check("index", "error", str(error), _REBUILD)
        return
    yield Check(
        "index",
        "ok",
        f"{counted(manifest.documents, 'document')} from {manifest.source}, {manifest.created_at}",
    )
    if manifest.truncated_documents:
        yield Check(
            "index truncation",
            "warning",
            f"the bi-encoder did not read the end of {counted(manifest.truncated_documents, 'document')} "
            f"({counted(manifest.truncated_tokens, 'token')})",
            "Cut them into passages: index a folder of .md or .txt files, or shorten the texts.",
        )


_REBUILD = "Run `rankscope index SOURCE` again; the traces are not touched."


def check_database(path: Path) -> Check:
    """The trace database is whole and readable by its owner alone."""
    if not path.exists():
        return Check("traces", "ok", "none yet")
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            count = connection.execute("SELECT count(*) FROM traces").fetchone()[0]
    except sqlite3.Error as error:
        return Check(
            "traces", "error", f"{path.name}: {error}", "Restore it from a copy; keep the damaged file."
        )
    if verdict != "ok":
        remedy = "Save what is readable with `sqlite3 traces.db .recover`, then restore from it."
        return Check("traces", "error", f"{path.name} is damaged: {verdict}", remedy)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return Check(
            "traces",
            "warning",
            f"{counted(count, 'trace')}, readable by others ({mode:o})",
            f"chmod 600 {path}",
        )
    return Check("traces", "ok", counted(count, "trace"))


def check_precision(settings: Settings) -> Check:
    """On what the models run, and in which precision because of which measurement."""
    from rankscope.stages.dense.precision import bf16_speedup, choose_device, choose_dtype

    try:
        device = choose_device(settings.models.device)
        dtype = str(choose_dtype(settings.models.precision, device)).removeprefix("torch.")
    except RankScopeError as error:
        return Check("precision", "error", error.message, error.remedy)
    if device.type != "cpu":
        return Check("precision", "ok", f"{dtype} on {device}")
    ratio = f"bfloat16 runs {bf16_speedup():.1f} times as fast as float32 here"
    return Check("precision", "ok", f"{dtype} on {device} ({settings.models.precision}): {ratio}")


def check_models(settings: Settings) -> Iterator[Check]:
    """Both models load and run here; says on what device and in what precision, and why."""
    from rankscope.core.documents import Document
    from rankscope.engine.factory import make_encoder, make_reranker

    try:
        encoder = make_encoder(settings.models)
        encoder.encode_query("doctor")
        info = encoder.info
        yield Check(
            "bi-encoder", "ok", f"{info.name}, {info.dtype}, {info.max_length} tokens, {info.revision[:12]}"
        )
    except RankScopeError as error:
        yield Check("bi-encoder", "error", error.message, error.remedy)
    try:
        reranker = make_reranker(settings.rerank, settings.models)
        for _ in reranker.score("doctor", [Document("a", "A document."), Document("b", "Another one.")]):
            pass
        info = reranker.info
        yield Check(
            "cross-encoder",
            "ok",
            f"{info.name}, {info.dtype}, {info.max_length} tokens, {info.activation}, {info.revision[:12]}",
        )
    except RankScopeError as error:
        yield Check("cross-encoder", "error", error.message, error.remedy)
