"""Puts an architecture and the heads together into one serialized graph. Imported only when a graph is built."""

from importlib import import_module

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph import extent as extents
from rapidembed.graph.architecture import Architecture, Read
from rapidembed.graph.architectures import CONVOLUTIONS, MODULES
from rapidembed.graph.blocks import heads, modules
from rapidembed.graph.blocks.pooling import pool
from rapidembed.graph.built import BuiltGraph, Extent, GraphSpec, Numbers
from rapidembed.graph.inputs import GraphInputs
from rapidembed.graph.layout import Layout, refuse
from rapidembed.graph.linears import ExactLinears, IntegerLinears, ObservedLinears
from rapidembed.graph.weights import Weights
from rapidembed.graph.writer import GraphWriter, Linears
from rapidembed.names import HeadName
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.heads import HEADS, output_shape
from rapidembed.registry.own_code import read_architecture

_LINEARS: dict[Numbers, type[Linears]] = {
    "exact": ExactLinears,
    "rounded": IntegerLinears,
    "observed": ObservedLinears,
}


def build(
    config: ConfigFile,
    weights: Weights,
    spec: GraphSpec,
    *,
    masked: bool,
    numbers: Numbers = "exact",
    plain: bool = False,
    extent: Extent = "first",
) -> BuiltGraph:
    """Build the graph of an encoder with its head.

    Inputs are those of the architecture. For texts: ``input_ids``; for pairs, where the model tells the texts apart,
    ``token_type_ids``; if ``masked``, or where tokens of a text are hidden from the others, ``attention_mask`` (int64,
    1 for tokens that are seen, the others on the right); where prompts are left out of pooling, ``prompt_tokens``, and
    where there are adapters, ``task_id``, numbers. The output is ``embedding``, float32, not normalized, of the shape
    that :func:`rapidembed.registry.heads.output_shape` gives; :func:`rapidembed.graph.blocks.heads.hybrid` says where
    is what. The masked form is for accelerators: it keeps all weights in the session. The other is for CPUs: it takes
    lookup tables as inputs.

    With the ``extent`` "head" there is one input, :data:`rapidembed.graph.layout.HIDDEN`, beside ``prompt_tokens``.

    A ``plain`` graph has standard operators only, and takes every tensor of the checkpoint as an input.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown.
        IntegrityError: weights and config contradict each other.
    """
    architecture = _find(config, spec.head)
    if numbers != "exact" and read_architecture(config) in CONVOLUTIONS:
        raise UnsupportedModelError(
            f"{config.path}: a model of convolutions has no weights of 8 bits; leave precision out."
        )
    linears = _LINEARS[numbers]()
    writer = GraphWriter(
        weights, architecture.prefixes, architecture.anchor, linears, tables_as_inputs=not masked, plain=plain
    )
    output = _write(extents.cut(architecture, extent), writer, config, spec, masked=masked)
    if extent != "head":
        writer.refuse_unused(architecture.ignorable)
    observed = linears.observed if isinstance(linears, ObservedLinears) else {}
    return BuiltGraph(
        writer.finish(output, output_shape(spec, "batch", "tokens"), dict(observed.values())),
        tuple(writer.converted),
        tuple(writer.tables),
        rounded=tuple(linears.rounded) if isinstance(linears, IntegerLinears) else (),
        observed=observed,
    )


def _write(
    architecture: Architecture[Read], writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool
) -> str:
    """Inputs, encoder and head."""
    inputs = architecture.modality.declare(writer, config, spec, masked=masked)
    if spec.head == "attention" and architecture.attention:
        return architecture.attention(writer, config, inputs)
    if spec.head == "classification" and architecture.classify:
        return architecture.classify(writer, config, inputs, spec.dim, architecture.encode)
    x, hidden = architecture.encode(writer, config, inputs, first_only=spec.first_only)
    if spec.head == "classification" and architecture.classifier:
        return heads.classify(writer, x, hidden, spec.dim, architecture.classifier)
    if spec.head == "mlm" and architecture.mlm:
        return architecture.mlm(writer, config, x, spec.sparse or SparseWeights(), inputs.real)
    if spec.head == "hybrid":
        return heads.hybrid(writer, x, hidden)
    if HEADS[spec.head].per_token:
        return heads.token_vectors(writer, x, hidden, spec.dense)
    if architecture.own_vector and spec.pooling != ("none",):
        raise UnsupportedModelError(
            f"{config.path}: the model makes one vector of an input itself; pooling {', '.join(spec.pooling)} is for "
            "vectors of tokens."
        )
    x = x if spec.first_only or architecture.own_vector else pool(writer, x, spec.pooling, inputs.real, inputs.skipped)
    for layer in spec.dense:
        x = modules.follow(writer, x, layer)
    return x


def find_layout(config: ConfigFile, weights: Weights, head: HeadName) -> tuple[Layout, str]:
    """The encoder of a checkpoint as data, and what stands before its tensors' names.

    Raises:
        UnsupportedModelError: the architecture or one of its values is unknown, or no layout can tell it.
    """
    architecture = _find(config, head)
    prefix = next((each for each in architecture.prefixes if each + architecture.anchor in weights), "")
    if architecture.layout is None:
        raise refuse(f"model_type {read_architecture(config)!r}")
    return architecture.layout(config, lambda name: prefix + name in weights), prefix


def _find(config: ConfigFile, head: HeadName) -> Architecture[GraphInputs]:
    """The architecture of a checkpoint that is one of its classes for the head."""
    kind = read_architecture(config)
    if kind not in MODULES:
        own = " (auto_map in config.json names it)" if config.values.get("auto_map") else ""
        raise UnsupportedModelError(
            f"No graph can be built for model_type {kind!r}{own}; known: {', '.join(sorted(MODULES))}. "
            "Curated models of other architectures run their ONNX file."
        )
    named = getattr(import_module(MODULES[kind]), "ARCHITECTURE", None)
    towers: tuple[Architecture[GraphInputs], ...] = named if isinstance(named, tuple) else (named,)
    for each in towers:
        if not isinstance(each, Architecture):
            raise TypeError(f"{MODULES[kind]} should have an Architecture called ARCHITECTURE, got {each!r}.")
    found = next((each for each in towers if HEADS[head].classes_of in each.classes), towers[0])
    names = config.names("architectures")
    known = found.classes.get(HEADS[head].classes_of, frozenset())
    if not known:
        raise UnsupportedModelError(f"No graph with the head {head!r} can be built for model_type {kind!r}.")
    if unknown := [name for name in names if name not in known]:
        raise UnsupportedModelError(
            f"Architecture {unknown[0]!r} is not supported here; known: {', '.join(sorted(known))}."
        )
    return found
