"""What an adapter adds to the core's time, and to its framework's import: ``python -m benchmarks.adapters``.

Core and adapter take turns on the same loaded model. A call's cost is noisy next to what an adapter adds to it, so the
adapter's own share is also measured with the core replaced by a stub that returns at once.
"""

import subprocess
import sys
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from rapidembed import TextEmbedding

from benchmarks.corpus import load
from benchmarks.paths import model_folder
from benchmarks.turns import in_turns
from tests.integrations.adapters import ADAPTERS, MINILM

_TEXTS, _BULK_ROUNDS, _QUERY_ROUNDS, _IMPORTS = 256, 9, 300, 7
_QUERY = "which of these words is most similar to a misspelt one?"
_FRAMEWORKS = {
    "langchain": "langchain_core.embeddings.embeddings, langchain_core.documents.base",
    "llamaindex": "llama_index.core",
    "haystack": "haystack, haystack.utils",
}


def import_seconds(statement: str) -> float:
    script = f"import time; t = time.perf_counter(); import {statement}; print(time.perf_counter() - t)"
    runs = [subprocess.run([sys.executable, "-c", script], capture_output=True, check=True) for _ in range(_IMPORTS)]
    return median(float(run.stdout) for run in runs)


def main() -> None:
    texts = load(model_folder(), _TEXTS, seed=0).texts
    core = TextEmbedding(MINILM, max_tokens=512)
    many = np.zeros((len(texts), 384), dtype=np.float32)
    print("| framework | 256 texts: core | adapter | adapter's own | query: core | adapter | adapter's own | import |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, adapter in ADAPTERS.items():
        limit = {"max_tokens": 512} if name == "haystack" else {"max_length": 512}
        made = adapter.make(**limit)

        def documents(made: Any = made, adapter: Any = adapter) -> Any:
            return adapter.documents(made, texts)

        def query(made: Any = made, adapter: Any = adapter) -> Any:
            return adapter.query(made, _QUERY)

        bulk = in_turns([lambda: core.encode_document(texts), documents], _BULK_ROUNDS)
        one = in_turns([lambda: core.encode_query(_QUERY), query], _QUERY_ROUNDS)
        with (
            patch.object(TextEmbedding, "encode_document", lambda *_, **__: many),
            patch.object(TextEmbedding, "encode_query", lambda *_, **__: many[0]),
        ):
            (own_bulk,), (own_query,) = in_turns([documents], 50), in_turns([query], _QUERY_ROUNDS)
        beyond = import_seconds(f"{_FRAMEWORKS[name]}, rapidembed_{name}") - import_seconds(_FRAMEWORKS[name])
        print(
            f"| {name} | {bulk[0] * 1e3:.0f} ms | {bulk[1] * 1e3:.0f} ms | {own_bulk * 1e3:.1f} ms "
            f"({own_bulk / bulk[0]:.1%}) | {one[0] * 1e3:.2f} ms | {one[1] * 1e3:.2f} ms | {own_query * 1e3:.3f} ms "
            f"| {beyond * 1e3:+.0f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()
