"""Programs in OpenVINO (extra ``openvino``), whose CPU kernels compute in bfloat16 where the CPU can."""

import io
import queue
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import DeviceError, IntegrityError
from rapidembed.graph import Program
from rapidembed.hub import Checkpoint
from rapidembed.runtime.backends.backend import GraphBackend, ProgramOptions, Session
from rapidembed.runtime.engine import EngineKey
from rapidembed.runtime.onnx_engine import OnnxEngine, open_graph_engine
from rapidembed.types import Precision, ProviderSpec

if TYPE_CHECKING:
    import openvino

_HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenVino(GraphBackend):
    """See :class:`~rapidembed.runtime.backends.backend.GraphBackend`."""

    def require(self, precision: Precision) -> None:
        """Check that the CPU has the instructions.

        Raises:
            DeviceError: it does not.
        """
        if precision == "bf16" and "BF16" not in capabilities():
            raise DeviceError(
                'precision="bf16" needs a CPU with bfloat16 instructions (AVX-512 BF16 or AMX), which OpenVINO does '
                'not find here. precision="int8", on the default backend, needs none.'
            )

    def is_fast(self, precision: Precision) -> bool:
        """Wherever it can."""
        return True

    def open_engine(self, key: EngineKey) -> OnnxEngine[Any]:
        """Load the model of ``key``."""
        return open_graph_engine(key, self)

    def program_options(self, precision: Precision, checkpoint: Checkpoint) -> ProgramOptions:
        """A graph of standard operators, in float32: sessions decide what they compute in."""
        return ProgramOptions()

    def open(
        self, program: Program, providers: Sequence[ProviderSpec], *, precision: Precision, threads: int, callers: int
    ) -> Session:
        """Load a graph; there are no providers but the CPU."""
        return OpenVinoSession(program, precision, threads=threads, callers=callers)


def capabilities() -> list[str]:
    """Number formats that this CPU computes in, in OpenVINO's words."""
    import openvino

    return list(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


class OpenVinoSession:
    """A program in OpenVINO, on the CPU; safe to call from several threads at once.

    The precision is pinned: OpenVINO would otherwise choose bfloat16 by itself where it is fast.

    Args:
        program: a plain one, or an ONNX file.
        precision: to compute in.
        threads: cores that one call uses.
        callers: calls that compute at the same time.

    Raises:
        IntegrityError: the graph could not be loaded.
    """

    def __init__(self, program: Program, precision: Precision, *, threads: int, callers: int) -> None:
        import openvino

        core = openvino.Core()
        source = io.BytesIO(program.model) if isinstance(program.model, bytes) else program.model
        try:
            model = core.read_model(source)
            _fill(model, program.tables)
            self._compiled = core.compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": _HINTS[precision],
                    "NUM_STREAMS": str(callers),
                    "INFERENCE_NUM_THREADS": str(callers * threads),
                    "ENABLE_CPU_PINNING": "NO",
                },
            )
            self._output = self._compiled.output(program.output)
        except RuntimeError as error:
            where = "the built graph" if isinstance(program.model, bytes) else program.model
            raise IntegrityError(f"OpenVINO {openvino.__version__} could not load {where}: {error}") from error
        self.inputs = frozenset(value.any_name for value in self._compiled.inputs)
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(callers):
            self._idle.put(self._warm())

    def _warm(self) -> Any:
        """A request that is safe to use.

        OpenVINO 2026.4 gives wrong attention for longer texts on a request whose first text was of a single token, so
        it has seen two. And it hangs where two threads are the first of the process to look into a tensor, so this one
        has done so: with those two tokens, or as it is where inputs are no tokens.
        """
        import openvino

        request = self._compiled.create_infer_request()
        if any(len(value.partial_shape) > 2 for value in self._compiled.inputs):
            _ = openvino.Tensor(np.zeros(1, dtype=np.float32)).data
            return request
        shapes = {value.any_name: _two_tokens(value.partial_shape) for value in self._compiled.inputs}
        request.infer({name: np.full(shape, len(shape) > 0, dtype=np.int64) for name, shape in shapes.items()})
        return request

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Compute the program's output for one batch."""
        request = self._idle.get()
        try:
            return np.asarray(request.infer(dict(feeds))[self._output], dtype=np.float32)
        finally:
            self._idle.put(request)


def _two_tokens(shape: "openvino.PartialShape") -> tuple[int, ...]:
    """The shape of an input for one text of two tokens; what is no token, but has a width of its own, has two rows."""
    if len(shape) == 2 and shape[1].is_static:
        return 2, shape[1].get_length()
    return (1, 2)[: len(shape)]


def _fill(model: "openvino.Model", tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Put tensors, where they lie, in the place of the inputs of their names."""
    from openvino import opset13

    for parameter in list(model.get_parameters()):
        name = parameter.output(0).any_name
        if name in tensors:
            # Only memory that could be written is shared; a mapped file's changes would stay in this process.
            shared = tensors[name].view()
            shared.flags.writeable = True
            parameter.output(0).replace(opset13.constant(shared, shared_memory=True).output(0))
            model.remove_parameter(parameter)
    model.validate_nodes_and_infer_types()


BACKEND = OpenVino()
