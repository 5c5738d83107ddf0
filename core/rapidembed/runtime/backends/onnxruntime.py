"""ONNX Runtime, on CPUs and accelerators, in float32 or in integers of 8 bits."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph import Program, RoundingPlan
from rapidembed.hub import Checkpoint
from rapidembed.runtime.backends.backend import GraphBackend, ProgramOptions, Session
from rapidembed.runtime.cpu import NARROW_SUMS, WIDE_SUMS, integer_kind
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.feeder import open_feeder
from rapidembed.runtime.onnx_engine import OnnxEngine, open_graph_engine
from rapidembed.types import Precision, ProviderSpec


class OnnxRuntime(GraphBackend):
    """See :class:`~rapidembed.runtime.backends.backend.GraphBackend`."""

    def require(self, precision: Precision) -> None:
        """Nothing: it computes in both precisions everywhere."""

    def is_fast(self, precision: Precision) -> bool:
        """Integers are where the CPU sums them in 32 bits."""
        return precision != "int8" or integer_kind() == WIDE_SUMS

    def open_engine(self, key: EngineKey) -> OnnxEngine[Any]:
        """Load the model of ``key``."""
        return open_graph_engine(key, self)

    def program_options(self, precision: Precision, checkpoint: Checkpoint) -> ProgramOptions:
        """With ONNX Runtime's own operators; in 8 bits, or in 7 where sums would overflow."""
        if precision != "int8":
            return ProgramOptions(plain=False)
        bits = 7 if integer_kind() == NARROW_SUMS else 8
        return ProgramOptions(RoundingPlan(bits, lambda program: _observe(program, checkpoint)), plain=False)

    def open(
        self, program: Program, providers: Sequence[ProviderSpec], *, precision: Precision, threads: int, callers: int
    ) -> Session:
        """Load a graph; the precision is in it, and a session takes any number of callers."""
        from rapidembed.runtime.session import OnnxSession  # ONNX Runtime itself, which the doctor may find broken

        return OnnxSession(program, providers, threads)


def _observe(program: Program, checkpoint: Checkpoint) -> Iterator[tuple[str, NDArray[np.float32]]]:
    from rapidembed.runtime.observation import observe  # a start that finds the integers in the cache needs none of it

    return observe(program, open_feeder(checkpoint).sample())


BACKEND = OnnxRuntime()
