"""Puts an encoder of pictures, or of texts in their space, into one serialized graph."""

from importlib import import_module
from types import ModuleType

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph.build import _LINEARS, Arithmetic
from rapidembed.graph.built import BuiltGraph
from rapidembed.graph.linears import Linears, Observing, Rounding
from rapidembed.graph.vision.patches import PIXELS
from rapidembed.graph.weights import Weights
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.types import PoolingMode

MODULES = {
    "clip": "clip",
    "clip_text_model": "clip",
    "clip_vision_model": "clip",
    "dinov2": "dinov2",
    "dinov2_with_registers": "dinov2",
    "efficientnet_lite": "efficientnet_lite",
    "siglip": "siglip",
    "siglip2": "siglip",
    "siglip_text_model": "siglip",
    "siglip_vision_model": "siglip",
    "vit": "vit",
}


def build_pictures(
    config: ConfigFile,
    weights: Weights,
    *,
    size: tuple[int, int] | None = None,
    pooling: tuple[PoolingMode, ...] = ("none",),
    arithmetic: Arithmetic = "exact",
    plain: bool = False,
) -> BuiltGraph:
    """Build the graph of an encoder of pictures.

    The input is ``pixel_values``, float32 (batch, 3, height, width); the output ``embedding``, float32 (batch, dim),
    not normalized.

    Args:
        config: config.json.
        weights: the checkpoint's.
        size: (height, width) that its processor makes; None: the model's own.
        pooling: of ViT and DINOv2: "cls" or others; ("none",): the model's own vector.
        arithmetic: see :func:`rapidembed.graph.build.build`.
        plain: likewise.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown.
        IntegrityError: weights and config contradict each other.
    """
    builder = _builder(config, "PICTURES")
    if arithmetic != "exact" and getattr(builder, "EXACT", False):
        raise UnsupportedModelError(
            f"{config.path}: a model of convolutions has no weights of 8 bits; leave precision out."
        )
    linears = _LINEARS[arithmetic]()
    writer = GraphWriter(
        weights, builder.PICTURE_PREFIXES, builder.PICTURE_ANCHOR, linears, tables_as_inputs=False, plain=plain
    )
    if pooling == ("none",):
        output, width = builder.picture(writer, config, size)
    elif builder.__name__.endswith((".vit", ".dinov2")):
        output, width = builder.picture(writer, config, size, pooling)
    else:
        raise UnsupportedModelError(f"{config.path}: the model makes one vector of a picture itself, got {pooling}.")
    writer.refuse_unused(builder.PICTURE_IGNORABLE)
    sides = size or ("height", "width")
    feeds = {PIXELS: ["batch", 3, *sides]}
    return _finished(writer, linears, writer.finish(feeds, output, ["batch", width], _watched(linears), floats=True))


def build_texts(
    config: ConfigFile, weights: Weights, *, masked: bool = False, arithmetic: Arithmetic = "exact", plain: bool = False
) -> BuiltGraph:
    """Build the graph of an encoder of texts: from ``input_ids``, int64 (batch, tokens), to ``embedding``."""
    builder = _builder(config, "TEXTS")
    linears = _LINEARS[arithmetic]()
    writer = GraphWriter(
        weights, builder.TEXT_PREFIXES, builder.TEXT_ANCHOR, linears, tables_as_inputs=not masked, plain=plain
    )
    output, width = builder.text(writer, config, "input_ids")
    writer.refuse_unused(builder.TEXT_IGNORABLE)
    feeds = {"input_ids": ["batch", "tokens"]}
    return _finished(writer, linears, writer.finish(feeds, output, ["batch", width], _watched(linears)))


def _builder(config: ConfigFile, towers: str) -> ModuleType:
    kind = config.text("model_type", "")
    if kind not in MODULES:
        raise UnsupportedModelError(
            f"No graph of pictures can be built for model_type {kind!r}; known: {', '.join(sorted(MODULES))}. "
            "Curated models of other architectures run their ONNX file."
        )
    builder = import_module(f"rapidembed.graph.vision.{MODULES[kind]}")
    architectures = config.values.get("architectures") or []
    if not isinstance(architectures, list):
        raise IntegrityError(f"{config.path}: expected a list of architectures, got {architectures!r}.")
    known: frozenset[str] = getattr(builder, towers, frozenset())
    if unknown := [name for name in architectures if name not in known]:
        raise UnsupportedModelError(
            f"Architecture {unknown[0]!r} is not supported here; known: {', '.join(sorted(known))}."
        )
    return builder


def _watched(linears: Linears) -> dict[str, int]:
    return dict(linears.observed.values()) if isinstance(linears, Observing) else {}


def _finished(writer: GraphWriter, linears: Linears, model: bytes) -> BuiltGraph:
    return BuiltGraph(
        model,
        tuple(writer.converted),
        tuple(writer.tables),
        rounded=tuple(linears.rounded) if isinstance(linears, Rounding) else (),
        observed=linears.observed if isinstance(linears, Observing) else {},
    )
