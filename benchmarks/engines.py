"""The contestants: how each is installed, loaded and called. Nothing is imported until a worker loads one.

``python -m benchmarks.engines NAME ...`` prints which of these modules or backends its interpreter lacks.
"""

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchmarks import heads
from benchmarks.corpus import MAX_TOKENS
from benchmarks.ctranslate import CTranslate2
from benchmarks.heads import batches

OURS = "rapidembed"
FASTER = {
    "rapidembed-int8": {"precision": "int8"},
    "rapidembed-bf16": {"precision": "bf16", "backend": "openvino"},
    "rapidembed-native-int8": {"precision": "int8", "backend": "native"},
    "rapidembed-native-bf16": {"precision": "bf16", "backend": "native"},
}
"""Ours in reduced precision: names and options."""
_BACKEND = "backend "
_BACKENDS = {"openvino": ("OpenVINO", "openvino"), "native": ("native", f"{_BACKEND}native")}
"""Backend -> its name in tables, and the module or row of rapidembed's table without which it does not run."""
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
    arithmetic: str = "f32"
    """What its matrix products are computed in: f32, bf16 or int8. OpenVINO's may choose another by itself."""
    head: Callable[[Path, str], heads.Headed] | None = None
    """The same with a model that has a head (:mod:`benchmarks.heads`), if it competes there."""


class RapidEmbed:
    def __init__(self, folder: Path, **options: str) -> None:
        from rapidembed import TextEmbedding

        self._model = TextEmbedding(folder, max_tokens=MAX_TOKENS, **options)

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        return self._model.encode(texts, **batches(batch_size))

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

        return np.array(list(self._model.embed(texts, **batches(batch_size))), dtype=np.float32)

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
        vectors = self._model.encode(texts, show_progress_bar=False, **batches(batch_size))
        return vectors.astype("float32", copy=False)

    def query(self, text: str) -> Any:
        return self._model.encode(text, show_progress_bar=False)


def _torch(folder: Path, dtype: str) -> SentenceTransformers:
    import torch

    loaded = SentenceTransformers(folder, model_kwargs={"dtype": getattr(torch, dtype)})
    actual = next(loaded._model.parameters()).dtype
    if actual != getattr(torch, dtype):
        raise RuntimeError(f"sentence-transformers loaded {actual}, not {dtype}")
    return loaded


def _backend(folder: Path, name: str) -> SentenceTransformers:
    """With the one file that is in the folder, whatever it is called."""
    suffix = {"onnx": "*.onnx", "openvino": "*.xml"}[name]
    (file,) = folder.rglob(suffix)
    loaded = SentenceTransformers(folder, backend=name, model_kwargs={"file_name": file.name})
    if name == "openvino":
        compiled = loaded._model[0].auto_model.request
        loaded.computes = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return loaded


def missing(names: Sequence[str]) -> list[str]:
    """The modules and backends that this interpreter does not have."""

    def absent(name: str) -> bool:
        try:
            if name.startswith(_BACKEND):
                row = importlib.import_module("rapidembed.runtime.backends").BACKENDS.get(name.removeprefix(_BACKEND))
                return row is None or not row.installed
            return importlib.util.find_spec(name) is None
        except ImportError:
            return True

    return [name for name in names if absent(name)]


def _ours(name: str) -> Engine:
    options = FASTER.get(name, {})
    backend, *modules = _BACKENDS.get(options.get("backend", ""), ("",))
    title = ", ".join(filter(None, [f"rapidembed {options.get('precision', '')}".strip(), backend]))
    return Engine(
        title,
        ("rapidembed", *modules),
        256,
        partial(RapidEmbed, **options),
        sweeps=False,
        arithmetic=options.get("precision", "f32"),
        head=partial(heads.ours, **options),
    )


def _theirs(title: str, load: Callable[[Path], Loaded], *requires: str, **more: Any) -> Engine:
    return Engine(f"sentence-transformers {title}", ("sentence_transformers", *requires), 32, load, **more)


_ONNX, _OPENVINO = ("optimum.onnxruntime",), ("optimum.intel", "openvino")
ENGINES: dict[str, Engine] = {
    **{name: _ours(name) for name in (OURS, *FASTER)},
    "fastembed": Engine("fastembed", ("fastembed",), 256, FastEmbed, needs="traced", head=heads.fastembed),
    "st-fp32": _theirs("fp32", lambda folder: _torch(folder, "float32")),
    "st-bf16": _theirs("bf16", lambda folder: _torch(folder, "bfloat16"), arithmetic="bf16"),
    "st-onnx": _theirs("ONNX", partial(_backend, name="onnx"), *_ONNX, needs="onnx"),
    "st-onnx-int8": _theirs("ONNX int8", partial(_backend, name="onnx"), *_ONNX, needs="onnx-qint8", arithmetic="int8"),
    "st-openvino": _theirs("OpenVINO", partial(_backend, name="openvino"), *_OPENVINO, needs="openvino"),
    "st-openvino-int8": _theirs(
        "OpenVINO int8", partial(_backend, name="openvino"), *_OPENVINO, needs="openvino-qint8", arithmetic="int8"
    ),
    "ctranslate2": Engine(
        "CTranslate2 int8", ("ctranslate2",), 32, CTranslate2, needs="ctranslate2", arithmetic="int8"
    ),
}


if __name__ == "__main__":
    print(json.dumps(missing(sys.argv[1:])))
