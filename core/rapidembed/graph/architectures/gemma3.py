"""EmbeddingGemma (Schechter Vera et al. 2025, https://arxiv.org/abs/2509.20354): Gemma 3 whose tokens see both ways.

As transformers' ``Gemma3TextModel`` computes it with ``use_bidirectional_attention``.
"""

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures import decoder
from rapidembed.graph.architectures.decoder import ANCHOR, Decoder
from rapidembed.graph.architectures.layer_types import FULL, LOCAL, read_layer_types
from rapidembed.graph.blocks.rotary import read_turns
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_ENCODERS = frozenset({"Gemma3TextModel"})


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    return decoder.encode(writer, _read(config), inputs, first_only=first_only)


def _read(config: ConfigFile) -> Decoder:
    """Take the fields.

    Raises:
        UnsupportedModelError, IntegrityError: name the field and its value.
    """
    config.require(attn_logit_softcapping=None, rope_scaling=None)
    if config.values.get("use_bidirectional_attention") is not True:
        raise UnsupportedModelError(
            f"{config.path}: only use_bidirectional_attention=True is supported, as EmbeddingGemma has it."
        )
    hidden = config.positive("hidden_size")
    width = config.optional_positive("head_dim") or 256
    reach = config.positive("sliding_window") // 2
    if reach < 1:
        raise UnsupportedModelError(f"{config.path}: sliding_window=1 is not supported; known: 2 and more.")
    every = config.optional_positive("sliding_window_pattern") or 6
    kinds = tuple(LOCAL if layer % every else FULL for layer in range(1, config.positive("num_hidden_layers") + 1))
    return Decoder(
        vocab=config.positive("vocab_size"),
        hidden=hidden,
        heads=config.positive("num_attention_heads"),
        key_heads=config.positive("num_key_value_heads"),
        width=width,
        intermediate=config.positive("intermediate_size"),
        kinds=read_layer_types(config, kinds),
        turns={
            FULL: read_turns(config, width, 1_000_000.0, kind=FULL),
            LOCAL: read_turns(config, width, 10_000.0, name="rope_local_base_freq", kind=LOCAL),
        },
        activation=config.text("hidden_activation", "gelu_pytorch_tanh"),
        epsilon=config.number("rms_norm_eps", 1e-6),
        attention_bias=config.flag("attention_bias", False),
        causal=False,
        reach=reach,
        sandwiched=True,
        offset=1.0,
        embedding_scale=hidden**0.5,
        scale=config.number("query_pre_attn_scalar", 256) ** -0.5,
    )


ARCHITECTURE = Architecture(
    classes={
        "pool": _ENCODERS,
        "tokens": _ENCODERS,
    },
    prefixes=("", "model."),
    anchor=ANCHOR,
    ignorable=("lm_head.",),
    modality=Texts(),
    encode=encode,
)
