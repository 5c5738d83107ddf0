"""DINOv2 (Oquab et al. 2023, https://arxiv.org/abs/2304.07193), as transformers' ``Dinov2Model`` computes it.

Also with registers (Darcet et al. 2023, https://arxiv.org/abs/2309.16588).
"""

from dataclasses import replace

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.architectures.vision import vit
from rapidembed.graph.blocks import basic
from rapidembed.graph.blocks.patches import (
    Grid,
    PictureInputs,
    Pictures,
    embed_patches,
    prepend,
    read_grid,
    read_side,
    resample_positions,
)
from rapidembed.graph.blocks.tower import BASE, Names, Tower, read_tower, with_defaults
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_PICTURE = {**BASE, "hidden_act": "gelu", "patch_size": 14, "layer_norm_eps": 1e-6}
_NAMES = replace(
    vit.NAMES,
    before_attention="norm1",
    attended_scale="layer_scale1.lambda1",
    before_inner="norm2",
    inner="mlp.fc1",
    outer="mlp.fc2",
    outer_scale="layer_scale2.lambda1",
)
_GATED = replace(_NAMES, inner="mlp.weights_in", outer="mlp.weights_out")


def encode(writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`; pictures may be of any size."""
    config = with_defaults(config, _PICTURE)
    model = _read(config)
    grid = read_grid(config, inputs.size, any_size=True)
    hidden = model.hidden
    x = embed_patches(writer, inputs.pixels, grid, "embeddings.patch_embeddings.projection", hidden, bias=True)
    with_registers = config.text("model_type", "") == "dinov2_with_registers"
    first, places = _positions(writer, config, grid, hidden, antialias=with_registers)
    x = writer.node("Reshape", x, writer.ints(-1, grid.count, hidden))
    x = writer.node("Add", x, places)
    tokens = [writer.node("Add", writer.weight("embeddings.cls_token", (1, 1, hidden)), first)]
    registers = 0
    if with_registers:
        registers = config.count("num_register_tokens", 4)
        tokens.append(writer.weight("embeddings.register_tokens", (1, registers, hidden)))
    x = prepend(writer, x, *tokens, count=grid.count, hidden=hidden)
    names: Names = _GATED if model.gated else _NAMES
    return vit.finished(writer, model, x, 1 + registers + grid.count, names, first_only=first_only)


def _read(config: ConfigFile) -> Tower:
    """Take the fields; of the width inside a gated layer takes two thirds, rounded up to a multiple of 8."""
    hidden = config.positive("hidden_size")
    inner = int(hidden * config.number("mlp_ratio", 4))
    gated = config.flag("use_swiglu_ffn", False)
    if gated:
        inner = (int(inner * 2 / 3) + 7) // 8 * 8
    values = {**config.values, "intermediate_size": inner}
    model = read_tower(ConfigFile(config.path, values))
    return replace(model, gated=True, activation="silu") if gated else model


def _positions(writer: GraphWriter, config: ConfigFile, grid: Grid, hidden: int, *, antialias: bool) -> tuple[str, str]:
    """Of the first token, and of the patches, which are learned for one size and resampled for others."""
    side = read_side(config, "image_size") // read_side(config, "patch_size")
    table = writer.weight("embeddings.position_embeddings", (1, side * side + 1, hidden))
    table = basic.flatten(writer, table, hidden)
    first = writer.node("Slice", table, writer.ints(0), writer.ints(1), writer.ints(0))
    places = writer.node("Slice", table, writer.ints(1), writer.ints(side * side + 1), writer.ints(0))
    return first, resample_positions(writer, places, hidden, side, grid, antialias=antialias)


ARCHITECTURE = Architecture(
    classes={
        "picture": frozenset(
            {
                *("Dinov2Model", "Dinov2ForImageClassification"),
                *("Dinov2WithRegistersModel", "Dinov2WithRegistersForImageClassification"),
            }
        )
    },
    prefixes=("", "dinov2.", "dinov2_with_registers."),
    anchor="embeddings.patch_embeddings.projection.weight",
    ignorable=("classifier.", "embeddings.mask_token"),
    modality=Pictures(),
    encode=encode,
)
