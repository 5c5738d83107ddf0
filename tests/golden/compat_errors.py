"""Calls that fail in fastembed, and with what; and calls that do not, though one might think so."""

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.golden.compat_models import assemble, rows

Call = Callable[[ModuleType, Path], Any]


def dense(fastembed: ModuleType, root: Path, **options: Any) -> Any:
    """A model of ``TextEmbedding``."""
    return fastembed.TextEmbedding("thenlper/gte-base", **{"specific_model_path": str(root / "dense"), **options})


def colbert(fastembed: ModuleType, root: Path, **options: Any) -> Any:
    """A model of ``LateInteractionTextEmbedding``."""
    folder = str(root / "late_interaction")
    return fastembed.LateInteractionTextEmbedding("colbert-ir/colbertv2.0", specific_model_path=folder, **options)


def bm25(fastembed: ModuleType, root: Path, **options: Any) -> Any:
    """BM25 without stopwords."""
    return fastembed.SparseTextEmbedding("Qdrant/bm25", **{"specific_model_path": str(root), **options})


def reranker(fastembed: ModuleType, root: Path, **options: Any) -> Any:
    """A model of ``TextCrossEncoder``."""
    kind, folder = fastembed.rerank.cross_encoder.TextCrossEncoder, str(root / "rerank")
    return kind("Xenova/ms-marco-MiniLM-L-6-v2", specific_model_path=folder, **options)


def custom(fastembed: ModuleType, name: str, **options: Any) -> Any:
    """Add a model."""
    described = fastembed.common.model_description
    options = {"pooling": described.PoolingType.MEAN, "normalization": True, "dim": 6} | options
    return fastembed.TextEmbedding.add_custom_model(name, sources=described.ModelSource(hf="no-slash"), **options)


def changed(root: Path, name: str, change: Callable[[Path], Any]) -> str:
    """A copy of the dense model's folder, changed."""
    folder = assemble(rows()["dense"][24], root / name)
    change(folder)
    return str(folder)


def limits(folder: Path, **values: Any) -> None:
    """Put limits into tokenizer_config.json, which loses the one that it has."""
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    settings.pop("model_max_length")
    file.write_text(json.dumps(settings | values))


def muvera(fastembed: ModuleType, **options: Any) -> Any:
    """A Muvera."""
    return fastembed.postprocess.Muvera(**{"dim": 8, "k_sim": 2, "dim_proj": 4, "r_reps": 2, **options})


