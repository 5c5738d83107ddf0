"""The same calls for fastembed and for what takes its place; what they give, as arrays by name."""

import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidembed.registry import ModelSpec

from tests.golden.compat_models import PAIRS, QUERIES, TEXTS

Results = dict[str, NDArray[Any]]
BM25_OPTIONS: dict[str, dict[str, Any]] = {
    "english": {},
    "numbers": {"k": 2.0, "b": 0.3, "avg_len": 5.0},
    "bare": {"disable_stemmer": True},
    "short": {"token_max_length": 4},
    "french": {"language": "french"},
    "tamil": {"language": "tamil"},
    "own": {"stopwords": {"Fox", "dog"}},
}
BM25_TEXTS = [
    *TEXTS,
    "Mangez-vous vraiment des grenouilles?",
    "சென்னை தமிழ்நாட்டின் தலைநகரம் ஆகும்",
    "It's 3.14 o'clock; don't -- can't!",
]


def dense(fastembed: ModuleType, spec: ModelSpec, folder: Path) -> Results:
    """Of a model of ``TextEmbedding``."""
    model = fastembed.TextEmbedding(spec.name, specific_model_path=str(folder))
    found = {
        "embed": np.stack(list(model.embed(TEXTS))),
        "batches": np.stack(list(model.embed(iter(TEXTS), batch_size=2))),
        "query": np.stack(list(model.query_embed(QUERIES))),
        "one": next(model.query_embed(QUERIES[0])),
        "passage": np.stack(list(model.passage_embed(TEXTS))),
    }
    if spec.tasks:
        found["task"] = np.stack(list(model.embed(TEXTS, task_id=3)))
    if spec.onnx_source:
        found["count"] = np.array([model.token_count(text) for text in TEXTS])
    return found


def late_interaction(fastembed: ModuleType, spec: ModelSpec, folder: Path) -> Results:
    """Of a model of ``LateInteractionTextEmbedding``."""
    model = fastembed.LateInteractionTextEmbedding(spec.name, specific_model_path=str(folder))
    found = _token_vectors(model)
    for is_doc, extended in itertools.product((True, False), repeat=2):
        counts = [model.token_count(text, is_doc=is_doc, include_extension=extended) for text in [*TEXTS, *QUERIES]]
        found[f"count/{is_doc}/{extended}"] = np.array(counts)
    return found


def token_vectors(fastembed: ModuleType, spec: ModelSpec, folder: Path) -> Results:
    """Of ``TokenEmbeddingsModel``, which ``fastembed.token_embeddings`` is to hold."""
    kind = fastembed.late_interaction.token_embeddings.TokenEmbeddingsModel
    return _token_vectors(kind(spec.name, specific_model_path=str(folder)))


def sparse(fastembed: ModuleType, spec: ModelSpec, folder: Path) -> Results:
    """Of a network of ``SparseTextEmbedding``."""
    model = fastembed.SparseTextEmbedding(spec.name, specific_model_path=str(folder))
    found = _sparse_vectors("embed", model.embed(TEXTS)) | _sparse_vectors("query", model.query_embed(QUERIES))
    return found | {"count": np.array([model.token_count(text) for text in TEXTS])}


def bm25(fastembed: ModuleType, option: str, folder: Path | None) -> Results:
    """Of BM25 with some options; ``folder`` has stopwords of the languages that have some."""
    place = str(folder) if folder else None
    model = fastembed.SparseTextEmbedding("Qdrant/bm25", specific_model_path=place, **BM25_OPTIONS[option])
    found = _sparse_vectors("embed", model.embed(BM25_TEXTS)) | _sparse_vectors("query", model.query_embed(BM25_TEXTS))
    return found | {"count": np.array([model.token_count(text) for text in BM25_TEXTS])}


def rerank(fastembed: ModuleType, spec: ModelSpec, folder: Path) -> Results:
    """Of a model of ``TextCrossEncoder``."""
    kind = fastembed.rerank.cross_encoder.TextCrossEncoder
    model = kind(spec.name, specific_model_path=str(folder))
    return {
        "rerank": np.array([list(model.rerank(query, TEXTS, batch_size=4)) for query in QUERIES]),
        "pairs": np.array(list(model.rerank_pairs(PAIRS))),
        "count": np.array([model.token_count([pair]) for pair in PAIRS]),
    }


CALLS: dict[str, Callable[[ModuleType, ModelSpec, Path], Results]] = {
    "dense": dense,
    "late_interaction": late_interaction,
    "rerank": rerank,
    "sparse": sparse,
    "token_vectors": token_vectors,
}


def muvera(fastembed: ModuleType) -> Results:
    """Of ``Muvera``, with and without projection, of both precisions."""
    found = {}
    for dim_proj, number in itertools.product((4, 8), (np.float32, np.float64)):
        encoder = fastembed.postprocess.Muvera(dim=8, k_sim=3, dim_proj=dim_proj, r_reps=2, random_seed=7)
        vectors = np.random.default_rng(5).normal(size=(9, 8)).astype(number)
        name = f"{dim_proj}/{np.dtype(number)}"
        found[f"{name}/document"] = encoder.process_document(vectors)
        found[f"{name}/query"] = encoder.process_query(vectors)
        found[f"{name}/plain"] = encoder.process(vectors, fill_empty_clusters=False)
    return found


def _token_vectors(model: Any) -> Results:
    return _ragged("embed", model.embed(TEXTS)) | _ragged("query", model.query_embed(QUERIES))


def _ragged(name: str, arrays: Any) -> Results:
    many = list(arrays)
    return {name: np.concatenate(many), f"{name}/lengths": np.array([len(array) for array in many])}


def _sparse_vectors(name: str, vectors: Any) -> Results:
    """Of each vector indices and values, by ascending index: the order says nothing."""
    many = list(vectors)
    orders = [np.argsort(vector.indices, kind="stable") for vector in many]
    return {
        f"{name}/lengths": np.array([len(order) for order in orders]),
        f"{name}/indices": np.concatenate([v.indices[o] for v, o in zip(many, orders, strict=True)]),
        f"{name}/values": np.concatenate([v.values[o] for v, o in zip(many, orders, strict=True)]),
    }
