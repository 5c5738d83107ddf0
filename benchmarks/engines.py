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

from benchmarks.corpus import MAX_TOKENS
from benchmarks.ctranslate import CTranslate2
from benchmarks.heads import QUESTION, digests

OURS = "rapidembed"
FASTER: dict[str, dict[str, str]] = {
    "rapidembed-int8": {"precision": "int8"},
    "rapidembed-bf16": {"precision": "bf16", "backend": "openvino"},
    "rapidembed-native": {"precision": "fp32", "backend": "native"},
    "rapidembed-native-int8": {"precision": "int8", "backend": "native"},
    "rapidembed-native-bf16": {"precision": "bf16", "backend": "native"},
}
"""Ours with other options than the default's."""
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
    load: Callable[[Path, str | None], Loaded]
    """Takes a folder of the kind ``needs``, and the model's head if it has one (:mod:`benchmarks.heads`)."""
    needs: str = "weights"
    """What :mod:`benchmarks.export` makes for it."""
    sweeps: bool = True
    """Whether its best batch size is looked for. Ours competes with its default only."""
    arithmetic: str = "f32"
    """What its matrix products are computed in: f32, bf16 or int8. OpenVINO's may choose another by itself."""
    heads: bool = False
    """Whether it competes with models that have a head."""


def batches(size: int | None) -> dict[str, int]:
    """The option of a call; None leaves the engine's own default alone."""
    return {} if size is None else {"batch_size": size}


class Library:
    """What rapidembed and fastembed share: methods of the same names, also of models with a head."""

    def __init__(self, model: Any, head: str | None) -> None:
        self._model, self._head = model, head

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        """The texts' vectors, or scores of the pairs with one question."""
        if self._head == "rerank":
            return list(self._model.rerank(QUESTION, texts, **batches(batch_size)))
        found = list(self._model.embed(texts, **batches(batch_size)))
        return found if self._head else self.digest(found)

    def questions(self, texts: list[str], batch_size: int | None) -> list[Any]:
        """Token vectors of queries; fastembed knows no batch size here."""
        return list(self._model.query_embed(texts))

    def query(self, text: str) -> Any:
        return next(iter(self._model.query_embed(text)))

    def digest(self, results: Sequence[Any]) -> Any:
        return digests(self._head, results)


class RapidEmbed(Library):
    def __init__(self, folder: Path, head: str | None, **options: Any) -> None:
        import rapidembed

        # By its name: whatever else is imported would count as the engine's start.
        kinds = {
            "rerank": "TextCrossEncoder",
            "colbert": "LateInteractionTextEmbedding",
            "splade": "SparseTextEmbedding",
        }
        if head is None:
            options["max_tokens"] = MAX_TOKENS
        super().__init__(getattr(rapidembed, kinds.get(head or "", "TextEmbedding"))(folder, **options), head)

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        if self._head:
            return super().embed(texts, batch_size)
        return self._model.encode(texts, **batches(batch_size))

    def query(self, text: str) -> Any:
        return self._model.encode(text)

    def stream(self, texts: Iterable[str]) -> Iterator[Any]:
        """One vector per text, of an endless generator too."""
        return self._model.embed(texts)


def _fastembed(folder: Path, head: str | None) -> Library:
    from fastembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    place = {"specific_model_path": str(folder)}
    own = {"model": "benchmark", "sources": ModelSource(hf="benchmark/benchmark"), "model_file": "model.onnx"}
    if head == "colbert":
        return Library(LateInteractionTextEmbedding("colbert-ir/colbertv2.0", **place), head)
    if head == "splade":
        return Library(SparseTextEmbedding("prithivida/Splade_PP_en_v1", **place), head)
    if head == "rerank":
        from fastembed.rerank.cross_encoder import TextCrossEncoder

        TextCrossEncoder.add_custom_model(**own)
        return Library(TextCrossEncoder("benchmark", **place), head)
    first = json.loads((folder / "1_Pooling" / "config.json").read_text())["pooling_mode_cls_token"]
    TextEmbedding.add_custom_model(
        **own,
        pooling=PoolingType.CLS if first else PoolingType.MEAN,
        normalization=True,
        dim=json.loads((folder / "config.json").read_text())["hidden_size"],
    )
    return Library(TextEmbedding("benchmark", **place), head)


