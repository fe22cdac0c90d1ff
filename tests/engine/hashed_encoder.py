"""A deterministic encoder without a model: for tests of what happens around the embedding."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rankscope.core.trace import ModelInfo
from rankscope.stages.dense.bundled import model_revision, resolve_model


class HashedEncoder:
    """A vector of a text is drawn from a generator seeded with its hash; ``encoded`` counts texts."""

    dimension = 16

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.encoded: list[str] = []
        revision = model_revision(resolve_model("all-MiniLM-L6-v2"))
        self.info = ModelInfo("all-MiniLM-L6-v2", revision=revision, dtype="float32", max_length=256)

    def encode_query(self, text: str) -> NDArray:
        return self.encode_documents([text])[0]

    def encode_documents(self, texts: Sequence[str]) -> NDArray:
        self.encoded.extend(texts)
        time.sleep(self.delay_s)
        rows = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
            row = np.random.default_rng(seed).normal(size=self.dimension)
            rows.append(row / np.linalg.norm(row))
        return np.asarray(rows, dtype=np.float32)

    def tokens_cut(self, texts: Sequence[str]) -> list[int]:
        return [max(0, len(text.split()) - 256) for text in texts]
