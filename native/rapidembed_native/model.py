"""An encoder: what it is made of, and its calls."""

import ctypes
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapidembed_native import library
from rapidembed_native.library import (
    CallStruct,
    DescriptionStruct,
    Isa,
    LayerStruct,
    MatrixStruct,
    Message,
    NormStruct,
    Output,
    Precision,
    RotaryStruct,
    check,
)
from rapidembed_native.packing import Activation, Packed, address, vector

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalization."""

    weight: Vector
    bias: Vector | None = None


@dataclass(frozen=True, slots=True)
class Rotary:
    """Angles that turn queries and keys: float32 (positions, head width / 2)."""

    cos: NDArray[np.float32]
    sin: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWeights:
    """One layer; what each field means, ``rn_layer`` in the header tells."""

    qkv: Packed
    out: Packed
    up: Packed
    down: Packed
    middle: Norm
    last: Norm
    qkv_multipliers: Vector | None = None
    up_multipliers: Vector | None = None
    rotary: int = -1
    reach: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A whole encoder; what each field means, ``rn_description`` in the header tells."""

    precision: Precision
    heads: int
    hidden: int
    intermediate: int
    activation: Activation
    epsilon: float
    words: NDArray[np.float32]
    embedding_norm: Norm
    layers: Sequence[LayerWeights]
    position_table: NDArray[np.float32] | None = None
    type_table: NDArray[np.float32] | None = None
    padding: int = -1
    gated: bool = False
    prenorm: bool = False
    projection: Packed | None = None
    projection_multipliers: Vector | None = None
    bias: NDArray[np.float32] | None = None
    """(heads, 2 * reach + 1)."""
    rotary: Sequence[Rotary] = field(default_factory=list)


