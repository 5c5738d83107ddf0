"""The Vision Transformer (Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929), as ``ViTModel`` computes it."""

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.blocks import basic, layers, tower
from rapidembed.graph.blocks.patches import PictureInputs, Pictures, embed_patches, prepend, read_grid
from rapidembed.graph.blocks.tower import Names, Tower, read_tower, with_defaults
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_PICTURE = {**tower.BASE, "hidden_act": "gelu", "patch_size": 16, "layer_norm_eps": 1e-12}
NAMES = Names(
    layer="encoder.layer.{}.",
    before_attention="layernorm_before",
    query="attention.attention.query",
    key="attention.attention.key",
    value="attention.attention.value",
    attended="attention.output.dense",
    before_inner="layernorm_after",
    inner="intermediate.dense",
    outer="output.dense",
)


def encode(writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    config = with_defaults(config, _PICTURE)
    model = read_tower(config)
    grid = read_grid(config, inputs.size)
    hidden = model.hidden
    x = embed_patches(writer, inputs.pixels, grid, "embeddings.patch_embeddings.projection", hidden, bias=True)
    x = prepend(writer, x, writer.weight("embeddings.cls_token", (1, 1, hidden)), count=grid.count, hidden=hidden)
    x = writer.node("Add", x, writer.weight("embeddings.position_embeddings", (1, grid.count + 1, hidden)))
    return finished(writer, model, x, grid.count + 1, NAMES, first_only=first_only)


def finished(
    writer: GraphWriter, model: Tower, x: str, tokens: int, names: Names, *, first_only: bool
) -> tuple[str, int]:
    """The layers and their norm, from (batch, tokens, hidden); see :class:`rapidembed.graph.architecture.Encode`."""
    hidden, shape = model.hidden, writer.ints(-1, tokens, model.hidden)
    x = basic.flatten(writer, x, hidden)
    x = tower.write(writer, model, x, shape, names=names, only="first" if first_only else "all")
    x = layers.norm(writer, "layernorm", x, hidden, model.epsilon)
    return (x if first_only else writer.node("Reshape", x, shape)), hidden


ARCHITECTURE = Architecture(
    classes={"picture": frozenset({"ViTModel", "ViTForImageClassification", "ViTForMaskedImageModeling"})},
    prefixes=("", "vit."),
    anchor="embeddings.patch_embeddings.projection.weight",
    ignorable=("pooler.", "classifier.", "decoder.", "embeddings.mask_token"),
    modality=Pictures(),
    encode=encode,
)
