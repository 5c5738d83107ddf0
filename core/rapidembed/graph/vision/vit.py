"""The Vision Transformer (Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929), as ``ViTModel`` computes it."""

from rapidembed.graph import blocks, layers
from rapidembed.graph.pooling import pool
from rapidembed.graph.vision import tower
from rapidembed.graph.vision.patches import embed_patches, prepend, read_grid
from rapidembed.graph.vision.tower import Names, Tower, read_tower, with_defaults
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.types import PoolingMode

PICTURES = frozenset({"ViTModel", "ViTForImageClassification", "ViTForMaskedImageModeling"})
PICTURE_PREFIXES, PICTURE_ANCHOR = ("", "vit."), "embeddings.patch_embeddings.projection.weight"
PICTURE_IGNORABLE = ("pooler.", "classifier.", "decoder.", "embeddings.mask_token")

DEFAULTS = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "hidden_act": "gelu",
}
_PICTURE = {**DEFAULTS, "intermediate_size": 3072, "patch_size": 16, "layer_norm_eps": 1e-12}
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


def picture(
    writer: GraphWriter, config: ConfigFile, size: tuple[int, int] | None, pooling: tuple[PoolingMode, ...] = ("cls",)
) -> tuple[str, int]:
    """Write the encoder, see :func:`rapidembed.graph.vision.clip.picture`; ``pooling`` is of all its tokens."""
    config = with_defaults(config, _PICTURE)
    model = read_tower(config)
    grid = read_grid(config, size)
    hidden = model.hidden
    x = embed_patches(writer, grid, "embeddings.patch_embeddings.projection", hidden, bias=True)
    x = prepend(writer, x, writer.weight("embeddings.cls_token", (1, 1, hidden)), count=grid.count, hidden=hidden)
    x = writer.node("Add", x, writer.weight("embeddings.position_embeddings", (1, grid.count + 1, hidden)))
    return pooled(writer, model, x, grid.count + 1, NAMES, pooling)


def pooled(
    writer: GraphWriter, model: Tower, x: str, tokens: int, names: Names, pooling: tuple[PoolingMode, ...]
) -> tuple[str, int]:
    """The layers, their norm, and a vector of their tokens.

    Args:
        writer: takes the nodes.
        model: what the layers are.
        x: (batch, tokens, hidden).
        tokens: how many a picture has.
        names: of the tensors.
        pooling: how the vector is made.
    """
    hidden, shape = model.hidden, writer.ints(-1, tokens, model.hidden)
    first = pooling == ("cls",)
    x = blocks.flatten(writer, x, hidden)
    x = tower.write(writer, model, x, shape, names=names, only="first" if first else "all")
    x = layers.norm(writer, "layernorm", x, hidden, model.epsilon)
    return (x if first else pool(writer, writer.node("Reshape", x, shape), pooling, None)), hidden * len(pooling)
