"""One graph, loaded in ONNX Runtime on one device."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import DeviceError, IntegrityError
from rapidembed.graph import Program
from rapidembed.runtime.device import CPU_PROVIDER, provider_name
from rapidembed.runtime.onnx_runtime import ort
from rapidembed.types import ProviderSpec

_ERRORS_ONLY = 3
# Packing the weights in parallel is quicker, but what they are packed from is let go at the end only: the peak doubles.
_PACKED_IN_PARALLEL_BELOW = 200_000_000
_SLOWER_FUSED = ["BiasGeluFusion", "SkipLayerNormFusion"]
"""What ONNX Runtime does faster in two operators than in the one that it makes of them on a CPU."""
_NUMBERS = {
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"


class OnnxSession:
    """A program in ONNX Runtime.

    Args:
        program: what to run.
        providers: execution providers in order of preference.
        threads: cores that one call uses. With 1 the calling thread computes by itself.

    Raises:
        DeviceError: the first provider could not be started.
        IntegrityError: the graph could not be loaded.
        MemoryError: it is too large for what there is.
    """

    def __init__(self, program: Program, providers: Sequence[ProviderSpec], threads: int) -> None:
        wanted = provider_name(providers[0])
        on_cpu = wanted == CPU_PROVIDER
        options = session_options(program, threads, on_cpu=on_cpu)
        self._tables = program.tables
        model = program.model if isinstance(program.model, bytes) else os.fspath(program.model)
        try:
            self._session = ort.InferenceSession(
                model,
                options,
                providers=list(providers),
                disabled_optimizers=_SLOWER_FUSED if on_cpu else None,
            )
        except Exception as error:  # ONNX Runtime's errors share no base class below Exception
            where = "the built graph" if isinstance(model, bytes) else model
            if _ran_out(error):
                raise MemoryError(f"Too little memory to load {where}: {error}.") from error
            raise IntegrityError(
                f"ONNX Runtime {ort.__version__} could not load {where} on {wanted}: {error}"
            ) from error
        active = self._session.get_providers()
        if active[0] != wanted:
            raise DeviceError(
                f"{wanted} was asked for, but ONNX Runtime {ort.__version__} started {active[0]}. "
                "Its log says why; a missing CUDA or cuDNN library is the usual cause."
            )
        wanted_inputs = {value.name: value.type for value in self._session.get_inputs()}
        self.inputs = frozenset(wanted_inputs) - program.tables.keys()
        # Exports take masks and numbers of tokens in other types too.
        self._casts = {name: _NUMBERS[kind] for name, kind in wanted_inputs.items() if kind in _NUMBERS}
        self._name = "the built graph" if isinstance(model, bytes) else model
        self._output = _output_name([value.name for value in self._session.get_outputs()], program.output)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Compute the program's output for one batch.

        Raises:
            MemoryError: there is too little for the batch; others may still be run.
            IntegrityError: the graph does not take it.
        """
        given = {
            name: value.astype(self._casts[name], copy=False) if name in self._casts else value
            for name, value in feeds.items()
        }
        try:
            outputs: list[Any] = self._session.run([self._output], {**given, **self._tables})
        except Exception as error:  # ONNX Runtime's errors share no base class below Exception
            shapes = ", ".join(f"{name} {value.shape}" for name, value in sorted(feeds.items()))
            if _ran_out(error):
                raise MemoryError(
                    f"Too little memory to run {self._name} on {shapes}: {error}. A smaller batch_size, or a lower "
                    "max_tokens, needs less."
                ) from error
            raise IntegrityError(
                f"ONNX Runtime {ort.__version__} could not run {self._name} on {shapes}: {error}. The file does not "
                "take what its tokenizer and config.json promise."
            ) from error
        return np.asarray(outputs[0], dtype=np.float32)


_NO_MEMORY = re.compile(r"bad.alloc|failed to allocate|out of memory|ALLOC_FAILED", re.IGNORECASE)


def _ran_out(error: Exception) -> bool:
    """Whether ONNX Runtime, which has no error of its own for that, got no memory."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def available_providers() -> list[str]:
    """Execution providers of the installed ONNX Runtime."""
    return list(ort.get_available_providers())


def session_options(program: Program, threads: int, *, on_cpu: bool = True) -> ort.SessionOptions:
    """How ONNX Runtime is to run a program with so many threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Shapes change with every batch: a memory plan for each would only pile up.
    options.enable_mem_pattern = False
    # The plan of which results share memory compares each with all before it: a second for int8 and 22 layers. On CPUs
    # freed memory is given out again without one.
    options.enable_mem_reuse = not on_cpu
    parallel_packing = program.weight_bytes < _PACKED_IN_PARALLEL_BELOW
    options.add_session_config_entry("session.prepack.enable_parallel", "1" if parallel_packing else "0")
    # Spinning between the operators of one call halves its latency; after the call it would only burn the cores.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if program.folder is not None:
        options.add_session_config_entry(_WEIGHTS_FOLDER, str(program.folder))
    if program.given:
        values = [ort.OrtValue.ortvalue_from_numpy(array) for array in program.given.values()]
        options.add_external_initializers(list(program.given), values)
    return options


def _output_name(names: list[str], wanted: int | str) -> str:
    if isinstance(wanted, str):
        if wanted in names:
            return wanted
    elif wanted < len(names):
        return names[wanted]
    raise IntegrityError(f"The graph has no output {wanted!r}; it has: {', '.join(names)}.")
