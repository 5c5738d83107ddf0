"""SigLIP (Zhai et al. 2023, https://arxiv.org/abs/2303.15343) and SigLIP 2 with pictures of one size."""

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph import blocks, layers
from rapidembed.graph.vision import tower
from rapidembed.graph.vision.clip import embed_tokens
from rapidembed.graph.vision.patches import embed_patches, read_grid
from rapidembed.graph.vision.tower import Names, Tower, read_tower, with_defaults
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

PICTURES = frozenset({"SiglipModel", "SiglipVisionModel"})
TEXTS = frozenset({"SiglipModel", "SiglipTextModel"})
PICTURE_PREFIXES, PICTURE_ANCHOR = ("vision_model.", ""), "embeddings.patch_embedding.weight"
TEXT_PREFIXES, TEXT_ANCHOR = ("text_model.", ""), "embeddings.token_embedding.weight"
PICTURE_IGNORABLE = ("embeddings.position_ids", "text_model.", "logit_scale", "logit_bias")
TEXT_IGNORABLE = ("embeddings.position_ids", "vision_model.", "logit_scale", "logit_bias")

_BOTH = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "gelu_pytorch_tanh",
    "layer_norm_eps": 1e-6,
}
_PICTURE = {**_BOTH, "image_size": 224, "patch_size": 16}
_TEXT = {**_BOTH, "vocab_size": 32_000, "max_position_embeddings": 64}


def picture(writer: GraphWriter, config: ConfigFile, size: tuple[int, int] | None) -> tuple[str, int]:
    """Write the encoder of pictures, see :func:`rapidembed.graph.vision.clip.picture`."""
    config = with_defaults(_part(config, "vision_config"), _PICTURE)
    config.require(vision_use_head=True)
    model = read_tower(config)
    grid = read_grid(config, size)
    hidden, count = model.hidden, grid.count
    shape = writer.ints(-1, count, hidden)
    x = embed_patches(writer, grid, "embeddings.patch_embedding", hidden, bias=True)
    x = writer.node("Reshape", x, shape)
    x = writer.node("Add", x, writer.weight("embeddings.position_embedding.weight", (count, hidden)))
    x = blocks.flatten(writer, x, hidden)
    x = tower.write(writer, model, x, shape, names=Names())
    x = layers.norm(writer, "post_layernorm", x, hidden, model.epsilon)
    return _pooled(writer, model, x, shape), hidden


def text(writer: GraphWriter, config: ConfigFile, ids: str) -> tuple[str, int]:
    """Write the encoder of texts, see :func:`rapidembed.graph.vision.clip.text`.

    Every text must be padded to the model's positions: its vector is what the last of them sees.
    """
    config = with_defaults(_part(config, "text_config"), _TEXT)
    model = read_tower(config)
    hidden = model.hidden
    x, shape = embed_tokens(writer, config, ids, hidden)
    x = tower.write(writer, model, x, shape, names=Names(), only="last")
    x = layers.norm(writer, "final_layer_norm", x, hidden, model.epsilon)
    width = config.optional_positive("projection_size") or hidden
    weight, bias = writer.weight("head.weight", (width, hidden)), writer.weight("head.bias", (width,))
    return blocks.linear(writer, x, weight, bias, exact=True), width


def _pooled(writer: GraphWriter, model: Tower, x: str, shape: str) -> str:
    """What one learned query sees of all patches, and two matrices on that: (batch, hidden)."""
    hidden, name = model.hidden, "head.attention.in_proj"
    probe = blocks.flatten(writer, writer.weight("head.probe", (1, 1, hidden)), hidden)

    def project(part: int, x: str, *, fine: bool = False, exact: bool = False) -> str:
        rows = (part * hidden, (part + 1) * hidden)
        weight = writer.rows(writer.full_name(f"{name}_weight"), (3 * hidden, hidden), *rows)
        bias = writer.rows(writer.full_name(f"{name}_bias"), (3 * hidden,), *rows)
        return blocks.linear(writer, x, weight, bias, fine=fine, exact=exact)

    k, v = (writer.node("Reshape", project(part, x, fine=part == 2), shape) for part in (1, 2))
    q = writer.node("Unsqueeze", project(0, probe, exact=True), writer.ints(0))
    batch = writer.node("Concat", writer.node("Shape", k, end=1), writer.ints(1, 1), axis=0)
    q = writer.node("Expand", q, batch)
    attended = blocks.self_attention(writer, q, k, v, heads=model.heads, mask=None)
    x = layers.linear(writer, "head.attention.out_proj", blocks.flatten(writer, attended, hidden), hidden, hidden)
    y = layers.norm(writer, "head.layernorm", x, hidden, model.epsilon)
    return writer.node("Add", x, tower.mlp(writer, model, "head.mlp.fc1", "head.mlp.fc2", y))


def _part(config: ConfigFile, name: str) -> ConfigFile:
    if config.text("model_type", "").startswith("siglip2"):
        raise UnsupportedModelError(
            f"{config.path}: model_type 'siglip2' reads pictures of any shape (naflex), which is not supported; "
            "known: 'siglip', with pictures of one size."
        )
    return config.section(name) if name in config.values else config
