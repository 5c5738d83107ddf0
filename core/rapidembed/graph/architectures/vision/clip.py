"""CLIP (Radford et al. 2021, https://arxiv.org/abs/2103.00020), as transformers' ``CLIPModel`` computes it."""

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.blocks import basic, layers, tower
from rapidembed.graph.blocks.patches import PictureInputs, Pictures, embed_patches, prepend, read_grid
from rapidembed.graph.blocks.tower import Names, read_tower, with_defaults
from rapidembed.graph.built import GraphSpec
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_FIRST_WRONG_END = 2
"""What early configs say is the last token, which never was it: the token of the highest number is."""
_PICTURE = {**tower.BASE, "patch_size": 32, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
_TEXT = {
    "vocab_size": 49_408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "eos_token_id": 49_407,
}


class Ids:
    """The :class:`rapidembed.graph.inputs.Modality` of texts that no padding changes, or that all are as long."""

    def declare(self, writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool) -> TextInputs:
        """See :meth:`rapidembed.graph.inputs.Modality.declare`."""
        return TextInputs(ids=writer.input("input_ids", ("batch", "tokens")))


def encode_pictures(
    writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool
) -> tuple[str, int]:
    """Write the encoder of pictures: their vectors, (batch, width), and width."""
    whole, config = config, with_defaults(_part(config, "vision_config"), _PICTURE)
    model = read_tower(config)
    grid = read_grid(config, inputs.size)
    hidden, tokens = model.hidden, grid.count + 1
    x = embed_patches(writer, inputs.pixels, grid, "embeddings.patch_embedding", hidden, bias=False)
    x = prepend(writer, x, writer.weight("embeddings.class_embedding", (hidden,)), count=grid.count, hidden=hidden)
    x = writer.node("Add", x, writer.weight("embeddings.position_embedding.weight", (tokens, hidden)))
    x = layers.norm(writer, "pre_layrnorm", x, hidden, model.epsilon)
    x = basic.flatten(writer, x, hidden)
    x = tower.write(writer, model, x, writer.ints(-1, tokens, hidden), names=Names(), only="first")
    x = layers.norm(writer, "post_layernorm", x, hidden, model.epsilon)
    return _projected(writer, whole, "visual_projection.weight", x, hidden)


def encode_texts(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder of texts: their vectors, (batch, width), and width.

    Padding behind a text changes nothing: no token sees those behind it.
    """
    whole, config = config, with_defaults(_part(config, "text_config"), _TEXT)
    model = read_tower(config, causal=True)
    hidden = model.hidden
    x, shape = embed_tokens(writer, config, inputs.ids, hidden)
    x = tower.write(writer, model, x, shape, names=Names())
    x = writer.node("GatherND", writer.node("Reshape", x, shape), _end(writer, config, inputs.ids), batch_dims=1)
    x = layers.norm(writer, "final_layer_norm", x, hidden, model.epsilon)
    return _projected(writer, whole, "text_projection.weight", x, hidden)


def embed_tokens(writer: GraphWriter, config: ConfigFile, ids: str, hidden: int) -> tuple[str, str]:
    """Words and positions, (batch x tokens, hidden), and the shape (batch, tokens, hidden) as a value."""
    words = writer.table("embeddings.token_embedding.weight", (config.positive("vocab_size"), hidden))
    positions = config.positive("max_position_embeddings")
    table = writer.weight("embeddings.position_embedding.weight", (positions, hidden))
    places = basic.leading_rows(writer, table, writer.node("Shape", ids, start=1, end=2))
    x = writer.node("Add", basic.lookup(writer, words, ids), places)
    return basic.flatten(writer, x, hidden), writer.node("Shape", x)


def _end(writer: GraphWriter, config: ConfigFile, ids: str) -> str:
    """Where each text ends: int64 (batch, 1)."""
    end = config.count("eos_token_id", 0)
    marks = ids if end == _FIRST_WRONG_END else writer.node("Equal", ids, basic.number(writer, end))
    return writer.node("ArgMax", writer.node("Cast", marks, to=6), axis=1, keepdims=1)  # 6: INT32


def _part(config: ConfigFile, name: str) -> ConfigFile:
    """The config of one encoder; early files say some of it a second time, and that counts."""
    if name not in config.values:
        return config
    values = config.section(name).values | config.section(f"{name}_dict").values
    return ConfigFile(config.path, values)


def _projected(writer: GraphWriter, config: ConfigFile, name: str, x: str, hidden: int) -> tuple[str, int]:
    """Into the space that pictures and texts share, unless the checkpoint has only an encoder."""
    if not writer.holds(name):
        return x, hidden
    width = config.optional_positive("projection_dim") or 512
    return basic.linear(writer, x, writer.external(name, (width, hidden)), exact=True), width


ARCHITECTURE = (
    Architecture(
        classes={"picture": frozenset({"CLIPModel", "CLIPVisionModel", "CLIPVisionModelWithProjection"})},
        prefixes=("vision_model.", ""),
        anchor="embeddings.patch_embedding.weight",
        ignorable=("embeddings.position_ids", "text_model.", "text_projection.", "logit_scale"),
        modality=Pictures(),
        encode=encode_pictures,
        own_vector=True,
    ),
    Architecture(
        classes={"pool": frozenset({"CLIPModel", "CLIPTextModel", "CLIPTextModelWithProjection"})},
        prefixes=("text_model.", ""),
        anchor="embeddings.token_embedding.weight",
        ignorable=("embeddings.position_ids", "vision_model.", "visual_projection.", "logit_scale"),
        modality=Ids(),
        encode=encode_texts,
        own_vector=True,
    ),
)
