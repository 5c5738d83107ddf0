"""CTranslate2 as an engine. It has an encoder and no embedding, so the rest is what its users have to write."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.corpus import open_tokenizer

_BATCH = 32
"""As in sentence-transformers: CTranslate2 itself has no default."""


class CTranslate2:
    """Texts are sorted by length and cut into batches, each core with its own; a lone query gets all cores."""

    def __init__(self, folder: Path, _: None) -> None:
        from benchmarks.machine import cores

        self._folder, self._cores = folder, cores()
        self._tokenizer = open_tokenizer(folder)
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
        self._first = bool(pooling["pooling_mode_cls_token"])
        self._encoder = cache(self._open)

    def _open(self, at_once: int) -> Any:
        import ctranslate2

        return ctranslate2.Encoder(
            str(self._folder), compute_type="int8", inter_threads=at_once, intra_threads=self._cores // at_once
        )

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        import numpy as np

        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(ids)), key=lambda number: -len(ids[number]))
        size = batch_size or _BATCH
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        encoder = self._encoder(self._cores)
        with ThreadPoolExecutor(self._cores) as pool:
            found = pool.map(lambda batch: self._vectors(encoder, [ids[number] for number in batch]), batches)
            vectors = np.concatenate(list(found))
        return vectors[np.argsort(order)]

    def query(self, text: str) -> Any:
        return self._vectors(self._encoder(1), [self._tokenizer.encode(text).ids])[0]

    def _vectors(self, encoder: Any, ids: list[list[int]]) -> Any:
        import numpy as np

        states = np.asarray(encoder.forward_batch(ids).last_hidden_state)
        if self._first:
            pooled = states[:, 0]
        else:
            there = np.array([[1.0] * len(row) + [0.0] * (states.shape[1] - len(row)) for row in ids], np.float32)
            pooled = (states * there[..., None]).sum(axis=1) / there.sum(axis=1, keepdims=True)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
