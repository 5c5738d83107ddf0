"""What the file of a backend offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph import Compiled, Program, RoundingPlan
from rapidembed.hub import Checkpoint
from rapidembed.runtime.engine import Engine, EngineKey
from rapidembed.types import Precision, ProviderSpec


class Backend(Protocol):
    """Something that computes. One that runs graphs is a :class:`GraphBackend`; others bring an engine of their own."""

    def require(self, precision: Precision) -> None:
        """Check that this CPU can do what is wanted.

        Raises:
            DeviceError: it lacks the instructions.
        """

    def is_fast(self, precision: Precision) -> bool:
        """Whether this CPU computes so about as fast as the table of ``precision="fast"`` says."""

    def takes(self, checkpoint: Checkpoint) -> bool:
        """Whether ``precision="fast"`` may choose it for a model; by itself it takes all."""
        return True

    def open_engine(self, key: EngineKey) -> Engine[Any]:
        """Load the model of ``key``.

        Raises:
            UnsupportedModelError: it does not run here.
        """


@runtime_checkable
class Compiling(Backend, Protocol):
    """A backend that makes something of a model, which compiled folders may hold."""

    def compile(self, key: EngineKey, copy: Checkpoint, record: Compiled) -> None:
        """Write what a start would make.

        Args:
            key: the model; what is made already, its cache holds.
            copy: its files in a folder of their own, where to write.
            record: what the folder shall say of itself; what only the backend knows is filled in.

        Raises:
            OSError: the folder cannot be written.
        """


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """How a graph is built for a backend, see :func:`rapidembed.graph.load_program`."""

    rounding: RoundingPlan | None = None
    """How weights are made into integers, if they are."""
    plain: bool = True
    """Whether it must do without ONNX Runtime's own operators."""


class Session(Protocol):
    """A loaded graph; safe to call from several threads at once."""

    inputs: frozenset[str]
    """Names of the inputs that a run must be given."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Compute the program's output for one batch."""


@runtime_checkable
class GraphBackend(Compiling, Protocol):
    """A backend that runs graphs: ``open_engine`` gives a :class:`rapidembed.runtime.onnx_engine.OnnxEngine`."""

    def program_options(self, precision: Precision, checkpoint: Checkpoint) -> ProgramOptions:
        """How the checkpoint's graph is to be built."""

    def compile(self, key: EngineKey, copy: Checkpoint, record: Compiled) -> None:
        """See :class:`Compiling`."""
        from rapidembed.graph.compile import compile_program  # few ever compile

        options = self.program_options(key.precision, key.checkpoint)
        compile_program(copy, record, source=key.checkpoint, rounding=options.rounding, plain=options.plain)

    def open(
        self, program: Program, providers: Sequence[ProviderSpec], *, precision: Precision, threads: int, callers: int
    ) -> Session:
        """Load a graph.

        Args:
            program: what to run.
            providers: ONNX Runtime's execution providers in order of preference.
            precision: to compute in.
            threads: cores that one call uses.
            callers: calls that compute at the same time.

        Raises:
            DeviceError: the device could not be started.
            IntegrityError: the graph could not be loaded.
        """
