"""From pictures to tokens among those of a text."""

from dataclasses import dataclass, replace

from rapidembed.graph.blocks import basic
from rapidembed.graph.built import GraphSpec
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import text_part

FEATURES = "features"
"""Input of an encoder of pages: what was seen in their pictures, float32 (1 + tokens of pictures, hidden); the first
row stands for nothing."""
PLACES = "places"
"""Input of such an encoder: for each token the row of :data:`FEATURES` that it stands for, int64 (batch, tokens); 0: it
stands for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTokens:
    """The :class:`rapidembed.graph.inputs.Modality` of token ids, some of which stand for parts of pictures."""

    def declare(self, writer: GraphWriter, config: ConfigFile, spec: GraphSpec, *, masked: bool) -> TextInputs:
        """See :meth:`rapidembed.graph.inputs.Modality.declare`."""
        texts = Texts().declare(writer, config, spec, masked=masked)
        hidden = text_part(config).positive("hidden_size")
        features = writer.input(FEATURES, ["seen", hidden], "float32")
        places = writer.input(PLACES, ["batch", "tokens"])
        return replace(texts, features=features, places=places)


def splice(writer: GraphWriter, x: str, inputs: TextInputs) -> str:
    """Put what was seen, if anything was, in the place of the tokens that stand for it; ``x`` are their own vectors."""
    if inputs.features is None:
        return x
    seen = writer.node("Unsqueeze", writer.node("Greater", inputs.places, basic.number(writer, 0)), writer.ints(2))
    return writer.node("Where", seen, basic.lookup(writer, inputs.features, inputs.places), x)


def project(
    writer: GraphWriter, config: ConfigFile, x: str, hidden: int, inputs: TextInputs, name: str
) -> tuple[str, int]:
    """The linear layer ``name`` on every token: (batch, tokens, width), not normalized, and width."""
    width = config.optional_positive("embedding_dim") or 128
    weight, bias = writer.external(f"{name}.weight", (width, hidden)), writer.external(f"{name}.bias", (width,))
    x = basic.linear(writer, basic.flatten(writer, x, hidden), weight, bias, exact=True)
    shape = writer.node("Concat", writer.node("Shape", inputs.ids), writer.ints(width), axis=0)
    return writer.node("Reshape", x, shape), width


def shuffle(writer: GraphWriter, x: str, side: int, width: int, factor: int) -> str:
    """Patches, (batch x side x side, width), as fewer and wider ones: (batch x patches, width x factor x factor).

    Each is ``factor`` rows of as many patches, one after another.
    """
    fewer = side // factor
    x = writer.node("Reshape", x, writer.ints(-1, fewer, factor, fewer, factor * width))
    x = writer.node("Transpose", x, perm=[0, 1, 3, 2, 4])
    return basic.flatten(writer, x, width * factor * factor)
