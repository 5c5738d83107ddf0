"""Qwen3 (Yang et al. 2025, https://arxiv.org/abs/2505.09388), as transformers' ``Qwen3Model`` computes it."""

from rapidembed.graph.architecture import Architecture, Encode, text_classes
from rapidembed.graph.architectures import decoder
from rapidembed.graph.architectures.decoder import ANCHOR, Decoder, read_decoder
from rapidembed.graph.architectures.layer_types import FULL, read_layer_types
from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.pooling import pool
from rapidembed.graph.blocks.rotary import read_turns
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    return decoder.encode(writer, _read(config), inputs, first_only=first_only)


def classify(
    writer: GraphWriter, config: ConfigFile, inputs: TextInputs, labels: int, encode: Encode[TextInputs]
) -> str:
    """Write the encoder and its classifier, see :class:`rapidembed.graph.architecture.Classify`."""
    x, hidden = encode(writer, config, inputs, first_only=False)
    x = pool(writer, x, ("lasttoken",), inputs.real)
    return basic.linear(writer, x, writer.external("score.weight", (labels, hidden)), exact=True)


def _read(config: ConfigFile) -> Decoder:
    """Take the fields."""
    config.require(use_sliding_window=False, is_causal=True, use_bidirectional_attention=False)
    width = config.optional_positive("head_dim") or 128
    return read_decoder(
        config,
        activation="silu",
        width=width,
        kinds=read_layer_types(config, (FULL,) * config.positive("num_hidden_layers"), known=(FULL,)),
        turns={FULL: read_turns(config, width, 10_000.0)},
        causal=True,
    )


ARCHITECTURE = Architecture(
    classes=text_classes("Qwen3", heads=("classification",), trained=("CausalLM",)),
    prefixes=("", "model."),
    anchor=ANCHOR,
    ignorable=("lm_head.",),
    modality=Texts(),
    encode=encode,
    classify=classify,
)
