"""Weights with an adapter merged into them: each matrix plus the scaled product of its two small ones."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph.weights import Location, Weights
from rapidembed.registry.adapter import Adapter

_PREFIX = "base_model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


class MergedWeights(Weights):
    """The tensors of a checkpoint, those changed that an adapter is for.

    Args:
        files: as for :class:`Weights`.
        adapter: what is merged.

    Raises:
        UnsupportedModelError: the adapter holds other tensors than pairs of small matrices.
        IntegrityError: they do not fit the matrices that they are for.
    """

    def __init__(self, files: Sequence[tuple[str, Path]], adapter: Adapter) -> None:
        super().__init__(files)
        self._adapter = Weights([("", adapter.weights)])
        self._scale = adapter.scale
        self._merged = {self._target(name): name.removesuffix(_DOWN) for name in self._pairs(adapter)}
        self.layout = hashlib.sha256(f"{self.layout} {self._adapter.layout} {adapter.scale}".encode()).hexdigest()

    def location(self, name: str) -> Location | None:
        """See :meth:`Weights.location`; what is merged lies nowhere."""
        return None if name in self._merged else super().location(name)

    def float32(self, name: str) -> NDArray[np.float32]:
        """See :meth:`Weights.float32`."""
        own = super().float32(name)
        if name not in self._merged:
            return own
        down, up = (self._adapter.float32(self._merged[name] + end) for end in (_DOWN, _UP))
        return np.asarray(own + np.float32(self._scale) * (up @ down), dtype=np.float32)

    def _pairs(self, adapter: Adapter) -> list[str]:
        names = sorted(self._adapter.names)
        for name in names:
            other = name.removesuffix(_DOWN) + _UP if name.endswith(_DOWN) else name.removesuffix(_UP) + _DOWN
            if not name.startswith(_PREFIX) or not name.endswith((_DOWN, _UP)) or other not in self._adapter:
                raise UnsupportedModelError(f"{adapter.weights}: the tensor {name!r} is no part of a simple LoRA.")
        return [name for name in names if name.endswith(_DOWN)]

    def _target(self, down: str) -> str:
        """Full name of the matrix that a pair is for."""
        stem = down.removesuffix(_DOWN)
        name = stem.removeprefix(_PREFIX) + ".weight"
        found = [each for each in self.names if each == name or each.endswith(f".{name}")]
        if len(found) != 1:
            raise IntegrityError(f"The adapter is for the tensor {name!r}, of which the weights hold {len(found)}.")
        inner = self._adapter.matrix(stem + _UP), self._adapter.matrix(down)
        if self.shape(found[0]) != (inner[0][0], inner[1][1]) or inner[0][1] != inner[1][0]:
            raise IntegrityError(f"The adapter's {inner} do not fit {found[0]!r} of {self.shape(found[0])}.")
        return found[0]
