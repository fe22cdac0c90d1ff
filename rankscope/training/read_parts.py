"""Queries and passages as the frozen layers read them, in bounded memory.

Training changes only how a query looks at a passage, so what is read of each alone never changes: that is
done once in a run and not once in every update, which is where most of the time would go.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from rankscope.stages.rerank.split_bert import Side, SplitBert

__all__ = ["ReadParts"]


class ReadParts:
    """Stands in for :meth:`SplitBert.read` of a network whose layers are frozen.

    ``dtype`` is what they compute in and what is kept; ``limit`` is in bytes. What no longer
    fits is read anew each time: training comes back to all texts in turn, and one that is dropped for
    another would always be the next to be wanted.
    """

    def __init__(self, network: SplitBert, dtype: torch.dtype, limit: int) -> None:
        # Its own copy, since what learns stays in float32; it needs none of that.
        self._network = copy.deepcopy(network).to(dtype).requires_grad_(False)
        self._network.crossing = torch.nn.ModuleList()
        self._learning = network.word.weight.dtype
        self.limit = limit
        self.size = 0
        self.reads = 0
        """Texts that went through the layers."""
        self._known: dict[bytes, Tensor] = {}

    def __call__(self, ids: Tensor, mask: Tensor) -> Side:
        """The side of padded ``ids``, without gradients, as :meth:`SplitBert.read` gives it."""
        lengths = mask.sum(1).tolist()
        keys = [ids[row, :length].cpu().numpy().tobytes() for row, length in enumerate(lengths)]
        missing = {key: row for row, key in enumerate(keys) if key not in self._known}
        fresh = self._read(ids, mask, lengths, missing)
        rows = [fresh[key] if key in fresh else self._known[key] for key in keys]
        for key, part in zip(keys, rows, strict=True):
            self._keep(key, part)
        # Layers that autocast does not feed take what they are made of.
        dtype = rows[0].dtype if torch.is_autocast_enabled(ids.device.type) else self._learning
        states = torch.zeros(*ids.shape, *rows[0].shape[1:], dtype=dtype, device=ids.device)
        for row, length in enumerate(lengths):
            states[row, :length] = rows[row]
        return Side(ids, mask, states)

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
        return {key: side.states[at, : lengths[row]].clone() for at, (key, row) in enumerate(missing.items())}

    def _keep(self, key: bytes, states: Tensor) -> None:
        size = states.nelement() * states.element_size()
        if key not in self._known and self.size + size <= self.limit:
            self._known[key] = states
            self.size += size