CASES: dict[str, Call] = {
    "unknown text model": lambda f, r: f.TextEmbedding("no/such"),
    "unknown sparse model": lambda f, r: f.SparseTextEmbedding("no/such"),
    "unknown late model": lambda f, r: f.LateInteractionTextEmbedding("no/such"),
    "unknown image model": lambda f, r: f.ImageEmbedding("no/such"),
    "unknown multimodal model": lambda f, r: f.LateInteractionMultimodalEmbedding("no/such"),
    "unknown reranker": lambda f, r: f.rerank.cross_encoder.TextCrossEncoder("no/such"),
    "a text model as a sparse one": lambda f, r: f.SparseTextEmbedding("thenlper/gte-base"),
    "what only we know": lambda f, r: f.TextEmbedding("BAAI/bge-m3"),
    "name None": lambda f, r: f.TextEmbedding(None),
    "no name for sparse": lambda f, r: f.SparseTextEmbedding(),
    "not cached": lambda f, r: f.TextEmbedding("thenlper/gte-base", cache_dir=str(r / "cache"), local_files_only=True),
    "reranker not cached": lambda f, r: f.rerank.cross_encoder.TextCrossEncoder(
        "Xenova/ms-marco-MiniLM-L-6-v2", cache_dir=str(r / "cache"), local_files_only=True
    ),
    "size of an unknown model": lambda f, r: f.TextEmbedding.get_embedding_size("no/such"),
    "size of an unknown late model": lambda f, r: f.LateInteractionTextEmbedding.get_embedding_size("no/such"),
    "provider that is not there": lambda f, r: dense(f, r, providers=["CUDAExecutionProvider"]),
    "provider of no name": lambda f, r: dense(f, r, providers=["NoSuchProvider"]),
    "cuda that is not there": lambda f, r: dense(f, r, cuda=True),
    "providers and cuda False": lambda f, r: dense(f, r, providers=["CPUExecutionProvider"], cuda=False),
    "device ids on the CPU": lambda f, r: dense(f, r, cuda=False, device_ids=[0, 1]),
    "threads 0": lambda f, r: dense(f, r, threads=0),
    "options of nobody": lambda f, r: dense(f, r, max_length=3, provider=["x"], thread=4, enable_cpu_mem_arena=False),
    "lazy": lambda f, r: dense(f, r, lazy_load=True),
    "lazy and no folder": lambda f, r: dense(f, r, lazy_load=True, specific_model_path=str(r / "nowhere")),
    "batch size 0 at the call": lambda f, r: dense(f, r).embed(["a"], batch_size=0),
    "batch size 0": lambda f, r: next(iter(dense(f, r).embed(["a"], batch_size=0))),
    "no texts": lambda f, r: list(dense(f, r).embed([])),
    "None for texts": lambda f, r: next(iter(dense(f, r).embed(None))),
    "None among texts": lambda f, r: list(dense(f, r).embed(["a", None])),
    "a number among texts": lambda f, r: list(dense(f, r).embed(["a", 5])),
    "keywords of nobody": lambda f, r: list(dense(f, r).query_embed("a", batch_size=3, parallel=2, nothing=1)),
    "a tuple of texts": lambda f, r: list(dense(f, r).embed(("a", "b"))),
    "token count of nothing": lambda f, r: dense(f, r).token_count([]),
    "token count by 0": lambda f, r: dense(f, r).token_count(["a"], batch_size=0),
    "no tokenizer": lambda f, r: dense(
        f, r, specific_model_path=changed(r, "bare", lambda folder: (folder / "tokenizer.json").unlink())
    ),
    "no settings": lambda f, r: dense(
        f, r, specific_model_path=changed(r, "unset", lambda folder: (folder / "tokenizer_config.json").unlink())
    ),
    "no limit": lambda f, r: dense(f, r, specific_model_path=changed(r, "free", limits)),
    "a limit beyond all": lambda f, r: dense(
        f, r, specific_model_path=changed(r, "huge", lambda folder: limits(folder, model_max_length=10**30))
    ),
    "a limit of 0": lambda f, r: dense(
        f, r, specific_model_path=changed(r, "zero", lambda folder: limits(folder, model_max_length=0))
    ),
    "late: keywords of nobody": lambda f, r: list(colbert(f, r, max_length=3).query_embed("a", batch_size=2)),
    "late: batch size 0": lambda f, r: list(colbert(f, r).embed(["a"], batch_size=0)),
    "late: models of one's own": lambda f, r: f.LateInteractionTextEmbedding.add_custom_model(model="a"),
    "sparse: models of one's own": lambda f, r: f.SparseTextEmbedding.add_custom_model(model="a"),
    "image: models of one's own": lambda f, r: f.ImageEmbedding.add_custom_model(model="a"),
    "multimodal: models of one's own": lambda f, r: f.LateInteractionMultimodalEmbedding.add_custom_model(model="a"),
    "bm25: no stopwords": lambda f, r: next(iter(bm25(f, r).embed("the fox"))),
    "bm25: language unknown": lambda f, r: bm25(f, r, language="polish"),
    "bm25: language by code": lambda f, r: bm25(f, r, language="en"),
    "bm25: bengali": lambda f, r: bm25(f, r, language="bengali"),
    "bm25: stemmer and none": lambda f, r: bm25(f, r, stemmer=object(), disable_stemmer=True),
    "bm25: unstemmed polish": lambda f, r: next(iter(bm25(f, r, language="polish", disable_stemmer=True).embed("a"))),
    "bm25: providers": lambda f, r: bm25(f, r, providers=["CUDAExecutionProvider"], cuda=True, threads=0),
    "bm25: a number": lambda f, r: list(bm25(f, r).embed(["a", 5])),
    "rerank: keywords of nobody": lambda f, r: list(reranker(f, r).rerank("a", ["b"], parallel=2, nothing=1)),
    "rerank: batch size 0": lambda f, r: list(reranker(f, r).rerank("a", ["b"], batch_size=0)),
    "rerank: None": lambda f, r: list(reranker(f, r).rerank("a", ["b", None])),
    "rerank: nothing": lambda f, r: list(reranker(f, r).rerank("a", [])),
    "rerank: one pair": lambda f, r: list(reranker(f, r).rerank_pairs(("a", "b"))),
    "custom: name that exists": lambda f, r: custom(f, "thenlper/gte-base"),
    "custom: in other letters": lambda f, r: custom(f, "Thenlper/GTE-base"),
    "custom: a name": lambda f, r: custom(f, "mine"),
    "custom: the name again": lambda f, r: custom(f, "mine"),
    "custom: what only we know": lambda f, r: custom(f, "BAAI/bge-m3"),
    "custom: pooling by text": lambda f, r: custom(f, "mine/too", pooling="CLS"),
    "custom: no such output": lambda f, r: (
        custom(f, "mine/odd", output_name="none"),
        f.TextEmbedding("mine/odd", specific_model_path=str(r / "dense")),
    ),
    "a source without a place": lambda f, r: f.common.model_description.ModelSource(),
    "muvera: wider projection": lambda f, r: muvera(f, dim_proj=9),
    "muvera: nothing": lambda f, r: muvera(f).process(np.empty((0, 8))),
    "muvera: another width": lambda f, r: muvera(f).process(np.ones((2, 7))),
}


def outcome(call: Call, fastembed: ModuleType, root: Path) -> str:
    """Name of the first built-in type among those of the exception; "" if there is none."""
    try:
        call(fastembed, root)
    except Exception as error:
        return next(kind.__name__ for kind in type(error).__mro__ if hasattr(builtins, kind.__name__))
    return ""


def outcomes(fastembed: ModuleType, root: Path) -> dict[str, str]:
    """Of all calls, in a folder of their own."""
    for kind, number in (("dense", 24), ("late_interaction", 0), ("rerank", 0)):
        assemble(rows()[kind][number], root / kind)
    return {name: outcome(call, fastembed, root) for name, call in CASES.items()}
