"""A loaded model: its tokenizer, its sessions, and how one batch runs."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError, NonFiniteError
from rapidembed.graph.export import Export
from rapidembed.hub import Checkpoint, Stamp
from rapidembed.registry import ModelSpec
from rapidembed.registry.encoder_config import read_optional_hidden, read_position_limit
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime import planner
from rapidembed.runtime.device import Placement
from rapidembed.runtime.feeds import attention_mask, feeds
from rapidembed.runtime.layers import follow
from rapidembed.runtime.pool import ComputePool, compute_pool
from rapidembed.runtime.pooling import first_attention, hybrid, pool
from rapidembed.runtime.session import Session
from rapidembed.runtime.sessions import Arithmetic, Sessions, version
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.types import Backend, Precision, Vectors

NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that two facades must agree on to share an engine."""

    checkpoint: Checkpoint
    placement: Placement
    threads: int | None
    stamp: Stamp
    """Of the checkpoint's files, see :meth:`rapidembed.hub.Checkpoint.stamp`."""
    precision: Precision = "fp32"
    backend: Backend = "onnxruntime"

    @property
    def identity(self) -> str:
        """The key as text: providers' options make it unhashable."""
        return repr(self)


class TextTokenizer(Protocol):
    """Texts to token ids; safe to use from several threads."""

    @property
    def special_tokens(self) -> int:
        """Tokens that are added to every text."""

    @property
    def trailing(self) -> int:
        """Those of them that stand after the text."""

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[TokenIds]:
        """Token ids of each text, at most ``max_tokens`` of them."""


