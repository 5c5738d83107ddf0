"""A loaded model that runs a graph: how inputs become batches, and how one batch runs."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Generic

from rapidembed.errors import UnsupportedModelError
from rapidembed.runtime import planner
from rapidembed.runtime.backends.backend import GraphBackend, Session
from rapidembed.runtime.engine import NOTHING, EngineKey, TextTokenizer
from rapidembed.runtime.feeder import Feeder, open_feeder
from rapidembed.runtime.layers import follow
from rapidembed.runtime.outputs import check_output
from rapidembed.runtime.pooling import first_attention, hybrid, pool
from rapidembed.runtime.ready import X
from rapidembed.runtime.sessions import Sessions
from rapidembed.runtime.workers import ComputePool, compute_pool
from rapidembed.types import Vectors


class OnnxEngine(Generic[X]):
    """An engine over sessions that run a graph.

    Args:
        key: the model.
        backend: what runs its graph.
    """

    fills = True

    def __init__(self, key: EngineKey, backend: GraphBackend) -> None:
        self.key = key
        self.backend: str = key.backend
        self._spec = key.checkpoint.spec
        self._feeder: Feeder[X] = open_feeder(key.checkpoint)
        self.pool: ComputePool = compute_pool()
        self.cores = min(self.pool.size, key.threads or self.pool.size)
        """Cores that this engine uses at most."""
        self._sessions = Sessions(key, self.cores, backend)
        self._wide_free = threading.Lock()

    @property
    def tokenizer(self) -> TextTokenizer:
        """The model's tokenizer.

        Raises:
            UnsupportedModelError: it reads no texts.
        """
        if self._feeder.tokenizer is None:
            raise UnsupportedModelError(f"{self._spec.name} reads no texts.")
        return self._feeder.tokenizer

    @property
    def position_limit(self) -> int | None:
        """Longest sequence the model has positions for, if it says so."""
        return self._feeder.position_limit

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

    def refuse(self, item: X, where: str) -> None:
        """Refuse an input that the model cannot take; names it by ``where``."""
        self._feeder.refuse(item, where)

    def group(self, item: X) -> int:
        """What inputs of one batch have in common: about their length."""
        length = self._feeder.length(item)
        return length if self.key.placement.on_cpu else planner.bucket(length)

    def plan(self, inputs: Sequence[X], max_rows: int) -> list[planner.Batch]:
        """Cut a window of ready inputs into batches of at most ``max_rows``."""
        hidden, length = self._feeder.hidden, self._feeder.length
        lengths = [length(item) for item in inputs]
        program = self._sessions.program
        if program.fixed_rows is not None:
            max_rows = min(max_rows, program.fixed_rows)
        # What pads its batches needs a mask that says so.
        masked = program.masked or not self._feeder.pads
        if program.row_by_row or not (masked or self.key.placement.on_cpu):
            max_rows = 1
        if not self.key.placement.on_cpu:
            return planner.plan_gpu(lengths, hidden=hidden, max_rows=max_rows)
        max_rows = min(max_rows, self._feeder.most_rows or max_rows)
        width = self._sessions.bulk_width
        return planner.plan_cpu(lengths, hidden=hidden, max_rows=max_rows, workers=self.workers, width=width)

    def run(self, inputs: Sequence[X], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run one batch on a bulk session: float32 (inputs, dim); of token vectors (inputs, length, dim).

        Args:
            inputs: none longer than ``length``.
            length: tokens that every row is padded to.
            extra: see :meth:`rapidembed.runtime.engine.Engine.run`.

        Raises:
            NonFiniteError: a vector holds NaN or infinity.
        """
        with self._sessions.bulk() as session:
            return self._forward(session, inputs, length, extra)

    def run_one(self, item: X, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone input: on all cores at once if they are free, else on one core, ahead of bulk work."""
        length = self._feeder.length(item)
        if self.key.placement.on_cpu and self.pool.idle and self._wide_free.acquire(blocking=False):
            try:
                return self._forward(self._sessions.wide, [item], length, extra)
            finally:
                self._wide_free.release()
        return self.pool.submit_urgent(self.run, [item], length, extra).result()

    def _forward(self, session: Session, inputs: Sequence[X], length: int, extra: Mapping[str, int]) -> Vectors:
        program = self._sessions.program
        # Where the graph fixes the number of rows, the last one fills it up.
        filled = [*inputs, *[inputs[-1]] * ((program.fixed_rows or len(inputs)) - len(inputs))]
        output = session.run(self._feeder.feeds(session.inputs, filled, length, extra))[: len(inputs)]
        if self._spec.head == "attention" and output.ndim == 4:
            output = first_attention(output)
        if self._spec.head == "picture" and output.ndim == 4:  # a pooled map of features keeps its sides of 1
            output = output.reshape(len(output), -1)
        if program.pooling != ("none",):
            tokens = output.shape[1] if output.ndim == 3 else length
            output = pool(output, self._feeder.mask(inputs, tokens), program.pooling, extra.get("prompt_tokens", 0))
        for layer in program.dense:
            output = follow(output, layer, program.tensors)
        if self._spec.head == "hybrid" and self.key.checkpoint.is_onnx:
            output = hybrid(output, program.tensors)
        check_output(output, length, self.key)
        return output


def open_graph_engine(key: EngineKey, backend: GraphBackend) -> OnnxEngine[Any]:
    """The engine of a model that runs one graph, or two, as those of pages do."""
    if key.checkpoint.spec.head == "page":
        from rapidembed.runtime.pages.engine import PageEngine  # which is made of engines

        return PageEngine(key, backend)
    return OnnxEngine(key, backend)
