"""Reranking, late interaction and SPLADE: what is asked of models with a head, and how the two libraries are called.

Weights are random, so accuracy means nothing; results of both are compared by a digest of each.
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


def batches(size: int | None) -> dict[str, int]:
    """The option of a call; None leaves the engine's own default alone."""
    return {} if size is None else {"batch_size": size}


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


class Headed:
    """A loaded model with a head, as workers use it."""

    def __init__(self, head: str, model: Any) -> None:
        self._head, self._model = head, model

    def embed(self, texts: list[str], batch_size: int | None) -> list[Any]:
        """Scores of the pairs with one question, or the vectors of the texts."""
        if self._head == "rerank":
            return list(self._model.rerank(QUESTION, texts, **batches(batch_size)))
        return list(self._model.embed(texts, **batches(batch_size)))

    def questions(self, texts: list[str], batch_size: int | None) -> list[Any]:
        """Token vectors of queries; fastembed knows no batch size here."""
        return list(self._model.query_embed(texts))

    def digest(self, results: Sequence[Any]) -> list[list[float]]:
        """Enough of each result to tell whether two engines agree."""
        if self._head == "rerank":
            return [[float(score)] for score in results]
        if self._head == "splade":
            return [[float(len(r.values)), float(r.values.sum()), float(r.indices.sum())] for r in results]
        return [[float(len(r)), *map(float, r.sum(axis=0)[:8])] for r in results]


def ours(folder: Path, head: str, **options: str) -> Headed:
    from rapidembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder

    kinds = {"rerank": TextCrossEncoder, "colbert": LateInteractionTextEmbedding, "splade": SparseTextEmbedding}
    return Headed(head, kinds[head](folder, **options))


def fastembed(folder: Path, head: str) -> Headed:
    from fastembed import LateInteractionTextEmbedding, SparseTextEmbedding
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    place = {"specific_model_path": str(folder)}
    if head == "rerank":
        TextCrossEncoder.add_custom_model("benchmark", sources=ModelSource(hf="a/b"), model_file="model.onnx")
        return Headed(head, TextCrossEncoder("benchmark", **place))
    if head == "splade":
        return Headed(head, SparseTextEmbedding("prithivida/Splade_PP_en_v1", **place))
    return Headed(head, LateInteractionTextEmbedding("colbert-ir/colbertv2.0", **place))
