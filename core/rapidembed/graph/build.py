"""Puts an architecture and the heads together into one serialized graph. Imported only when a graph is built."""

from types import ModuleType

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph import bert, heads
from rapidembed.graph.built import BuiltGraph
from rapidembed.graph.weights import Weights
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import ModelSpec
from rapidembed.registry.config_file import ConfigFile

_BUILDERS: dict[str, ModuleType] = {"bert": bert}


def build(config: ConfigFile, weights: Weights, spec: ModelSpec, *, masked: bool) -> BuiltGraph:
    """Build the graph of an encoder with its pooling and Dense modules.

    Inputs are ``input_ids``; if ``masked``, ``attention_mask`` (int64, 1 for real tokens, padding on the right); where
    prompts are left out of pooling, ``prompt_tokens``, a number. The output is ``embedding``, float32 (batch, dim),
    not normalized. The masked form is for accelerators: it keeps all weights in the session. The other is for CPUs: it
    takes lookup tables as inputs.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown.
        IntegrityError: weights and config contradict each other.
    """
    builder = _builder(config)
    writer = GraphWriter(weights, builder.PREFIXES, builder.ANCHOR, tables_as_inputs=not masked)
    inputs = {"input_ids": ["batch", "tokens"]}
    mask = float_mask = None
    if masked:
        inputs["attention_mask"] = ["batch", "tokens"]
        mask = writer.node("Cast", "attention_mask", to=6)  # 6: INT32
        float_mask = writer.node("Cast", "attention_mask", to=1)  # 1: FLOAT
    x, _ = builder.encode(writer, config, "input_ids", mask)
    skipped = None
    if not spec.include_prompt:
        inputs["prompt_tokens"] = []
        skipped = "prompt_tokens"
    x = heads.pool(writer, x, spec.pooling, float_mask, skipped)
    for layer in spec.dense:
        x = heads.dense(writer, x, layer)
    writer.refuse_unused(builder.IGNORABLE)
    return BuiltGraph(writer.finish(inputs, x, spec.dim), tuple(writer.converted), tuple(writer.tables))


def _builder(config: ConfigFile) -> ModuleType:
    kind = config.text("model_type", "unknown")
    if config.values.get("auto_map"):
        raise UnsupportedModelError(
            f"The model runs code of its own (auto_map in config.json); model_type is {kind!r}."
        )
    builder = _BUILDERS.get(kind)
    if builder is None:
        raise UnsupportedModelError(
            f"No graph can be built for model_type {kind!r}; known: {', '.join(sorted(_BUILDERS))}. "
            "Curated models of other architectures run their ONNX file."
        )
    architectures = config.values.get("architectures") or []
    if not isinstance(architectures, list):
        raise IntegrityError(f"{config.path}: expected a list of architectures, got {architectures!r}.")
    if unknown := [name for name in architectures if name not in builder.ARCHITECTURES]:
        raise UnsupportedModelError(
            f"Architecture {unknown[0]!r} is not supported; known: {', '.join(sorted(builder.ARCHITECTURES))}."
        )
    return builder
