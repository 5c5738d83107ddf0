"""SigLIP (Zhai et al. 2023, https://arxiv.org/abs/2303.15343) and SigLIP 2 with pictures of one size."""

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures.vision.clip import Ids, embed_tokens
from rapidembed.graph.blocks import basic, layers, tower
from rapidembed.graph.blocks.patches import Grid, PictureInputs, Pictures, embed_patches, read_grid
from rapidembed.graph.blocks.self_attention import self_attention
from rapidembed.graph.blocks.tower import Names, Tower, read_tower, with_defaults
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import text_part, vision_part

_BOTH = {**tower.BASE, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6}
_PICTURE = {**_BOTH, "patch_size": 16}
_TEXT = {**_BOTH, "vocab_size": 32_000, "max_position_embeddings": 64}


def encode_pictures(
    writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool
) -> tuple[str, int]:
    """Write the encoder of pictures: their vectors, (batch, width), and width."""
    config = vision_part(config)
    config.require(vision_use_head=True)
    x, model, grid = encode_patches(writer, config, inputs)
    return _pooled(writer, model, x, writer.ints(-1, grid.count, model.hidden)), model.hidden


def encode_patches(writer: GraphWriter, config: ConfigFile, inputs: PictureInputs) -> tuple[str, Tower, Grid]:
    """Write the encoder of pictures up to its patches: (batch x patches, hidden)."""
    config = with_defaults(config, _PICTURE)
    model = read_tower(config)
    grid = read_grid(config, inputs.size)
    hidden, count = model.hidden, grid.count
    shape = writer.ints(-1, count, hidden)
    x = embed_patches(writer, inputs.pixels, grid, "embeddings.patch_embedding", hidden, bias=True)
    x = writer.node("Reshape", x, shape)
    x = writer.node("Add", x, writer.weight("embeddings.position_embedding.weight", (count, hidden)))
    x = basic.flatten(writer, x, hidden)
    x = tower.write(writer, model, x, shape, names=Names())
    return layers.norm(writer, "post_layernorm", x, hidden, model.epsilon), model, grid


def encode_texts(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder of texts: their vectors, (batch, width), and width.

    Every text must be padded to the model's positions: its vector is what the last of them sees.
    """
    config = with_defaults(text_part(config), _TEXT)
    model = read_tower(config)
    hidden = model.hidden
    x, shape = embed_tokens(writer, config, inputs.ids, hidden)
    x = tower.write(writer, model, x, shape, names=Names(), only="last")
    x = layers.norm(writer, "final_layer_norm", x, hidden, model.epsilon)
    width = config.optional_positive("projection_size") or hidden
    weight, bias = writer.weight("head.weight", (width, hidden)), writer.weight("head.bias", (width,))
    return basic.linear(writer, x, weight, bias, exact=True), width


def _pooled(writer: GraphWriter, model: Tower, x: str, shape: str) -> str:
    """What one learned query sees of all patches, and two matrices on that: (batch, hidden)."""
    hidden, name = model.hidden, "head.attention.in_proj"
    probe = basic.flatten(writer, writer.weight("head.probe", (1, 1, hidden)), hidden)

    def project(part: int, x: str, *, fine: bool = False, exact: bool = False) -> str:
        rows = (part * hidden, (part + 1) * hidden)
        weight = writer.rows(writer.full_name(f"{name}_weight"), (3 * hidden, hidden), *rows)
        bias = writer.rows(writer.full_name(f"{name}_bias"), (3 * hidden,), *rows)
        return basic.linear(writer, x, weight, bias, fine=fine, exact=exact)

    k, v = (writer.node("Reshape", project(part, x, fine=part == 2), shape) for part in (1, 2))
    q = writer.node("Unsqueeze", project(0, probe, exact=True), writer.ints(0))
    batch = writer.node("Concat", writer.node("Shape", k, end=1), writer.ints(1, 1), axis=0)
    q = writer.node("Expand", q, batch)
    attended = self_attention(writer, q, k, v, heads=model.heads, mask=None)
    x = layers.linear(writer, "head.attention.out_proj", basic.flatten(writer, attended, hidden), hidden, hidden)
    y = layers.norm(writer, "head.layernorm", x, hidden, model.epsilon)
    return writer.node("Add", x, tower.mlp(writer, model, "head.mlp.fc1", "head.mlp.fc2", y))


ARCHITECTURE = (
    Architecture(
        classes={"picture": frozenset({"SiglipModel", "SiglipVisionModel"})},
        prefixes=("vision_model.", ""),
        anchor="embeddings.patch_embedding.weight",
        ignorable=("embeddings.position_ids", "text_model.", "logit_scale", "logit_bias"),
        modality=Pictures(),
        encode=encode_pictures,
        own_vector=True,
    ),
    Architecture(
        classes={"pool": frozenset({"SiglipModel", "SiglipTextModel"})},
        prefixes=("text_model.", ""),
        anchor="embeddings.token_embedding.weight",
        ignorable=("embeddings.position_ids", "vision_model.", "logit_scale", "logit_bias"),
        modality=Ids(),
        encode=encode_texts,
        own_vector=True,
    ),
)
