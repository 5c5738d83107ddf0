"""Puts an architecture and the heads together into one serialized graph. Imported only when a graph is built."""

from importlib import import_module
from types import ModuleType
from typing import Literal

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph import heads, modules
from rapidembed.graph.architectures import MODULES
from rapidembed.graph.built import BuiltGraph
from rapidembed.graph.inputs import Inputs
from rapidembed.graph.linears import Exact, Linears, Observing, Rounding
from rapidembed.graph.pooling import pool
from rapidembed.graph.weights import Weights
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry import ModelSpec, SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.own_code import read_architecture
from rapidembed.types import Head

Arithmetic = Literal["exact", "rounded", "observed"]

_LINEARS: dict[Arithmetic, type[Linears]] = {"exact": Exact, "rounded": Rounding, "observed": Observing}


def build(
    config: ConfigFile,
    weights: Weights,
    spec: ModelSpec,
    *,
    masked: bool,
    arithmetic: Arithmetic = "exact",
    plain: bool = False,
) -> BuiltGraph:
    """Build the graph of an encoder with its head.

    Inputs are ``input_ids``; for pairs, where the model tells the texts apart, ``token_type_ids``; if ``masked``, or
    where tokens of a text are hidden from the others, ``attention_mask`` (int64, 1 for tokens that are seen, the others
    on the right); where prompts are left out of pooling, ``prompt_tokens``, a number. The output is ``embedding``,
    float32: (batch, dim); (batch, tokens, dim) for token vectors; (batch, tokens) for attention; see
    :func:`rapidembed.graph.heads.hybrid` for all at once; not normalized. The masked form is for accelerators: it keeps
    all weights in the session. The other is for CPUs: it takes lookup tables as inputs.

    The ``arithmetic`` is that of weight matrices: "exact" in float32, "rounded" in 8-bit integers, or "observed", exact
    with observations for rounding as further outputs. A ``plain`` graph has standard operators only, and takes every
    tensor of the checkpoint as an input.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown.
        IntegrityError: weights and config contradict each other.
    """
    builder = _builder(config, spec.head)
    linears = _LINEARS[arithmetic]()
    writer = GraphWriter(weights, builder.PREFIXES, builder.ANCHOR, linears, tables_as_inputs=not masked, plain=plain)
    shape = ["batch", "tokens"]
    feeds = {"input_ids": shape}
    mask = types = penalty = float_mask = None
    if spec.head == "classification" and builder.TELLS_TEXTS_APART:
        types = "token_type_ids"
        feeds[types] = shape
    if masked or spec.hides_tokens:
        feeds["attention_mask"] = shape
    if masked:
        mask = writer.node("Cast", "attention_mask", to=6)  # 6: INT32
        float_mask = writer.node("Cast", "attention_mask", to=1)  # 1: FLOAT
    elif spec.hides_tokens:
        penalty = heads.penalty(writer, "attention_mask")
    skipped = None
    if not spec.include_prompt:
        skipped = "prompt_tokens"
        feeds[skipped] = []
    task = None
    if spec.tasks:
        task = "task_id"
        feeds[task] = []
    inputs = Inputs(ids="input_ids", mask=mask, types=types, hides_tokens=spec.hides_tokens, task=task, penalty=penalty)
    output = _head(builder, writer, config, spec, inputs, float_mask, skipped)
    writer.refuse_unused(builder.IGNORABLE)
    observed = linears.observed if isinstance(linears, Observing) else {}
    return BuiltGraph(
        writer.finish(feeds, output, _dims(spec), dict(observed.values())),
        tuple(writer.converted),
        tuple(writer.tables),
        rounded=tuple(linears.rounded) if isinstance(linears, Rounding) else (),
        observed=observed,
    )


def _dims(spec: ModelSpec) -> list[str | int]:
    if spec.head == "attention":
        return ["batch", "tokens"]
    if spec.head == "hybrid":
        return ["batch", "tokens", spec.dim + 1]
    return ["batch", "tokens", spec.dim] if spec.head in ("tokens", "words") else ["batch", spec.dim]


def _head(
    builder: ModuleType,
    writer: GraphWriter,
    config: ConfigFile,
    spec: ModelSpec,
    inputs: Inputs,
    mask: str | None,
    skipped: str | None,
) -> str:
    """Encoder and head; ``mask`` and ``skipped`` are those of :func:`rapidembed.graph.pooling.pool`."""
    x: str
    if spec.head == "attention":
        x = builder.attention(writer, config, inputs, mask)
        return x
    if spec.head == "classification" and hasattr(builder, "classify"):
        x = builder.classify(writer, config, inputs, spec.dim, mask)
        return x
    first_only = spec.head == "classification" or (spec.head == "pool" and spec.pooling == ("cls",) and skipped is None)
    x, hidden = builder.encode(writer, config, inputs, first_only=first_only)
    if spec.head == "classification":
        return heads.classify(writer, x, hidden, spec.dim, builder.CLASSIFIER)
    if spec.head in ("tokens", "words"):
        return heads.token_vectors(writer, x, hidden, spec.dense)
    if spec.head == "hybrid":
        return heads.hybrid(writer, x, hidden)
    if spec.head == "mlm":
        x = builder.words(writer, config, x, spec.sparse or SparseWeights(), mask)
        return x
    x = x if first_only else pool(writer, x, spec.pooling, mask, skipped)
    for layer in spec.dense:
        x = modules.follow(writer, x, layer)
    return x


def _builder(config: ConfigFile, head: Head) -> ModuleType:
    kind = read_architecture(config)
    if kind not in MODULES:
        own = " (auto_map in config.json names it)" if config.values.get("auto_map") else ""
        raise UnsupportedModelError(
            f"No graph can be built for model_type {kind!r}{own}; known: {', '.join(sorted(MODULES))}. "
            "Curated models of other architectures run their ONNX file."
        )
    builder = import_module(f"rapidembed.graph.{MODULES[kind]}")
    architectures = config.values.get("architectures") or []
    if not isinstance(architectures, list):
        raise IntegrityError(f"{config.path}: expected a list of architectures, got {architectures!r}.")
    known = builder.ARCHITECTURES.get("pool" if head in ("words", "hybrid") else head, frozenset())
    if not known:
        raise UnsupportedModelError(f"No graph with the head {head!r} can be built for model_type {kind!r}.")
    if unknown := [name for name in architectures if name not in known]:
        raise UnsupportedModelError(
            f"Architecture {unknown[0]!r} is not supported here; known: {', '.join(sorted(known))}."
        )
    return builder
