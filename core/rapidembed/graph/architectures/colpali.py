"""ColPali (Faysse et al. 2024, https://arxiv.org/abs/2407.01449): pages as SigLIP and Gemma see them, in PaliGemma.

As transformers' ``ColPaliForRetrieval`` computes it.
"""

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures import decoder
from rapidembed.graph.architectures.gemma import read_gemma
from rapidembed.graph.architectures.vision import siglip
from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.pages import PageTokens, project
from rapidembed.graph.blocks.patches import PictureInputs, Pictures
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import text_part, vision_part

_CLASSES = frozenset({"ColPaliForRetrieval"})
_BEFORE = ("vlm.", "vlm.model.")
"""What stands before the parts of PaliGemma, by the version of transformers that saved it."""
_TEXTS, _PICTURES, _PROJECTOR = (
    tuple(before + part for before in _BEFORE)
    for part in ("language_model.", "vision_tower.", "multi_modal_projector.")
)
_PROJECTION = "embedding_proj_layer"


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder of tokens, see :class:`rapidembed.graph.architecture.Encode`: their vectors, and that width."""
    x, hidden = decoder.encode(writer, read_gemma(text_part(config)), inputs, first_only=first_only)
    return project(writer, config, x, hidden, inputs, _PROJECTION)


def see(writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder of pictures: what is seen in each, (batch, tokens x hidden), and that width."""
    x, model, grid = siglip.encode_patches(writer, vision_part(config), inputs)
    hidden = text_part(config).positive("hidden_size")
    weight, bias = (
        writer.external(writer.find(*(f"{before}linear.{part}" for before in _PROJECTOR)), shape)
        for part, shape in (("weight", (hidden, model.hidden)), ("bias", (hidden,)))
    )
    x = basic.linear(writer, x, weight, bias, exact=True)
    width = grid.count * hidden
    return writer.node("Reshape", x, writer.ints(-1, width)), width


ARCHITECTURE = (
    Architecture(
        classes={"page": _CLASSES},
        prefixes=(*_TEXTS, "vlm.language_model.model."),
        anchor=decoder.ANCHOR,
        ignorable=(*_PICTURES, *_PROJECTOR, "lm_head.", "vlm.lm_head.", "vlm.language_model.lm_head."),
        modality=PageTokens(),
        encode=encode,
    ),
    Architecture(
        classes={"features": _CLASSES},
        prefixes=(*_PICTURES, *(f"{before}vision_model." for before in _PICTURES)),
        anchor="embeddings.patch_embedding.weight",
        ignorable=("embeddings.position_ids", "head.", *_TEXTS, "vlm.lm_head.", _PROJECTION),
        modality=Pictures(),
        encode=see,
        own_vector=True,
    ),
)
