"""rapidembed-native: encoders on CPUs with AVX2 or AVX-512, in float32, 8-bit integers or bfloat16, without a graph."""

from typing import TYPE_CHECKING

from rapidembed.errors import DeviceError, RapidEmbedError
from rapidembed.graph import Compiled
from rapidembed.hub import Checkpoint
from rapidembed.runtime.backends.backend import Backend
from rapidembed.runtime.engine import EngineKey
from rapidembed.types import Precision

if TYPE_CHECKING:
    from rapidembed_native import Isa

    from rapidembed.runtime.native_engine import NativeEngine


class Native(Backend):
    """See :class:`~rapidembed.runtime.backends.backend.Backend`."""

    def require(self, precision: Precision) -> None:
        """Check that the library loads, and that the CPU has the instructions.

        Raises:
            DeviceError: it does not, or it has not.
        """
        from rapidembed_native import NativeError, has_isa

        isa, wanted = _needs(precision)
        try:
            able = has_isa(isa)
        except NativeError as error:
            raise DeviceError(f'backend="native": {error}') from error
        if not able:
            raise DeviceError(
                f'precision="{precision}" on backend="native" needs a CPU with {wanted}, which is not found here. '
                "Leave backend out: the default runs everywhere."
            )

    def is_fast(self, precision: Precision) -> bool:
        """Wherever it can."""
        return True

    def takes(self, checkpoint: Checkpoint) -> bool:
        """Whether its architecture, sizes and head are among those that the library computes."""
        from rapidembed.runtime.native_engine import check_model

        try:
            check_model(checkpoint)
        except RapidEmbedError:  # what else is wrong with the files, the one that takes the model says
            return False
        return True

    def compile(self, key: EngineKey, copy: Checkpoint, record: Compiled) -> None:
        """See :class:`~rapidembed.runtime.backends.backend.Compiling`."""
        from rapidembed.runtime.native_engine import compile_model

        compile_model(key, copy, record)

    def open_engine(self, key: EngineKey) -> "NativeEngine":
        """Load the model of ``key``."""
        from rapidembed.runtime.native_engine import NativeEngine

        return NativeEngine(key)


def _needs(precision: Precision) -> tuple["Isa", str]:
    from rapidembed_native import Isa

    if precision == "fp32":
        return Isa.AVX2, "AVX2 and FMA"
    return (Isa.AVX512_BF16, "AVX-512 BF16 or AMX") if precision == "bf16" else (Isa.AVX512_VNNI, "AVX-512 VNNI")


BACKEND = Native()