class SentenceTransformers:
    computes: str | None = None
    """The precision that the engine chose by itself."""

    def __init__(self, folder: Path, **options: Any) -> None:
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, **options)
        self.model.max_seq_length = MAX_TOKENS

    def embed(self, texts: list[str], batch_size: int | None) -> Any:
        vectors = self.model.encode(texts, show_progress_bar=False, **batches(batch_size))
        return vectors.astype("float32", copy=False)

    def query(self, text: str) -> Any:
        return self.model.encode(text, show_progress_bar=False)


def _torch(folder: Path, _: None, dtype: str) -> SentenceTransformers:
    import torch

    loaded = SentenceTransformers(folder, model_kwargs={"dtype": getattr(torch, dtype)})
    actual = next(loaded.model.parameters()).dtype
    if actual != getattr(torch, dtype):
        raise RuntimeError(f"sentence-transformers loaded {actual}, not {dtype}")
    return loaded


def _backend(folder: Path, _: None, name: str) -> SentenceTransformers:
    """With the one file that is in the folder, whatever it is called."""
    (file,) = folder.rglob({"onnx": "*.onnx", "openvino": "*.xml"}[name])
    loaded = SentenceTransformers(folder, backend=name, model_kwargs={"file_name": file.name})
    if name == "openvino":
        compiled = loaded.model[0].auto_model.request
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


def is_ours(name: str) -> bool:
    """Whether an engine is a row of rapidembed."""
    return name in (OURS, *FASTER)


def _ours(**options: str) -> Engine:
    precision = options.get("precision", "")
    backend, *modules = _BACKENDS.get(options.get("backend", ""), ("",))
    title = ", ".join(filter(None, [f"rapidembed {precision}".strip(), backend]))
    kind = precision if precision in ("int8", "bf16") else "f32"
    load = partial(RapidEmbed, **{"precision": "fp32", **options})  # by itself it would be native where that is there
    return Engine(title, ("rapidembed", *modules), 256, load, sweeps=False, arithmetic=kind, heads=True)


def _theirs(title: str, load: Callable[..., Loaded], *requires: str, **more: Any) -> Engine:
    return Engine(f"sentence-transformers {title}", ("sentence_transformers", *requires), 32, load, **more)


_ONNX, _OPENVINO = ("optimum.onnxruntime",), ("optimum.intel", "openvino")
_onnx, _openvino = partial(_backend, name="onnx"), partial(_backend, name="openvino")
ENGINES: dict[str, Engine] = {
    **{name: _ours(**FASTER.get(name, {})) for name in (OURS, *FASTER)},
    "fastembed": Engine("fastembed", ("fastembed",), 256, _fastembed, needs="traced", heads=True),
    "st-fp32": _theirs("fp32", partial(_torch, dtype="float32")),
    "st-bf16": _theirs("bf16", partial(_torch, dtype="bfloat16"), arithmetic="bf16"),
    "st-onnx": _theirs("ONNX", _onnx, *_ONNX, needs="onnx"),
    "st-onnx-int8": _theirs("ONNX int8", _onnx, *_ONNX, needs="onnx-qint8", arithmetic="int8"),
    "st-openvino": _theirs("OpenVINO", _openvino, *_OPENVINO, needs="openvino"),
    "st-openvino-int8": _theirs("OpenVINO int8", _openvino, *_OPENVINO, needs="openvino-qint8", arithmetic="int8"),
    "ctranslate2": Engine(
        "CTranslate2 int8", ("ctranslate2",), 32, CTranslate2, needs="ctranslate2", arithmetic="int8"
    ),
}


if __name__ == "__main__":
    print(json.dumps(missing(sys.argv[1:])))