class Engine(Protocol):
    """A loaded model: tokenizes texts, plans batches and runs them; safe to use from several threads."""

    key: EngineKey
    pool: ComputePool
    cores: int
    """Cores that it uses at most."""
    backend: str
    """What computes."""

    @property
    def position_limit(self) -> int | None:
        """Longest sequence the model has positions for, if it says so."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """The model's tokenizer."""

    @property
    def workers(self) -> int:
        """Batches that may run at the same time."""

    def refuse(self, tokens: TokenIds, where: str) -> None:
        """Raise a ValueError over an input that the model has no vectors for; ``where`` names it."""

    def load(self, *, bulk: bool = False) -> None:
        """Load what a first call needs, so that it does not wait for it; with ``bulk`` it is of many inputs."""

    def plan(self, texts: Sequence[TokenIds], max_rows: int) -> list[planner.Batch]:
        """Cut a window of tokenized texts into batches of at most ``max_rows``."""

    def prepare(self) -> None:
        """Read and check the model's files, without loading the weights."""

    def run(self, texts: Sequence[TokenIds], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run one batch, none of whose texts is longer than ``length``: float32 (texts, dim)."""

    def run_one(self, text: TokenIds, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone text, ahead of bulk work: float32 (1, dim)."""


def open_engine(key: EngineKey) -> Engine:
    """Load the model of ``key``."""
    if key.checkpoint.spec.architecture not in STATIC_ARCHITECTURES:
        return OnnxEngine(key)
    from rapidembed.runtime.static_engine import StaticEngine

    return StaticEngine(key)


class OnnxEngine:
    """An engine over sessions that run a graph."""

    def __init__(self, key: EngineKey) -> None:
        self.key = key
        self.backend: str = key.backend
        self._spec = key.checkpoint.spec
        config = key.checkpoint.config
        self.tokenizer = Tokenizer.of(key.checkpoint)
        self._positions = read_position_limit(config)
        self._hidden = read_optional_hidden(config) or self._spec.dim
        rows = config.optional_positive("vocab_size")
        self._check_ends(rows)
        # Nearly always the table has a row for every token, and no text needs a look.
        self._rows = rows if rows is not None and self.tokenizer.size > rows else None
        self._pad_id = config.values.get("pad_token_id") or 0
        self.pool: ComputePool = compute_pool()
        self.cores = min(self.pool.size, key.threads or self.pool.size)
        """Cores that this engine uses at most."""
        arithmetic = Arithmetic(key.precision, key.backend)
        self._sessions = Sessions(key.checkpoint, key.placement, self.cores, key.stamp, arithmetic)
        self._wide_free = threading.Lock()

    def _check_ends(self, rows: int | None) -> None:
        """Check that the table has the tokens that stand around every text."""
        ends = self.tokenizer.encode([""], self.tokenizer.special_tokens)[0].ids
        if rows is not None and ends and max(ends) >= rows:
            raise IntegrityError(
                f"{self.key.checkpoint.folder}: the tokenizer puts {self.tokenizer.tokens([max(ends)])[0]!r} around "
                f"every text, but the model has vectors for {rows} tokens only. Its vocabulary lacks that token."
            )

    @property
    def position_limit(self) -> int | None:
        """Longest sequence the model has positions for, if it says so."""
        if self._fixed_tokens is not None:
            return self._fixed_tokens
        # A model without a table of positions may be declared to take more than it was trained with.
        return max(self._positions or 0, self._spec.max_tokens or 0) or None

    @property
    def workers(self) -> int:
        """Batches that may run at the same time."""
        return self._sessions.workers

    def prepare(self) -> None:
        """Read and check the model's files, without loading the weights.

        Raises:
            IntegrityError, UnsupportedModelError: see :func:`rapidembed.graph.load_program`.
        """
        _ = self._sessions.program

    def load(self, *, bulk: bool = False) -> None:
        """Load what a first call needs, so that it does not wait for it.

        Args:
            bulk: the first call is of many inputs; otherwise of one.
        """
        if self.key.placement.on_cpu and not bulk:
            self._sessions.load_wide()
        else:
            self._sessions.start_bulk()

    def refuse(self, tokens: TokenIds, where: str) -> None:
        """Refuse an input without tokens, or with one that the model's table has no row for.

        Raises:
            ValueError: names the input by ``where``, and the token.
        """
        if not tokens.ids:
            raise ValueError(f"{where} has no tokens: this model's tokenizer adds none of its own to a text.")
        if self._rows is not None and (beyond := max(tokens.ids)) >= self._rows:
            token = self.tokenizer.tokens([beyond])[0]
            raise ValueError(
                f"{where} holds the token {token!r} of number {beyond}, but {self._spec.name} has vectors for "
                f"{self._rows} tokens only. Take it out of the text, or the token out of the tokenizer's files."
            )

    def plan(self, texts: Sequence[TokenIds], max_rows: int) -> list[planner.Batch]:
        """Cut a window of tokenized texts into batches of at most ``max_rows``."""
        lengths = [self._length(text) for text in texts]
        program = self._sessions.program
        if program.fixed_rows is not None:
            max_rows = min(max_rows, program.fixed_rows)
        # What pads its batches needs a mask that says so.
        if program.row_by_row or not (program.masked or self.key.placement.on_cpu):
            max_rows = 1
        if not self.key.placement.on_cpu:
            return planner.plan_gpu(lengths, hidden=self._hidden, max_rows=max_rows)
        width = self._sessions.bulk_width
        return planner.plan_cpu(lengths, hidden=self._hidden, max_rows=max_rows, workers=self.workers, width=width)

    def run(self, texts: Sequence[TokenIds], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run one batch on a bulk session: float32 (texts, dim); of token vectors (texts, length, dim).

        Args:
            texts: token ids, none longer than ``length``.
            length: tokens that every row is padded to.
            extra: what the graph is fed beside the tokens: "task_id", the number of the adapter of graphs that have
                several; "prompt_tokens", how many tokens at the beginning are not pooled.

        Raises:
            NonFiniteError: a vector holds NaN or infinity.
        """
        with self._sessions.bulk() as session:
            return self._forward(session, texts, length, extra)

    def run_one(self, text: TokenIds, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone text: on all cores at once if they are free, else on one core, ahead of bulk work."""
        if self.key.placement.on_cpu and self.pool.idle and self._wide_free.acquire(blocking=False):
            try:
                return self._forward(self._sessions.wide, [text], self._length(text), extra)
            finally:
                self._wide_free.release()
        return self.pool.submit_urgent(self.run, [text], self._length(text), extra).result()

    def _length(self, text: TokenIds) -> int:
        return self._fixed_tokens or len(text.ids)

    @cached_property
    def _fixed_tokens(self) -> int | None:
        """Tokens that every text must have, where the model or its ONNX file fixes their number."""
        checkpoint = self.key.checkpoint
        if self._spec.fixed_tokens is not None or not checkpoint.is_onnx:
            return self._spec.fixed_tokens
        return Export.read(checkpoint.root / checkpoint.weights[0], self._spec, checkpoint.config).tokens

    def _forward(self, session: Session, texts: Sequence[TokenIds], length: int, extra: Mapping[str, int]) -> Vectors:
        program = self._sessions.program
        # Where the graph fixes the number of rows, the last one fills it up.
        filled = [*texts, *[texts[-1]] * ((program.fixed_rows or len(texts)) - len(texts))]
        output = session.run(feeds(session.inputs, filled, length, pad_id=self._pad_id, extra=extra))[: len(texts)]
        if self._spec.head == "attention" and output.ndim == 4:
            output = first_attention(output)
        if program.pooling != ("none",):
            output = pool(output, attention_mask(texts, length), program.pooling, extra.get("prompt_tokens", 0))
        for layer in program.dense:
            output = follow(output, layer, program.tensors)
        if self._spec.head == "hybrid" and self.key.checkpoint.is_onnx:
            output = hybrid(output, program.tensors)
        self._check(output, length)
        return output

    def _check(self, output: NDArray[np.float32], length: int) -> None:
        shape = _shape(self._spec, length)
        if output.shape[1:] != shape:
            raise IntegrityError(f"{self._spec.name}: expected results of {shape}, got {output.shape[1:]}.")
        finite = np.isfinite(output)
        if not finite.all():
            rows = np.flatnonzero(~finite.reshape(len(output), -1).all(axis=1))
            raise NonFiniteError(
                f"{self._spec.name} produced NaN or infinity for rows {rows.tolist()} of a batch of "
                f"{len(output)} ({self.backend} {version(self.backend)}, device {self.key.placement.label})."
            )


def _shape(spec: ModelSpec, length: int) -> tuple[int, ...]:
    """Of the output for one text."""
    if spec.head == "attention":
        return (length,)
    if spec.head == "hybrid":
        return (length, spec.dim + 1)
    return (length, spec.dim) if spec.head in ("tokens", "words") else (spec.dim,)
