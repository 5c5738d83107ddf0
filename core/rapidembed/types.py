"""Small value types that the public surface is written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""float32 array: ``(dimensions,)`` for one text, ``(texts, dimensions)`` for several."""

PoolingMode: TypeAlias = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", "none"]
"""How token vectors become one vector, in sentence-transformers' words; "none": the graph already did it."""

POOLING_MODES: tuple[PoolingMode, ...] = (
    "cls",
    "max",
    "mean",
    "mean_sqrt_len_tokens",
    "weightedmean",
    "lasttoken",
    "none",
)

Head: TypeAlias = Literal["pool", "tokens", "classification", "mlm"]
"""What a model computes from its token vectors: one vector by pooling; a vector for each token; a score by a
classifier over the first token; a weight for each word of the vocabulary by the masked-language-model head."""

HEADS: tuple[Head, ...] = ("pool", "tokens", "classification", "mlm")

ProviderSpec: TypeAlias = str | tuple[str, Mapping[str, Any]]
"""An ONNX Runtime execution provider: its name, or its name and options."""

Providers: TypeAlias = Sequence[ProviderSpec]


class Device(StrEnum):
    """Where a model runs; the names are fastembed's."""

    CPU = "cpu"
    CUDA = "cuda"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document's place in a ranking."""

    index: int
    """Where it stood among the documents given."""
    score: float
    """Higher is more relevant."""
    document: str | None = None
    """Its text, where it was asked for."""
