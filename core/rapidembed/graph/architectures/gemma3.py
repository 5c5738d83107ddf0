"""EmbeddingGemma (Schechter Vera et al. 2025, https://arxiv.org/abs/2509.20354): Gemma 3 whose tokens see both ways.

As transformers' ``Gemma3TextModel`` computes it with ``use_bidirectional_attention``.
"""

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures import decoder
from rapidembed.graph.architectures.decoder import ANCHOR, Decoder, read_decoder
from rapidembed.graph.architectures.layer_types import FULL, LOCAL, read_layer_types
from rapidembed.graph.blocks.rotary import read_turns
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    return decoder.encode(writer, _read(config), inputs, first_only=first_only)


def _read(config: ConfigFile) -> Decoder:
    """Take the fields."""
    config.require(attn_logit_softcapping=None, rope_scaling=None)
    if config.values.get("use_bidirectional_attention") is not True:
        raise UnsupportedModelError(
            f"{config.path}: only use_bidirectional_attention=True is supported, as EmbeddingGemma has it."
        )
    width = config.optional_positive("head_dim") or 256
    reach = config.positive("sliding_window") // 2
    if reach < 1:
        raise UnsupportedModelError(f"{config.path}: sliding_window=1 is not supported; known: 2 and more.")
    config.positive("num_key_value_heads")  # which the others may leave out
    every = config.optional_positive("sliding_window_pattern") or 6
    kinds = tuple(LOCAL if layer % every else FULL for layer in range(1, config.positive("num_hidden_layers") + 1))
    return read_decoder(
        config,
        activation_field="hidden_activation",
        activation="gelu_pytorch_tanh",
        width=width,
        kinds=read_layer_types(config, kinds),
        turns={
            FULL: read_turns(config, width, 1_000_000.0, kind=FULL),
            LOCAL: read_turns(config, width, 10_000.0, name="rope_local_base_freq", kind=LOCAL),
        },
        reach=reach,
        sandwiched=True,
        offset=1.0,
        embedding_scale=config.positive("hidden_size") ** 0.5,
        scale=config.number("query_pre_attn_scalar", 256) ** -0.5,
    )


ARCHITECTURE = Architecture(
    classes=text_classes("Gemma3Text", trained=()),
    prefixes=("", "model."),
    anchor=ANCHOR,
    ignorable=("lm_head.",),
    modality=Texts(),
    encode=encode,
)
