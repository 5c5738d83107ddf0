"""The contestants: how each is installed, loaded and called. Nothing is imported until a worker loads one."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchmarks.corpus import MAX_TOKENS

OURS = "rapidembed"
FASTER = {"rapidembed-int8": {"precision": "int8"}, "rapidembed-bf16": {"precision": "bf16", "backend": "openvino"}}
"""Ours in reduced precision: names and options."""
REFERENCE = "st-fp32"
"""The engine that vectors are compared to."""


class Loaded(Protocol):
    """A loaded engine, as workers use it. ``batch_size=None`` leaves the engine's own default alone."""

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        """float32 (texts, dimensions), in the texts' order."""

    def query(self, text: str) -> Any:
        """The vector of one text."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One row of the contest."""

    title: str
    requires: tuple[str, ...]
    default_batch: int
    load: Callable[[Path], Loaded]
    """Takes a folder of the kind ``needs``."""
    needs: str = "weights"
    """What :mod:`benchmarks.export` makes for it."""
    sweeps: bool = True
    """Whether its best batch size is looked for. Ours competes with its default only."""
    reduced: bool = False
    """Whether it computes in less than float32."""


class RapidEmbed:
    def __init__(self, folder: Path, **options: str) -> None:
        from rapidembed import TextEmbedding

        self._model = TextEmbedding(folder, max_tokens=MAX_TOKENS, **options)

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        return self._model.encode(texts, **_batch(batch_size))

    def query(self, text: str) -> Any:
        return self._model.encode(text)

    def stream(self, texts: Iterable[str]) -> Iterator[Any]:
        """One vector per text, of an endless generator too."""
        return self._model.embed(texts)


class FastEmbed:
    def __init__(self, folder: Path) -> None:
        from fastembed import TextEmbedding
        from fastembed.common.model_description import ModelSource, PoolingType

        config = json.loads((folder / "config.json").read_text())
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
        TextEmbedding.add_custom_model(
            model="benchmark",
            pooling=PoolingType.CLS if pooling["pooling_mode_cls_token"] else PoolingType.MEAN,
            normalization=True,
            sources=ModelSource(hf="benchmark/benchmark"),
            dim=config["hidden_size"],
            model_file="model.onnx",
        )
        self._model = TextEmbedding("benchmark", specific_model_path=str(folder))

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        import numpy as np

        return np.array(list(self._model.embed(texts, **_batch(batch_size))), dtype=np.float32)

    def query(self, text: str) -> Any:
        return next(iter(self._model.query_embed(text)))


class SentenceTransformers:
    computes: str | None = None
    """The precision that the engine chose by itself."""

    def __init__(self, folder: Path, **options: Any) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, **options)
        self._model.max_seq_length = MAX_TOKENS

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        return self._model.encode(texts, show_progress_bar=False, **_batch(batch_size)).astype("float32", copy=False)

    def query(self, text: str) -> Any:
        return self._model.encode(text, show_progress_bar=False)


def _torch(folder: Path, dtype: str) -> SentenceTransformers:
    import torch

    loaded = SentenceTransformers(folder, model_kwargs={"dtype": getattr(torch, dtype)})
    actual = next(loaded._model.parameters()).dtype
    if actual != getattr(torch, dtype):
        raise RuntimeError(f"sentence-transformers loaded {actual}, not {dtype}")
    return loaded


def _openvino(folder: Path) -> SentenceTransformers:
    loaded = SentenceTransformers(folder, backend="openvino")
    compiled = loaded._model[0].auto_model.request
    loaded.computes = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return loaded


def _batch(size: int | None) -> dict[str, int]:
    return {} if size is None else {"batch_size": size}


def _faster(title: str, name: str, *requires: str) -> Engine:
    options = FASTER[name]
    load = partial(RapidEmbed, **options)
    return Engine(title, ("rapidembed", *requires), 256, load, sweeps=False, reduced=True)


_ST = "sentence_transformers"
ENGINES: dict[str, Engine] = {
    OURS: Engine("rapidembed", ("rapidembed",), 256, RapidEmbed, sweeps=False),
    "rapidembed-int8": _faster("rapidembed int8", "rapidembed-int8"),
    "rapidembed-bf16": _faster("rapidembed bf16, OpenVINO", "rapidembed-bf16", "openvino"),
    "fastembed": Engine("fastembed", ("fastembed",), 256, FastEmbed, needs="traced"),
    "st-fp32": Engine("sentence-transformers fp32", (_ST,), 32, lambda folder: _torch(folder, "float32")),
    "st-bf16": Engine(
        "sentence-transformers bf16", (_ST,), 32, lambda folder: _torch(folder, "bfloat16"), reduced=True
    ),
    "st-onnx": Engine(
        "sentence-transformers ONNX",
        (_ST, "optimum.onnxruntime"),
        32,
        lambda folder: SentenceTransformers(folder, backend="onnx"),
        needs="onnx",
    ),
    "st-openvino": Engine(
        "sentence-transformers OpenVINO",
        (_ST, "optimum.intel", "openvino"),
        32,
        _openvino,
        needs="openvino",
    ),
}
