"""A backend that runs no graph: an engine of its own reads the weights and takes the tokens of many texts in a row.

A text's vector is the mean of its word embeddings. Batches are of any lengths, and nothing is padded.
"""

from typing import ClassVar

import numpy as np
from rapidembed.errors import UnsupportedModelError
from rapidembed.runtime.backends import BackendRow
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.tokenizer import Tokenizer
from rapidembed.runtime.workers import compute_pool
from safetensors.numpy import load_file


class PackedEngine:
    backend = "packed"
    workers = 1
    fills = False
    ran: ClassVar[list[list[int]]] = []
    """Lengths of the texts of each batch."""

    def __init__(self, key):
        checkpoint = key.checkpoint
        if checkpoint.is_onnx:
            raise UnsupportedModelError(f"{checkpoint.spec.name} is an ONNX file.")
        self.key, self.pool, self.cores, self.position_limit = key, compute_pool(), 1, 64
        self.tokenizer = Tokenizer.of(checkpoint)
        self._table = load_file(checkpoint.weight_files[0])["embeddings.word_embeddings.weight"]

    def prepare(self):
        pass

    def load(self, *, bulk=False):
        pass

    def refuse(self, item, where):
        pass

    def group(self, item):
        return 0

    def plan(self, inputs, max_rows):
        rows = range(len(inputs))
        return [Batch(tuple(rows[start : start + max_rows]), 0) for start in rows[::max_rows]]

    def run(self, inputs, length, extra=None):
        lengths = [item.length for item in inputs]
        self.ran.append(lengths)
        packed = np.concatenate([item.ids for item in inputs])
        starts = np.cumsum([0, *lengths[:-1]])
        return np.add.reduceat(self._table[packed], starts) / np.array(lengths, dtype=np.float32)[:, None]

    def run_one(self, item, extra=None):
        return self.run([item], item.length)


class Packed:
    def require(self, precision):
        pass

    def is_fast(self, precision):
        return True

    def takes(self, checkpoint):
        return True

    def open_engine(self, key):
        return PackedEngine(key)


BACKEND = Packed()
ROW = BackendRow(name="packed", precisions=("int8", "bf16"), module=__name__, package="numpy")
