"""The encoder of texts in ColPali: Gemma (https://arxiv.org/abs/2403.08295), whose tokens see both ways here."""

from rapidembed.graph.architectures.decoder import Decoder, read_decoder
from rapidembed.graph.architectures.layer_types import FULL
from rapidembed.graph.blocks.rotary import read_turns
from rapidembed.registry.config_file import ConfigFile


def read_gemma(config: ConfigFile) -> Decoder:
    """Take the fields."""
    config.require(model_type="gemma", sliding_window=None, attn_logit_softcapping=None)
    width = config.optional_positive("head_dim") or 256
    return read_decoder(
        config,
        activation="gelu_pytorch_tanh",
        width=width,
        kinds=(FULL,) * config.positive("num_hidden_layers"),
        turns={FULL: read_turns(config, width, 10_000.0)},
        offset=1.0,
        head_norms=False,
        embedding_scale=config.positive("hidden_size") ** 0.5,
    )