class Encoder:
    """A model in the library. Any number of threads may call it at a time.

    Args:
        description: its arrays are used where they lie, and kept.
        isa: instruction set; None: the best that this processor has.

    Raises:
        ValueError: parts of the description contradict each other.
        NativeError: the library cannot compute it.
    """

    def __init__(self, description: Description, isa: Isa | None = None) -> None:
        self.hidden = description.hidden
        self._library = library.load()
        self._kept: list[Any] = [description]
        struct = self._struct(description, library.best_isa() if isa is None else isa)
        handle, message = ctypes.c_void_p(), Message()
        check(self._library.rn_model_create(ctypes.byref(struct), ctypes.byref(handle), ctypes.byref(message)), message)
        self._handle = handle
        self._close = weakref.finalize(self, self._library.rn_model_destroy, handle)
        self._close.atexit = False  # threads may compute until the process ends

    def encode(
        self,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        output: Output = Output.MEAN,
        *,
        types: NDArray[np.int32] | None = None,
        spans: NDArray[np.int32] | None = None,
        seen: NDArray[np.int32] | None = None,
        cancel: NDArray[np.int32] | None = None,
        chunk: int = 0,
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Encode on the calling thread.

        Args:
            ids: tokens of all texts, one behind the other.
            offsets: where each text begins, and the end: (texts + 1,).
            output: what is wanted of each text.
            types: of tokens; None: 0.
            spans: (texts, 2), the tokens of each text that are pooled, from and to; None: all.
            seen: (texts,), how many tokens of each text, from its first on, any token sees; None: all.
            cancel: (1,); the call ends soon after it has become other than 0.
            chunk: tokens to compute at a time; 0: what is best.
            out: where to write; None: a new array.

        Returns:
            (texts, hidden), or with ``Output.TOKENS`` (tokens, hidden).
        """
        call, out, kept = self._call(ids, offsets, output, types, spans, seen, cancel, chunk, out)
        message = Message()
        check(self._library.rn_encode(self._handle, ctypes.byref(call), ctypes.byref(message)), message)
        del kept
        return out

    def encode_together(
        self,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        output: Output = Output.MEAN,
        *,
        workers: int,
        pool: Executor | None = None,
        types: NDArray[np.int32] | None = None,
        spans: NDArray[np.int32] | None = None,
        seen: NDArray[np.int32] | None = None,
        cancel: NDArray[np.int32] | None = None,
        chunk: int = 0,
    ) -> NDArray[np.float32]:
        """As :meth:`encode`, bit for bit, by the calling thread and ``workers - 1`` of a pool that share each stage."""
        call, out, kept = self._call(ids, offsets, output, types, spans, seen, cancel, chunk, None)
        _Job(self, call, workers, [out, *kept]).run(workers, pool)
        return out

    @property
    def nbytes(self) -> int:
        """Bytes held beyond the weights."""
        return int(self._library.rn_model_bytes(self._handle))

    def _call(
        self,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        output: Output,
        types: NDArray[np.int32] | None,
        spans: NDArray[np.int32] | None,
        seen: NDArray[np.int32] | None,
        cancel: NDArray[np.int32] | None,
        chunk: int,
        out: NDArray[np.float32] | None,
    ) -> tuple[CallStruct, NDArray[np.float32], list[Any]]:
        ids, offsets = np.ascontiguousarray(ids, np.int32), np.ascontiguousarray(offsets, np.int64)
        texts = len(offsets) - 1
        if texts < 0 or offsets[0] < 0 or offsets[-1] > len(ids):
            raise ValueError(f"offsets: expected a way through {len(ids)} ids, got {offsets[:1]} to {offsets[-1:]}.")
        if types is not None:
            types = np.ascontiguousarray(types, np.int32)
            if types.shape != ids.shape:
                raise ValueError(f"types: expected shape {ids.shape}, got {types.shape}.")
        if spans is not None:
            spans = np.ascontiguousarray(spans, np.int32)
            if spans.shape != (texts, 2):
                raise ValueError(f"spans: expected shape ({texts}, 2), got {spans.shape}.")
        if seen is not None:
            seen = np.ascontiguousarray(seen, np.int32)
            if seen.shape != (texts,):
                raise ValueError(f"seen: expected shape ({texts},), got {seen.shape}.")
        rows = int(offsets[-1] - offsets[0]) if output is Output.TOKENS else texts
        if out is None:
            out = np.empty((rows, self.hidden), dtype=np.float32)
        elif out.shape != (rows, self.hidden) or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError(f"out: expected contiguous float32 ({rows}, {self.hidden}), got {out.dtype} {out.shape}.")
        call = CallStruct(bytes=ctypes.sizeof(CallStruct), output=int(output), texts=texts, chunk=chunk)
        call.ids, call.types, call.offsets = address(ids), address(types), address(offsets)
        call.spans, call.seen, call.out, call.cancel = address(spans), address(seen), address(out), address(cancel)
        return call, out, [ids, offsets, types, spans, seen, cancel]

    def _struct(self, d: Description, isa: Isa) -> DescriptionStruct:
        layers = (LayerStruct * len(d.layers))(*(self._layer(layer, d.hidden) for layer in d.layers))
        rotary = (RotaryStruct * max(len(d.rotary), 1))(
            *(RotaryStruct(self._keep(r.cos), self._keep(r.sin), len(r.cos)) for r in d.rotary)
        )
        self._kept += [layers, rotary]
        vocabulary, embedding = d.words.shape
        return DescriptionStruct(
            bytes=ctypes.sizeof(DescriptionStruct),
            precision=int(d.precision),
            isa=int(isa),
            hidden=d.hidden,
            heads=d.heads,
            head_width=d.hidden // d.heads,
            intermediate=d.intermediate,
            layers=len(d.layers),
            embedding=embedding,
            vocabulary=vocabulary,
            types=0 if d.type_table is None else len(d.type_table),
            positions=0 if d.position_table is None else len(d.position_table),
            padding=d.padding,
            activation=int(d.activation),
            gated=int(d.gated),
            prenorm=int(d.prenorm),
            epsilon=d.epsilon,
            words=self._keep(d.words),
            position_table=self._keep(d.position_table),
            type_table=self._keep(d.type_table),
            embedding_norm=self._norm(d.embedding_norm, embedding),
            projection=MatrixStruct() if d.projection is None else d.projection.struct(),
            projection_multipliers=self._keep(d.projection_multipliers),
            bias=self._keep(d.bias),
            bias_reach=0 if d.bias is None else d.bias.shape[1] // 2,
            rotary=rotary,
            rotary_count=len(d.rotary),
            layer=layers,
        )

    def _layer(self, layer: LayerWeights, hidden: int) -> LayerStruct:
        return LayerStruct(
            layer.qkv.struct(),
            layer.out.struct(),
            layer.up.struct(),
            layer.down.struct(),
            self._norm(layer.middle, hidden),
            self._norm(layer.last, hidden),
            self._keep(vector(layer.qkv_multipliers, hidden, "qkv_multipliers")),
            self._keep(vector(layer.up_multipliers, hidden, "up_multipliers")),
            layer.rotary,
            layer.reach,
        )

    def _norm(self, norm: Norm, width: int) -> NormStruct:
        weight, bias = vector(norm.weight, width, "norm.weight"), vector(norm.bias, width, "norm.bias")
        return NormStruct(self._keep(weight), self._keep(bias))

    def _keep(self, values: NDArray[Any] | None) -> int | None:
        """Where the values lie as contiguous float32, which live as long as this object."""
        if values is None:
            return None
        values = np.ascontiguousarray(values, dtype=np.float32)
        self._kept.append(values)
        return address(values)


class _Job:
    """A call that threads share. It lives as long as any of them holds it: who began it may be interrupted."""

    def __init__(self, encoder: Encoder, call: CallStruct, workers: int, kept: list[Any]) -> None:
        loaded = encoder._library
        handle, message = ctypes.c_void_p(), Message()
        opened = loaded.rn_job_open(
            encoder._handle, ctypes.byref(call), workers, ctypes.byref(handle), ctypes.byref(message)
        )
        check(opened, message)
        self._handle, self._run = handle, loaded.rn_job_work
        self._kept = [encoder, *kept]
        self._close = weakref.finalize(self, loaded.rn_job_close, handle)
        self._close.atexit = False  # as the encoder's

    def run(self, workers: int, pool: Executor | None) -> None:
        if pool is not None:
            others = [pool.submit(self._work) for _ in range(workers - 1)]
            statuses = [self._work()]
            # Those that have not begun need not: the work is done.
            statuses += [other.result() for other in others if not other.cancel()]
        else:
            statuses = []
            threads = [threading.Thread(target=lambda: statuses.append(self._work())) for _ in range(workers - 1)]
            for thread in threads:
                thread.start()
            statuses.append(self._work())
            for thread in threads:
                thread.join()
        self._close()  # all have ended, or never begin
        # One thread that finishes is enough.
        check(0 if 0 in statuses else statuses[0])

    def _work(self) -> int:
        return int(self._run(self._handle))
