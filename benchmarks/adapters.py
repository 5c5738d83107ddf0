"""What an adapter adds to the core's time, and to its framework's import: ``python -m benchmarks.adapters``.

Core and adapter take turns on the same loaded model. A call's cost is noisy next to what an adapter adds to it, so the
adapter's own share is also measured with the core replaced by a stub that returns at once.
"""

from functools import partial
from statistics import median
from unittest.mock import patch

import numpy as np
from rapidembed import TextEmbedding

from benchmarks.client import seconds_of
from benchmarks.corpus import load
from benchmarks.paths import MINILM, model_folder
from benchmarks.tables import render
from benchmarks.turns import in_turns, turns
from tests.integrations.adapters import ADAPTERS

_TEXTS, _BULK_ROUNDS, _OWN_ROUNDS, _QUERY_ROUNDS, _IMPORTS = 256, 9, 50, 300, 7
_QUERY = "which of these words is most similar to a misspelt one?"
_IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
_FRAMEWORKS = {
    "langchain": "langchain_core.embeddings.embeddings, langchain_core.documents.base",
    "llamaindex": "llama_index.core",
    "haystack": "haystack, haystack.utils",
}


def measure(framework: str, core: TextEmbedding, texts: list[str]) -> list[str]:
    """A row of the table."""
    adapter = ADAPTERS[f"{framework}-dense"]
    made = adapter.make(MINILM, **{adapter.max_tokens: 512})
    documents, query = partial(adapter.documents, made, texts), partial(adapter.query, made, _QUERY)
    many, one = in_turns([partial(core.encode_document, texts), documents], _BULK_ROUNDS)
    lone, single = in_turns([partial(core.encode_query, _QUERY), query], _QUERY_ROUNDS)
    vectors = np.zeros((len(texts), 384), dtype=np.float32)
    with (
        patch.object(TextEmbedding, "encode_document", lambda *_, **__: vectors),
        patch.object(TextEmbedding, "encode_query", lambda *_, **__: vectors[0]),
    ):
        (own_many,), (own_lone,) = in_turns([documents], _OWN_ROUNDS), in_turns([query], _QUERY_ROUNDS)
    modules = _FRAMEWORKS[framework]
    imports = {
        text: partial(seconds_of, _IMPORT.format(text)) for text in (f"{modules}, rapidembed_{framework}", modules)
    }
    beyond, without = (median(taken) for taken in turns(imports, _IMPORTS, warm=0).values())
    bulk = [f"{1e3 * many:.0f} ms", f"{1e3 * one:.0f} ms", f"{1e3 * own_many:.1f} ms ({own_many / many:.1%})"]
    queries = [f"{1e3 * lone:.2f} ms", f"{1e3 * single:.2f} ms", f"{1e3 * own_lone:.3f} ms"]
    return [framework, *bulk, *queries, f"{1e3 * (beyond - without):+.0f} ms"]


def main() -> None:
    texts = load(model_folder(), _TEXTS, seed=0).texts
    core = TextEmbedding(MINILM, max_tokens=512)
    head = ["framework", "256 texts: core", "adapter", "adapter's own", "query: core", "adapter", "adapter's own"]
    print(render([[*head, "import"], *(measure(framework, core, texts) for framework in _FRAMEWORKS)]))


if __name__ == "__main__":
    main()
