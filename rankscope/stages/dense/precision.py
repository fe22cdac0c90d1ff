"""Where a model runs, and in which number format: measured, not guessed.

bfloat16 halves the time on processors that multiply it in hardware and doubles it on those that do not,
so it is timed against float32 once on this machine and taken only where it wins clearly.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope.errors import ModelError
from rankscope.stages.user_cache import read_facts, write_fact

if TYPE_CHECKING:
    import torch

__all__ = ["bf16_speedup", "choose_device", "choose_dtype"]

_FACTS = "precision"
_WORTH_IT = 1.2  # below this, rounding is not worth the gain
_ROUNDS = 5


def choose_device(setting: str) -> torch.device:
    """``auto`` is a GPU where there is one, else the processor. Raises ModelError for an absent device."""
    import torch

    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if setting == "auto":
        return torch.device(next((name for name, works in usable.items() if works), "cpu"))
    if not usable.get(setting, True):
        raise ModelError(
            f"models.device is {setting!r}, but torch finds no such device.", remedy="Set it to auto."
        )
    return torch.device(setting)


def choose_dtype(setting: str, device: torch.device) -> torch.dtype:
    """``auto`` is bfloat16 where it is clearly faster on ``device``, else float32."""
    import torch

    if setting != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16}[setting]
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float32
    if device.type != "cpu":
        return torch.float32
    key = f"{_processor()} | torch {torch.__version__} | {torch.get_num_threads()} threads"
    speedup = read_facts(_FACTS).get(key)
    if not isinstance(speedup, int | float):
        speedup = round(bf16_speedup(), 2)
        write_fact(_FACTS, key, speedup)
    return torch.bfloat16 if speedup >= _WORTH_IT else torch.float32


def bf16_speedup() -> float:
    """How many times faster this processor runs one encoder-sized layer in bfloat16 than in float32.

    The two take turns and the best round of each counts, so that other work on the machine disturbs
    little. Takes about a tenth of a second.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    wide = torch.randn(1536, 384, generator=generator)
    narrow = torch.randn(384, 1536, generator=generator)
    tokens = torch.randn(8, 128, 384, generator=generator)
    best = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    inputs = {dtype: (tokens.to(dtype), wide.to(dtype), narrow.to(dtype)) for dtype in best}
    with torch.inference_mode():
        for _ in range(_ROUNDS):
            for dtype, (hidden, up, down) in inputs.items():
                started = time.perf_counter()
                _layer(hidden, up, down)
                best[dtype] = min(best[dtype], time.perf_counter() - started)
    return best[torch.float32] / best[torch.bfloat16]


def _layer(hidden: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> None:
    """The parts that an encoder layer spends its time on: attention over 12 heads and two wide products."""
    from torch.nn import functional

    heads = hidden.view(*hidden.shape[:2], 12, 32).transpose(1, 2)
    attended = functional.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2).flatten(2)
    grown = functional.gelu(functional.linear(attended, up))
    functional.layer_norm(functional.linear(grown, down), (384,))


def _processor() -> str:
    """Name of the processor and whether it multiplies bfloat16 in hardware."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    except OSError:
        return platform.processor() or platform.machine()
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    flags = fields.get("flags", "").split()
    fast = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in flags]
    return " ".join([fields.get("model name", platform.machine()), *fast])
