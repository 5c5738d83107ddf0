"""The encoder of texts in ColPali: Gemma (https://arxiv.org/abs/2403.08295), whose tokens see both ways here."""

from rapidembed.graph.architectures.decoder import Decoder
from rapidembed.graph.architectures.layer_types import FULL
from rapidembed.graph.blocks.rotary import read_turns
from rapidembed.registry.config_file import ConfigFile


def read_gemma(config: ConfigFile) -> Decoder:
    """Take the fields.

    Raises:
        UnsupportedModelError, IntegrityError: name the field and its value.
    """
    config.require(model_type="gemma", sliding_window=None, attn_logit_softcapping=None)
    hidden, heads = config.positive("hidden_size"), config.positive("num_attention_heads")
    width = config.optional_positive("head_dim") or 256
    return Decoder(
        vocab=config.positive("vocab_size"),
        hidden=hidden,
        heads=heads,
        key_heads=config.optional_positive("num_key_value_heads") or heads,
        width=width,
        intermediate=config.positive("intermediate_size"),
        kinds=(FULL,) * config.positive("num_hidden_layers"),
        turns={FULL: read_turns(config, width, 10_000.0)},
        activation=config.text("hidden_act", "gelu_pytorch_tanh"),
        epsilon=config.number("rms_norm_eps", 1e-6),
        attention_bias=config.flag("attention_bias", False),
        causal=False,
        offset=1.0,
        head_norms=False,
        embedding_scale=hidden**0.5,
    )
