"""The shared library: where it is, and what its functions take (``include/rapidembed_native.h``)."""

import ctypes
import enum
import functools
from ctypes import POINTER, c_double, c_float, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

ABI_VERSION = 3
"""Of the header that this file declares."""
_FILES = ("librapidembed_native.so", "librapidembed_native.dylib", "rapidembed_native.dll", "librapidembed_native.dll")


class NativeError(RuntimeError):
    """The library is missing, of another version, or refused a call, which it says why."""


class OutOfMemoryError(NativeError, MemoryError):
    """A call found no memory; it may be made again."""


class CancelledError(NativeError):
    """A call ended because its caller wanted it to."""


class Isa(enum.IntEnum):
    """Instruction sets, each of which has all that is in those before it."""

    SCALAR = 0
    AVX2 = 1
    AVX512_VNNI = 2
    AVX512_BF16 = 3
    AMX = 4


class Precision(enum.IntEnum):
    """Of products."""

    INT8 = 0
    BF16 = 1
    FP32 = 2


class Output(enum.IntEnum):
    """What a call gives back for each text."""

    TOKENS = 0
    FIRST = 1
    LAST = 2
    MEAN = 3
    MAX = 4


class Message(ctypes.Structure):
    """``rn_message``."""

    _fields_ = (("text", ctypes.c_char * 256),)


class PartStruct(ctypes.Structure):
    """``rn_part``."""

    _fields_ = (
        ("weights", c_void_p),
        ("scales", c_void_p),
        ("bias", c_void_p),
        ("outputs", c_int64),
        ("factor", c_float),
    )


class MatrixStruct(ctypes.Structure):
    """``rn_matrix``."""

    _fields_ = (("memory", c_void_p), ("bytes", c_uint64))


class NormStruct(ctypes.Structure):
    """``rn_norm``."""

    _fields_ = (("weight", c_void_p), ("bias", c_void_p))


class LayerStruct(ctypes.Structure):
    """``rn_layer``."""

    _fields_ = (
        ("qkv", MatrixStruct),
        ("out", MatrixStruct),
        ("up", MatrixStruct),
        ("down", MatrixStruct),
        ("middle", NormStruct),
        ("last", NormStruct),
        ("qkv_multipliers", c_void_p),
        ("up_multipliers", c_void_p),
        ("rotary", c_int32),
        ("reach", c_int32),
    )


class RotaryStruct(ctypes.Structure):
    """``rn_rotary``."""

    _fields_ = (("cos", c_void_p), ("sin", c_void_p), ("positions", c_int64))


class DescriptionStruct(ctypes.Structure):
    """``rn_description``."""

    _fields_ = (
        ("bytes", c_uint32),
        *((name, c_int32) for name in ("precision", "isa", "hidden", "heads", "head_width", "intermediate", "layers")),
        *((name, c_int32) for name in ("embedding", "vocabulary", "types", "positions", "padding", "activation")),
        *((name, c_int32) for name in ("gated", "prenorm")),
        ("epsilon", c_float),
        *((name, c_void_p) for name in ("words", "position_table", "type_table")),
        ("embedding_norm", NormStruct),
        ("projection", MatrixStruct),
        ("projection_multipliers", c_void_p),
        ("bias", c_void_p),
        ("bias_reach", c_int64),
        ("rotary", POINTER(RotaryStruct)),
        ("rotary_count", c_int32),
        ("layer", POINTER(LayerStruct)),
    )


class CallStruct(ctypes.Structure):
    """``rn_call``."""

    _fields_ = (
        ("bytes", c_uint32),
        ("output", c_int32),
        *((name, c_void_p) for name in ("ids", "types", "offsets", "spans", "seen")),
        ("texts", c_int64),
        ("out", c_void_p),
        ("cancel", c_void_p),
        ("chunk", c_int64),
    )


_MESSAGE = POINTER(Message)
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "rn_abi_version": (c_int32, []),
    "rn_pack_version": (c_int32, []),
    "rn_best_isa": (c_int32, []),
    "rn_has_isa": (c_int32, [c_int32]),
    "rn_packed_bytes": (c_int32, [c_int32, c_int64, c_int64, POINTER(c_uint64)]),
    "rn_pack": (
        c_int32,
        [c_int32, c_int32, POINTER(PartStruct), c_int32, c_int64, c_int32, c_void_p, c_uint64, _MESSAGE],
    ),
    "rn_zero": (c_int32, [c_int32, c_int32]),
    "rn_model_create": (c_int32, [POINTER(DescriptionStruct), POINTER(c_void_p), _MESSAGE]),
    "rn_model_destroy": (None, [c_void_p]),
    "rn_model_bytes": (c_uint64, [c_void_p]),
    "rn_encode": (c_int32, [c_void_p, POINTER(CallStruct), _MESSAGE]),
    "rn_job_open": (c_int32, [c_void_p, POINTER(CallStruct), c_int32, POINTER(c_void_p), _MESSAGE]),
    "rn_job_work": (c_int32, [c_void_p]),
    "rn_job_close": (None, [c_void_p]),
    "rn_dense": (
        c_int32,
        [c_int32, POINTER(MatrixStruct), c_int32, c_void_p, c_void_p, c_int64, c_void_p, _MESSAGE],
    ),
    "rn_roof": (c_double, [c_int32, c_int32]),
}
_ERRORS: dict[int, type[Exception]] = {1: ValueError, 2: OutOfMemoryError, 3: CancelledError, 4: NativeError}


@functools.cache
def load() -> ctypes.CDLL:
    """The library, loaded once. A call of it lets other Python threads run.

    Raises:
        NativeError: it is not beside this file, cannot be loaded, or is of another version.
    """
    folder = Path(__file__).parent
    found = next((folder / name for name in _FILES if (folder / name).exists()), None)
    if found is None:
        raise NativeError(f"{folder} holds no shared library; install the wheel, or build it with `make native`.")
    try:
        library = ctypes.CDLL(str(found))
    except OSError as error:
        raise NativeError(f"{found} could not be loaded: {error}") from error
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    version = library.rn_abi_version()
    if version != ABI_VERSION:
        raise NativeError(f"{found} has interface version {version}, but {ABI_VERSION} is expected; install it anew.")
    return library


def check(status: int, message: Message | None = None) -> None:
    """Raise what a status other than 0 stands for."""
    if status:
        text = message.text.decode("utf-8", "replace") if message else ""
        error = _ERRORS.get(status, NativeError)
        raise error(text or f"the native library returned status {status}")


def best_isa() -> Isa:
    """The best instruction set that this processor and system offer."""
    return Isa(load().rn_best_isa())


def has_isa(isa: Isa) -> bool:
    """Whether this processor and system offer it."""
    return bool(load().rn_has_isa(isa))


def roof(isa: Isa, precision: Precision) -> float:
    """Billions of operations a second that one core does with operands in registers; 0 where it cannot."""
    return float(load().rn_roof(isa, precision))
