"""A loaded static model: tokenizer and table, with numpy only."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from rapidembed.errors import NonFiniteError
from rapidembed.graph.weights import Weights
from rapidembed.registry.static_files import MODEL2VEC, TABLES
from rapidembed.runtime.engine import NOTHING, EngineKey
from rapidembed.runtime.layers import follow
from rapidembed.runtime.planner import Batch
from rapidembed.runtime.static_table import StaticTable
from rapidembed.runtime.static_tokenizer import UNLIMITED, StaticTokenizer
from rapidembed.runtime.tokenizer import TokenIds
from rapidembed.runtime.workers import ComputePool, compute_pool
from rapidembed.types import Vectors

_BATCH_TOKENS = 16_384
"""Work of one batch: enough that handing it out costs nothing beside it."""


class StaticEngine:
    """Tokenizes texts and averages their tokens' vectors; safe to use from several threads."""

    backend = "numpy"
    fills = False
    position_limit: int | None = UNLIMITED
    """A table has no positions."""

    def __init__(self, key: EngineKey) -> None:
        self.key = key
        checkpoint = key.checkpoint
        spec = checkpoint.spec
        self.tokenizer = StaticTokenizer(checkpoint.folder / "tokenizer.json", model2vec=spec.architecture == MODEL2VEC)
        layers = [(layer.prefix, checkpoint.root / layer.weights) for layer in spec.dense if layer.weights]
        tensors = Weights(layers) if layers else None
        self._tensors = {name: tensors.float32(name) for name in tensors.names} if tensors else {}
        self._table = StaticTable(checkpoint.weight_files[0], TABLES[spec.architecture], self.tokenizer.size)
        self.pool: ComputePool = compute_pool()
        self.cores = min(self.pool.size, key.threads or self.pool.size)
        """Cores that this engine uses at most."""

    @property
    def workers(self) -> int:
        """Batches that may run at the same time."""
        return self.cores

    def prepare(self) -> None:
        """Nothing is left to check: the table's shape was when it was opened."""

    def refuse(self, tokens: TokenIds, where: str) -> None:
        """No input is refused: the table covers every token, and a text without any is zeros."""

    def load(self, *, bulk: bool = False) -> None:
        """Nothing is left to load: the table is read where it lies."""

    def group(self, item: TokenIds) -> int:
        """Texts of any lengths share a batch."""
        return 0

    def plan(self, texts: Sequence[TokenIds], max_rows: int) -> list[Batch]:
        """Cut a window, sorted by length, into batches of at most ``max_rows`` texts."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row].ids))
        batches, start, tokens = [], 0, 0
        for end, row in enumerate(order):
            tokens += len(texts[row].ids)
            if end - start == max_rows or (tokens > _BATCH_TOKENS and end > start):
                batches.append(Batch(tuple(order[start:end]), 0))
                start, tokens = end, len(texts[row].ids)
        return [*batches, Batch(tuple(order[start:]), 0)] if order else []

    def run(self, texts: Sequence[TokenIds], length: int, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run one batch: float32 (texts, dim), neither cut nor normalized.

        Args:
            texts: token ids, sorted by length.
            length: unused; nothing is padded.
            extra: unused; a table is fed nothing else.

        Raises:
            NonFiniteError: a vector holds NaN or infinity.
        """
        groups = [
            np.array([text.ids for text in group], dtype=np.int64)
            for _, group in groupby(texts, key=lambda text: len(text.ids))
        ]
        vectors = np.concatenate([self._table.means(ids) for ids in groups])
        for layer in self.key.checkpoint.spec.dense:
            vectors = follow(vectors, layer, self._tensors)
        if not np.isfinite(vectors).all():
            raise NonFiniteError(f"{self.key.checkpoint.spec.name}: the table of token vectors holds NaN or infinity.")
        return vectors

    def run_one(self, text: TokenIds, extra: Mapping[str, int] = NOTHING) -> Vectors:
        """Run a lone text, here and now: it takes microseconds."""
        return self.run([text], 0)
