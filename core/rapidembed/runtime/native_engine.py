"""A loaded model in rapidembed-native: any lengths in a row, nothing is padded, and texts share no numbers."""

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidembed_native import Encoder, Output

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph import Compiled, RoundingPlan
from rapidembed.graph.encoder_tensors import EncoderTensors, find_encoder, load_encoder
from rapidembed.hub import Checkpoint
from rapidembed.registry import ModelSpec
from rapidembed.registry.heads import HEADS
from rapidembed.runtime import planner
from rapidembed.runtime.engine import NOTHING, EngineKey, TextTokenizer
from rapidembed.runtime.feeder import FEEDERS, TokenFeeder
from rapidembed.runtime.native_head import NativeHead
from rapidembed.runtime.native_model import check_sizes, open_encoder, pack_weights
from rapidembed.runtime.outputs import check_output
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.runtime.workers import ComputePool, compute_pool
from rapidembed.types import Vectors

_POOLED = {"cls": Output.FIRST, "lasttoken": Output.LAST, "mean": Output.MEAN, "max": Output.MAX}
_LONGEST = 8192
"""Tokens of a text of a model that does not say what it has positions for."""
_REFUSED_HEADS = frozenset({"attention"})


def rounding_of(key: EngineKey) -> RoundingPlan | None:
    """How weights become integers: as in ONNX Runtime, whose they are too."""
    if key.precision != "int8":
        return None
    from rapidembed.runtime.backends.onnxruntime import BACKEND as ONNX_RUNTIME  # floats need none of it

    return ONNX_RUNTIME.program_options(key.precision, key.checkpoint).rounding


def needs_head(spec: ModelSpec) -> bool:
    """Whether something follows the encoder and its pooling."""
    return _output(spec) is Output.TOKENS and (not HEADS[spec.head].per_token or _changes(spec))


def check_model(checkpoint: Checkpoint) -> None:
    """Check what can be checked without reading weights.

    Raises:
        UnsupportedModelError: tells what backend="native" does not compute.
    """
    spec = checkpoint.spec
    if spec.architecture in FEEDERS:
        raise UnsupportedModelError(f'{spec.name} reads no texts, but backend="native" does; leave it out.')
    if spec.head in _REFUSED_HEADS:
        raise UnsupportedModelError(f'{spec.name}: backend="native" does not compute the head {spec.head!r}.')
    if spec.tasks:
        raise UnsupportedModelError(f'{spec.name}: backend="native" does not compute adapters.')
    try:
        check_sizes(*find_encoder(checkpoint), spec.name)
    except UnsupportedModelError as error:
        raise UnsupportedModelError(f'backend="native" does not run this model. {error}') from error


def compile_model(key: EngineKey, copy: Checkpoint, record: Compiled) -> None:
    """See :meth:`rapidembed.runtime.backends.backend.Compiling.compile`."""
    from rapidembed.graph.compile import compile_encoder  # few ever compile

    engine = NativeEngine(key)
    compile_encoder(
        copy,
        record,
        source=key.checkpoint,
        rounding=rounding_of(key),
        pack=lambda tensors: pack_weights(tensors, key.precision, engine.longest),
        head=needs_head(key.checkpoint.spec),
    )


