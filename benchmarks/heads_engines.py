"""One engine at one task of ``python -m benchmarks.heads``, in a process of its own, which prints JSON."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.corpus import MAX_TOKENS, load, open_tokenizer
from benchmarks.heads_models import HEADS
from benchmarks.paths import model_folder
from benchmarks.worker import peak_bytes

OURS, INT8, THEIRS = "rapidembed", "rapidembed int8", "fastembed"
TASKS = {
    "rerank": "100 passages reranked, MiniLM-L6 shape",
    "documents": "256 documents, ColBERT of bert-base shape",
    "queries": "32 queries, ColBERT of bert-base shape",
    "splade": "256 texts of at most 128 tokens, SPLADE of bert-base shape",
}
_FOLDERS = {"rerank": "rerank", "documents": "colbert", "queries": "colbert", "splade": "splade"}
_SEED = 7
_QUERY = "How does the standard library parse a date that has no time zone?"
_QUERY_TOKENS, _SPLADE_TOKENS = 32, 128
_WARM_UP = 4

Call = Callable[[list[str], int | None], Any]


def inputs(task: str) -> list[str]:
    """The texts of a task."""
    corpus = load(model_folder(), 2000, _SEED)
    if task == "queries":
        return [text.split("\n")[0][:70] for text in corpus.texts[:32]]  # no more than 32 tokens
    count = {"rerank": 100, "documents": 256, "splade": 256}[task]
    return [corpus.texts[i] for i in corpus.spread(count)]


def lengths(task: str) -> list[int]:
    """Tokens of each input as a model reads it, special ones included, padding not."""
    texts = inputs(task)
    if task == "queries":
        return [_QUERY_TOKENS] * len(texts)
    tokenizer = open_tokenizer(model_folder())
    if task == "rerank":
        return [len(encoding.ids) for encoding in tokenizer.encode_batch([(_QUERY, text) for text in texts])]
    found = [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
    if task == "documents":
        return [min(count + 1, MAX_TOKENS) for count in found]  # a marker in front
    return [min(count, _SPLADE_TOKENS) for count in found]


def configuration(task: str) -> dict[str, Any]:
    """config.json of a task's model."""
    content: dict[str, Any] = json.loads((HEADS / _FOLDERS[task] / "config.json").read_text())
    return content


def flops(task: str) -> float:
    """Floating point operations that the results need: of a reranker's last layer only the first token is read."""
    config = configuration(task)
    layers, hidden, vocabulary = (config[key] for key in ("num_hidden_layers", "hidden_size", "vocab_size"))
    inner = config["intermediate_size"]
    token = 8 * hidden**2 + 4 * hidden * inner  # queries, keys, values, output; the two of the feed-forward part
    if task == "rerank":
        keys = 4 * hidden**2
        first = token - keys + 2 * hidden**2
        return float(
            sum(s * ((layers - 1) * (token + 4 * hidden * s) + keys) + first + 4 * hidden * s for s in lengths(task))
        )
    head = 2 * hidden * 128 if _FOLDERS[task] == "colbert" else 2 * hidden * (hidden + vocabulary)
    return float(sum(s * (layers * (token + 4 * hidden * s) + head) for s in lengths(task)))


def ours(task: str, precision: str) -> Call:
    """rapidembed's call; it competes at its defaults."""
    from rapidembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextCrossEncoder

    folder = HEADS / _FOLDERS[task]
    if task == "rerank":
        reranker = TextCrossEncoder(folder, precision=precision)
        return lambda texts, _: list(reranker.rerank(_QUERY, texts))
    if task == "splade":
        splade = SparseTextEmbedding(folder, precision=precision)
        return lambda texts, _: list(splade.embed(texts))
    colbert = LateInteractionTextEmbedding(folder, precision=precision)
    method = colbert.embed if task == "documents" else colbert.query_embed
    return lambda texts, _: list(method(texts))


def theirs(task: str) -> Call:
    """fastembed's call."""
    from fastembed import LateInteractionTextEmbedding, SparseTextEmbedding
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    folder = str(HEADS / _FOLDERS[task])

    def batched(batch: int | None) -> dict[str, int]:
        return {} if batch is None else {"batch_size": batch}

    if task == "rerank":
        TextCrossEncoder.add_custom_model("benchmark", sources=ModelSource(hf="a/b"), model_file="model.onnx")
        reranker = TextCrossEncoder("benchmark", specific_model_path=folder)
        return lambda texts, batch: list(reranker.rerank(_QUERY, texts, **batched(batch)))
    if task == "splade":
        splade = SparseTextEmbedding("prithivida/Splade_PP_en_v1", specific_model_path=folder)
        return lambda texts, batch: list(splade.embed(texts, **batched(batch)))
    colbert = LateInteractionTextEmbedding("colbert-ir/colbertv2.0", specific_model_path=folder)
    if task == "queries":
        return lambda texts, _: list(colbert.query_embed(texts))
    return lambda texts, batch: list(colbert.embed(texts, **batched(batch)))


def measure(task: str, engine: str, batch: int | None, calls: int) -> dict[str, Any]:
    """The fastest of some calls with all texts, after one with a few; its results in short; the process's peak."""
    texts = inputs(task)
    call = theirs(task) if engine == THEIRS else ours(task, "int8" if engine == INT8 else "fp32")
    call(texts[:_WARM_UP], batch)
    seconds, results = [], None
    for _ in range(calls):
        start = time.perf_counter()
        results = call(texts, batch)
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": min(seconds, default=None),
        "peak_mb": round(peak_bytes() / 1e6),
        "digest": None if results is None else _digest(task, results),
    }


def _digest(task: str, results: Any) -> list[list[float]]:
    """Enough of each result to tell whether two engines agree."""
    if task == "rerank":
        return [[float(score)] for score in results]
    if task == "splade":
        return [[float(len(r.values)), float(r.values.sum()), float(r.indices.sum())] for r in results]
    return [[float(len(r)), *map(float, r.sum(axis=0)[:8])] for r in results]


if __name__ == "__main__":
    _, task, engine, batch, calls = sys.argv
    print(json.dumps(measure(task, engine, int(batch) or None, int(calls))))
