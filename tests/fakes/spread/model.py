"""The loaded model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidembed.hub import Checkpoint
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.tasks.call import Call
from rapidembed.tasks.list_model import ListModel
from rapidembed.tasks.token_model import TokenModel, graph_tokenizer, prompts_of, token_limit
from rapidembed.types import Vectors

from tests.fakes.spread.options import SpreadOptions
from tests.fakes.spread.steps import StrippedSteps


@dataclass(frozen=True, slots=True)
class Spread:
    """What a text becomes."""

    mean: Vectors
    """float32 (dimensions,)."""
    distance: float
    """Of the tokens' vectors from it, on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadModel(ListModel[SpreadOptions, Spread]):
    """Everything that a call needs."""

    squared: bool

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: SpreadOptions) -> "SpreadModel":
        return cls(
            lease=lease,
            checkpoint=checkpoint,
            max_tokens=token_limit(options.max_tokens, checkpoint.spec, lease.engine),
            truncate=options.truncate,
            prompts=prompts_of(checkpoint.spec),
            squared=options.squared,
        )

    def steps(self, call: Call) -> StrippedSteps:
        return StrippedSteps(call, graph_tokenizer(self.engine))

    def sink(self, call: Call) -> ListSink[TokenIds, Spread]:
        return ListSink(self._read)

    def facts(self) -> dict[str, Any]:
        return TokenModel.facts(self) | {"squared": self.squared}

    def _read(self, text: TokenIds, output: NDArray[np.float32]) -> Spread:
        vectors = output[: len(text.ids)]
        mean = vectors.mean(axis=0)
        distances = np.linalg.norm(vectors - mean, axis=1)
        return Spread(mean, float((distances**2 if self.squared else distances).mean()))