class NativeEngine:
    """An engine without a graph, see :class:`rapidembed.runtime.engine.Engine`.

    Raises:
        UnsupportedModelError: the model is none that the library computes.
    """

    fills = False

    def __init__(self, key: EngineKey) -> None:
        check_model(key.checkpoint)
        self.key = key
        self.backend = key.backend
        self.pool: ComputePool = compute_pool()
        self.cores = min(self.pool.size, key.threads or self.pool.size)
        self.workers = self.cores
        self._spec = key.checkpoint.spec
        self._feeder = TokenFeeder(key.checkpoint)
        self._output = _output(self._spec)
        self._lock = threading.Lock()
        self._tensors: EncoderTensors | None = None
        self._loaded: tuple[Encoder, NativeHead | None] | None = None
        self.longest = self._feeder.position_limit or _LONGEST
        """Tokens of the longest text."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """The model's tokenizer."""
        return self._feeder.tokenizer

    @property
    def position_limit(self) -> int | None:
        """Longest sequence the model has positions for, if it says so."""
        return self._feeder.position_limit

    def prepare(self) -> None:
        """Read and check the model's files; the first time, weights are rounded."""
        with self._lock:
            self._read()

    def load(self, *, bulk: bool = False) -> None:
        """Load what a first call needs."""
        self._load()

    def refuse(self, item: TokenIds, where: str) -> None:
        """Refuse a text that the model cannot take; names it by ``where``."""
        self._feeder.refuse(item, where)
        if item.length > self.longest:
            raise ValueError(f"{where} has {item.length} tokens; {self._spec.name} takes {self.longest} at most.")

    def group(self, item: TokenIds) -> int:
        """Texts of any lengths share a batch."""
        return 0

    def plan(self, inputs: Sequence[TokenIds], max_rows: int) -> list[Batch]:
        """Cut a window of ready inputs into batches of at most ``max_rows``."""
        lengths = [item.length for item in inputs]
        return planner.plan_packed(lengths, hidden=self._feeder.hidden, max_rows=max_rows, workers=self.workers)

    def run(self, inputs: Sequence[TokenIds], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run one batch: on one core; on all of them where nobody else wants one.

        Args:
            inputs: of any lengths.
            length: the longest.
            extra: see :meth:`rapidembed.runtime.engine.Engine.run`.

        Raises:
            NonFiniteError: a vector holds NaN or infinity.
        """
        return self._forward(inputs, length, extra, cores=self.cores if self.pool.alone else 1)

    def run_one(self, item: TokenIds, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone input: on all cores at once if they are free, else on one core, ahead of bulk work."""
        if self.pool.idle:
            return self._forward([item], item.length, extra, cores=self.cores)
        return self.pool.submit_urgent(self._forward, [item], item.length, extra, cores=1).result()

    def _forward(self, inputs: Sequence[TokenIds], length: int, extra: Mapping[str, int], *, cores: int) -> Vectors:
        encoder, head = self._load()
        lengths = [item.length for item in inputs]
        try:
            output = self._encode(encoder, inputs, lengths, extra, cores)
        except (ValueError, OverflowError) as error:  # a token that the tables have no row for
            raise IntegrityError(
                f"rapidembed-native could not run {self._spec.name}: {error}. The weights do not take what its "
                "tokenizer and config.json promise."
            ) from error
        if head is not None:
            output = head.run(output, lengths, extra, cores)
        elif self._output is Output.TOKENS:
            output = by_text(output, lengths, length)
        check_output(output, length, self.key)
        return output

    def _encode(
        self, encoder: Encoder, inputs: Sequence[TokenIds], lengths: list[int], extra: Mapping[str, int], cores: int
    ) -> Vectors:
        offsets = np.zeros(len(inputs) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        ids = np.fromiter(itertools.chain.from_iterable(item.ids for item in inputs), np.int32, int(offsets[-1]))
        given: dict[str, Any] = {"types": self._types(inputs, lengths), "spans": self._spans(lengths, extra)}
        if any(item.attended is not None for item in inputs):
            given["seen"] = np.array([item.attended or item.length for item in inputs], dtype=np.int32)
        if cores == 1:
            return encoder.encode(ids, offsets, self._output, **given)
        return encoder.encode_together(ids, offsets, self._output, workers=cores, pool=_Urgent(self.pool), **given)

    def _types(self, inputs: Sequence[TokenIds], lengths: Sequence[int]) -> NDArray[np.int32] | None:
        if not any(item.types for item in inputs):
            return None
        rows = (item.types or [0] * length for item, length in zip(inputs, lengths, strict=True))
        return np.fromiter(itertools.chain.from_iterable(rows), np.int32, sum(lengths))

    def _spans(self, lengths: Sequence[int], extra: Mapping[str, int]) -> NDArray[np.int32] | None:
        skipped = extra.get("prompt_tokens", 0)
        if not skipped or self._spec.include_prompt or self._output is Output.TOKENS:
            return None
        return np.array([(skipped, length) for length in lengths], dtype=np.int32)

    def _load(self) -> tuple[Encoder, NativeHead | None]:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._open()
        return self._loaded

    def _open(self) -> tuple[Encoder, NativeHead | None]:
        checkpoint, tensors = self.key.checkpoint, self._read()
        checkpoint.check(self.key.stamp)
        encoder = open_encoder(tensors, self.key.precision, self._spec.name, self.longest)
        return encoder, NativeHead(checkpoint, tensors) if needs_head(self._spec) else None

    def _read(self) -> EncoderTensors:
        if self._tensors is None:
            self._tensors = load_encoder(self.key.checkpoint, rounding_of(self.key))
        return self._tensors


class _Urgent(Executor):
    """The pool as what the library asks for threads: somebody waits for them."""

    def __init__(self, pool: ComputePool) -> None:
        self._pool = pool

    def submit(self, task: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        return self._pool.submit_first(task, *args, **named)


def _output(spec: ModelSpec) -> Output:
    """What is wanted of the encoder: vectors where it can pool, else tokens."""
    if spec.head == "pool" and len(spec.pooling) == 1 and not spec.dense:
        return _POOLED.get(spec.pooling[0], Output.TOKENS)
    return Output.TOKENS


def _changes(spec: ModelSpec) -> bool:
    """Whether a head that gives a row for each token makes other rows of them."""
    return bool(spec.dense) or spec.head == "hybrid"


def by_text(tokens: NDArray[np.float32], lengths: Sequence[int], length: int) -> NDArray[np.float32]:
    """(tokens, width) -> (texts, length, width); shorter texts end in zeros."""
    if all(each == length for each in lengths):
        return tokens.reshape(len(lengths), length, -1)
    output = np.zeros((len(lengths), length, tokens.shape[1]), dtype=np.float32)
    start = 0
    for row, each in zip(output, lengths, strict=True):
        row[:each] = tokens[start : start + each]
        start += each
    return output
