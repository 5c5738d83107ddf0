"""The contestants: how each is installed, loaded and called. Nothing is imported until a worker loads one."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.corpus import MAX_TOKENS
from benchmarks.paths import WEIGHTS_PACKAGE, model_folder

BATCH_SIZES = (1, 2, 4, 8, 32, 256)
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

    def stream(self, texts: Iterable[str]) -> Iterator[Any]:
        """One vector per text, of an endless generator too."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One row of the contest."""

    title: str
    requires: tuple[str, ...]
    default_batch: int
    load: Callable[[str], Loaded]
    """Takes the folder of the ONNX export."""
    needs_export: bool = False
    sweeps: bool = True
    """Whether its best batch size is looked for. Ours competes with its default only."""

    def missing(self) -> list[str]:
        return [name for name in self.requires if importlib.util.find_spec(name) is None]


class RapidEmbed:
    def __init__(self, **options: str) -> None:
        from rapidembed import TextEmbedding

        self._model = TextEmbedding(f"package:{WEIGHTS_PACKAGE}", max_tokens=MAX_TOKENS, **options)

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        return self._model.encode(texts, **_batch(batch_size))

    def query(self, text: str) -> Any:
        return self._model.encode(text)

    def stream(self, texts: Iterable[str]) -> Iterator[Any]:
        return self._model.embed(texts)


class FastEmbed:
    def __init__(self, export: str) -> None:
        from fastembed import TextEmbedding
        from fastembed.common.model_description import ModelSource, PoolingType

        TextEmbedding.add_custom_model(
            model="benchmark",
            pooling=PoolingType.MEAN,
            normalization=True,
            sources=ModelSource(hf="benchmark/benchmark"),
            dim=384,
            model_file="model.onnx",
        )
        self._model = TextEmbedding("benchmark", specific_model_path=export)

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        import numpy as np

        return np.array(list(self._model.embed(texts, **_batch(batch_size))), dtype=np.float32)

    def query(self, text: str) -> Any:
        return next(iter(self._model.query_embed(text)))

    def stream(self, texts: Iterable[str]) -> Iterator[Any]:
        yield from self._model.embed(texts)


class SentenceTransformers:
    def __init__(self, dtype: str) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(
            str(model_folder()), device="cpu", model_kwargs={"dtype": getattr(torch, dtype)}, local_files_only=True
        )
        self._model.max_seq_length = MAX_TOKENS
        actual = next(self._model.parameters()).dtype
        if actual != getattr(torch, dtype):
            raise RuntimeError(f"sentence-transformers loaded {actual}, not {dtype}")

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        return self._model.encode(texts, show_progress_bar=False, **_batch(batch_size)).astype("float32", copy=False)

    def query(self, text: str) -> Any:
        return self._model.encode(text, show_progress_bar=False)

    def stream(self, texts: Iterable[str]) -> Iterator[Any]:
        raise NotImplementedError("sentence-transformers does not read generators")


def _batch(size: int | None) -> dict[str, int]:
    return {} if size is None else {"batch_size": size}


ENGINES: dict[str, Engine] = {
    OURS: Engine("rapidembed", ("rapidembed",), 256, lambda _: RapidEmbed(), sweeps=False),
    "rapidembed-int8": Engine(
        "rapidembed int8", ("rapidembed",), 256, lambda _: RapidEmbed(**FASTER["rapidembed-int8"]), sweeps=False
    ),
    "rapidembed-bf16": Engine(
        "rapidembed bf16, OpenVINO",
        ("rapidembed", "openvino"),
        256,
        lambda _: RapidEmbed(**FASTER["rapidembed-bf16"]),
        sweeps=False,
    ),
    "fastembed": Engine("fastembed", ("fastembed",), 256, FastEmbed, needs_export=True),
    "st-fp32": Engine(
        "sentence-transformers fp32", ("sentence_transformers",), 32, lambda _: SentenceTransformers("float32")
    ),
    "st-bf16": Engine(
        "sentence-transformers bf16", ("sentence_transformers",), 32, lambda _: SentenceTransformers("bfloat16")
    ),
}
