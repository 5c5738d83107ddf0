"""ColModernVBERT (Teiletche et al. 2025, https://arxiv.org/abs/2510.01149): pages as SigLIP and ModernBERT see them.

As transformers' ``ColModernVBertForRetrieval`` computes it: patches of SigLIP, fewer and wider, among the tokens of a
prompt, all of which ModernBERT reads.
"""

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures import modernbert
from rapidembed.graph.architectures.vision import siglip
from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.pages import PageTokens, project, shuffle
from rapidembed.graph.blocks.patches import PictureInputs, Pictures
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import text_part, vision_part

_CLASSES = frozenset({"ColModernVBertForRetrieval"})
_TEXTS, _PICTURES = "vlm.text_model.", "vlm.vision_model."
_CONNECTOR, _PROJECTION = "vlm.connector.", "embedding_proj_layer"


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder of tokens, see :class:`rapidembed.graph.architecture.Encode`: their vectors, and that width."""
    x, hidden = modernbert.encode(writer, text_part(config), inputs, first_only=first_only)
    return project(writer, config, x, hidden, inputs, _PROJECTION)


def see(writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder of tiles: what is seen in each, (batch, tokens x hidden), and that width."""
    x, model, grid = siglip.encode_patches(writer, vision_part(config), inputs)
    factor = config.section("vlm_config").optional_positive("pixel_shuffle_factor") or 4
    hidden = text_part(config).positive("hidden_size")
    wide = model.hidden * factor**2
    x = shuffle(writer, x, grid.rows, model.hidden, factor)
    x = basic.linear(writer, x, writer.external(f"{_CONNECTOR}modality_projection.weight", (hidden, wide)), exact=True)
    width = grid.count // factor**2 * hidden
    return writer.node("Reshape", x, writer.ints(-1, width)), width


ARCHITECTURE = (
    Architecture(
        classes={"page": _CLASSES},
        prefixes=(_TEXTS,),
        anchor=modernbert.ANCHOR,
        ignorable=(_PICTURES, _CONNECTOR),
        modality=PageTokens(),
        encode=encode,
    ),
    Architecture(
        classes={"features": _CLASSES},
        prefixes=(_PICTURES, f"{_PICTURES}vision_model."),
        anchor="embeddings.patch_embedding.weight",
        ignorable=("embeddings.position_ids", "head.", _TEXTS, _PROJECTION),
        modality=Pictures(),
        encode=see,
        own_vector=True,
    ),
)
