"""What follows an encoder that ran without a graph: the head alone, as a graph, in ONNX Runtime."""

import threading
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rapidembed.graph.encoder_tensors import EncoderTensors, load_head
from rapidembed.graph.layout import HIDDEN
from rapidembed.hub import Checkpoint
from rapidembed.registry.heads import HEADS
from rapidembed.runtime.device import CPU_PROVIDER

if TYPE_CHECKING:
    from rapidembed.runtime.session import OnnxSession


class NativeHead:
    """A head. Texts of one length run together, for nothing is padded.

    Args:
        checkpoint: the model.
        tensors: its encoder's, from which rounded weights of the head come too.
    """

    def __init__(self, checkpoint: Checkpoint, tensors: EncoderTensors) -> None:
        self._program = load_head(checkpoint, tensors)
        self._per_token = HEADS[checkpoint.spec.head].per_token
        self._sessions: dict[int, OnnxSession] = {}
        self._lock = threading.Lock()

    def run(
        self, tokens: NDArray[np.float32], lengths: Sequence[int], extra: Mapping[str, int], cores: int
    ) -> NDArray[np.float32]:
        """The head's output, a row for each text; of a head that gives rows for tokens, shorter texts end in zeros.

        Args:
            tokens: the last hidden state of all texts, one behind the other, (tokens, hidden).
            lengths: of the texts.
            extra: numbers by name, see :meth:`rapidembed.runtime.engine.Engine.run`.
            cores: to use.
        """
        session = self._session(cores)
        starts = np.cumsum([0, *lengths])
        others = {name: np.array(extra.get(name, 0), dtype=np.int64) for name in session.inputs - {HIDDEN}}
        output: NDArray[np.float32] | None = None
        for length, rows in groupby(sorted(range(len(lengths)), key=lengths.__getitem__), key=lengths.__getitem__):
            group = list(rows)
            hidden = np.stack([tokens[starts[row] : starts[row] + length] for row in group])
            found = session.run({HIDDEN: hidden, **others})
            if output is None:
                shape = (max(lengths), *found.shape[2:]) if self._per_token else found.shape[1:]
                output = np.zeros((len(lengths), *shape), dtype=np.float32)
            if self._per_token:
                output[group, :length] = found
            else:
                output[group] = found
        return np.empty((0,), dtype=np.float32) if output is None else output

    def _session(self, cores: int) -> "OnnxSession":
        from rapidembed.runtime.session import OnnxSession  # ONNX Runtime itself, which most models do without

        with self._lock:
            if cores not in self._sessions:
                self._sessions[cores] = OnnxSession(self._program, [CPU_PROVIDER], cores)
            return self._sessions[cores]
