"""Queries and passages after the frozen lower layers, in bounded memory.

Training changes the upper layers alone, so what a text looks like below them never changes: each is read
once in a run and not once in every update, which is where most of the time would go.
"""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from rankscope.stages.rerank.split_bert import Side, SplitBert

__all__ = ["ReadParts"]


class ReadParts:
    """Stands in for :meth:`SplitBert.read` of a network whose lower layers are frozen.

    ``dtype`` is what the lower layers compute and are kept in; ``limit`` is in bytes, the least recently
    used texts go first.
    """

    def __init__(self, network: SplitBert, dtype: torch.dtype, limit: int) -> None:
        # Its own copy, since the upper layers go on learning in float32; it needs none of them.
        self._network = copy.deepcopy(network).to(dtype).requires_grad_(False)
        self._network.upper = torch.nn.ModuleList()
        self.limit = limit
        self.size = 0
        self.reads = 0
        """Texts that went through the lower layers."""
        self._known: OrderedDict[bytes, Tensor] = OrderedDict()

    def __call__(self, ids: Tensor, mask: Tensor) -> Side:
        """The side of padded ``ids``, without gradients, as :meth:`SplitBert.read` gives it."""
        lengths = mask.sum(1).tolist()
        keys = [ids[row, :length].cpu().numpy().tobytes() for row, length in enumerate(lengths)]
        missing = {key: row for row, key in enumerate(keys) if key not in self._known}
        fresh = self._read(ids, mask, lengths, missing)
        rows = [fresh[key] if key in fresh else self._known[key] for key in keys]
        for key, part in zip(keys, rows, strict=True):
            self._keep(key, part)
        hidden = torch.zeros(*ids.shape, rows[0].shape[-1], dtype=rows[0].dtype, device=ids.device)
        for row, length in enumerate(lengths):
            hidden[row, :length] = rows[row]
        return Side(ids, mask, hidden)

    def _read(
        self, ids: Tensor, mask: Tensor, lengths: list[int], missing: dict[bytes, int]
    ) -> dict[bytes, Tensor]:
        if not missing:
            return {}
        places = list(missing.values())
        self.reads += len(places)
        device = ids.device.type
        # No inference mode: what it makes cannot be saved for a backward pass. Nothing goes back through
        # here, so the fused kernels, which training itself avoids, are the faster ones.
        fused = sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])
        with torch.no_grad(), torch.autocast(device, enabled=False), fused:
            side = self._network.read(ids[places], mask[places])
        return {key: side.hidden[at, : lengths[row]].clone() for at, (key, row) in enumerate(missing.items())}

    def _keep(self, key: bytes, hidden: Tensor) -> None:
        if key in self._known:
            self._known.move_to_end(key)
            return
        self._known[key] = hidden
        self.size += hidden.nelement() * hidden.element_size()
        while self.size > self.limit:
            _, dropped = self._known.popitem(last=False)
            self.size -= dropped.nelement() * dropped.element_size()
