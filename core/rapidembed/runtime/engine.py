"""What the pipeline needs of a loaded model, and what two facades must agree on to share one.

:func:`rapidembed.runtime.lease.open_engine` is the only door to an engine. What it returns is the backend's,
inside a :class:`rapidembed.runtime.batcher.Batcher`, which is an :class:`Engine` too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rapidembed.hub import Checkpoint, Stamp
from rapidembed.runtime.backends import FLOAT32, Numbers
from rapidembed.runtime.device import Placement
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.ready import X_contra
from rapidembed.runtime.tokenizer import Located, TokenIds
from rapidembed.runtime.workers import ComputePool
from rapidembed.types import Precision, Vectors

NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that two facades must agree on to share an engine."""

    checkpoint: Checkpoint
    placement: Placement
    threads: int | None
    stamp: Stamp
    """Of the checkpoint's files, see :meth:`rapidembed.hub.Checkpoint.stamp`."""
    numbers: Numbers = FLOAT32

    @property
    def identity(self) -> str:
        """The key as text: providers' options make it unhashable."""
        return repr(self)

    @property
    def precision(self) -> Precision:
        """Numbers that it computes with."""
        return self.numbers.precision

    @property
    def backend(self) -> str:
        """What computes with them."""
        return self.numbers.backend


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

    def locate(self, text: str) -> Located:
        """All tokens of a text, however long it is, and where they stand."""


class Engine(Protocol[X_contra]):
    """A loaded model: plans batches of ready inputs and runs them; safe to use from several threads."""

    key: EngineKey
    pool: ComputePool
    cores: int
    """Cores that it uses at most."""
    backend: str
    """What computes."""
    fills: bool
    """Whether the shorter inputs of a batch are filled up to the longest."""

    @property
    def position_limit(self) -> int | None:
        """Longest sequence the model has positions for, if it says so."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """The model's tokenizer.

        Raises:
            UnsupportedModelError: it reads no texts.
        """

    @property
    def workers(self) -> int:
        """Batches that may run at the same time."""

    def refuse(self, item: X_contra, where: str) -> None:
        """Raise a ValueError over an input that the model has no vectors for; ``where`` names it."""

    def load(self, *, bulk: bool = False) -> None:
        """Load what a first call needs, so that it does not wait for it; with ``bulk`` it is of many inputs."""

    def plan(self, inputs: Sequence[X_contra], max_rows: int) -> list[Batch]:
        """Cut a window of ready inputs into batches of at most ``max_rows``."""

    def group(self, item: X_contra) -> int:
        """A number that inputs have in common which :meth:`plan` may put into one batch."""

    def prepare(self) -> None:
        """Read and check the model's files, without loading the weights."""

    def run(self, inputs: Sequence[X_contra], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run one batch that :meth:`plan` made: float32 (inputs, ...), a row for each.

        Args:
            inputs: none longer than ``length``.
            length: of the batch.
            extra: what the model is given beside the inputs: "task_id", the number of the adapter of graphs that have
                several; "prompt_tokens", how many tokens at the beginning are not pooled.
        """

    def run_one(self, item: X_contra, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone input, ahead of bulk work: float32 (1, ...)."""
