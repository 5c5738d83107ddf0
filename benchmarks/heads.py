"""Reranking, late interaction and SPLADE: what is asked of models with a head.

Weights are random, so accuracy means nothing; results of two engines are compared by a digest of each.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus import MAX_TOKENS, Corpus, open_tokenizer

QUESTION = "How does the standard library parse a date that has no time zone?"
QUERY_TOKENS, SPLADE_TOKENS = 32, 128
_COUNTS = {"passages": 100, "documents": 256, "questions": 32, "expansions": 256}
WORKLOADS = {"passages": "rerank", "documents": "colbert", "questions": "colbert", "expansions": "splade"}
"""Workload -> the head of the shapes that it is for."""


def texts(workload: str, everything: Corpus, model: Path) -> Corpus:
    """The texts of a workload with their tokens as a model reads them: special ones included, padding not."""
    count = _COUNTS[workload]
    if workload == "questions":  # no more than 32 tokens each, and the model fills them up
        return Corpus([text.split("\n")[0][:70] for text in everything.texts[:count]], [QUERY_TOKENS] * count)
    chosen = everything.subset(everything.spread(count))
    if workload == "passages":
        encodings = open_tokenizer(model).encode_batch([(QUESTION, text) for text in chosen.texts])
        return Corpus(chosen.texts, [len(encoding.ids) for encoding in encodings])
    if workload == "documents":
        return Corpus(chosen.texts, [min(tokens + 1, MAX_TOKENS) for tokens in chosen.tokens])  # a marker in front
    return Corpus(chosen.texts, [min(tokens, SPLADE_TOKENS) for tokens in chosen.tokens])


def digests(head: str | None, results: Sequence[Any]) -> Any:
    """Enough of each result to tell whether two engines agree; without a head all of it."""
    if head == "rerank":
        return [[float(score)] for score in results]
    if head == "splade":
        return [[float(len(r.values)), float(r.values.sum()), float(r.indices.sum())] for r in results]
    if head == "colbert":
        return [[float(len(r)), *map(float, r.sum(axis=0)[:8])] for r in results]
    import numpy as np

    return np.asarray(results, dtype=np.float32)
