"""An architecture as a stranger would add it, whose input is a picture: patches, a token for the class, one layer."""

from dataclasses import dataclass

from rapidembed.graph.architecture import Architecture
from rapidembed.graph.blocks import basic, layers
from rapidembed.graph.built import GraphSpec
from rapidembed.graph.inputs import GraphInputs
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

MODEL_TYPE = "patches"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureInputs(GraphInputs):
    """Names of the values that the encoder reads."""

    pixels: str


class Pictures:
    """Pixels of pictures of one size."""

    def declare(self, writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool) -> PictureInputs:
        """See :class:`rapidembed.graph.inputs.Modality`."""
        size = config.positive("image_size")
        return PictureInputs(pixels=writer.input("pixel_values", ["batch", 3, size, size], "float32"))


def encode(writer: GraphWriter, config: ConfigFile, inputs: PictureInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder: tokens are the class, then the patches."""
    patch, hidden = config.positive("patch_size"), config.positive("hidden_size")
    kernel = writer.weight("patches.weight", (hidden, 3, patch, patch))
    x = writer.node("Conv", inputs.pixels, kernel, strides=[patch, patch])
    x = writer.node("Transpose", writer.node("Reshape", x, writer.ints(0, 0, -1)), perm=[0, 2, 1])
    batch = writer.node("Concat", writer.node("Shape", x, end=1), writer.ints(1, 1), axis=0)
    first = writer.node("Expand", writer.weight("class", (1, 1, hidden)), batch)
    x = writer.node("Concat", first, x, axis=1)
    if first_only:
        return layers.linear(writer, "layer", basic.first_token(writer, x), hidden, hidden), hidden
    y = layers.linear(writer, "layer", basic.flatten(writer, x, hidden), hidden, hidden)
    return writer.node("Reshape", y, writer.node("Shape", x)), hidden


ARCHITECTURE = Architecture(
    classes={"pool": frozenset({"PatchesModel"}), "tokens": frozenset({"PatchesModel"})},
    anchor="patches.weight",
    modality=Pictures(),
    encode=encode,
)
