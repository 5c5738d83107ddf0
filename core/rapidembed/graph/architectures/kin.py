"""Encoders of BERT's family that differ from it in data only, each as a graph and as data."""

from collections.abc import Callable
from dataclasses import dataclass

from rapidembed.graph.architectures import encoder
from rapidembed.graph.architectures.encoder import ANCHOR, BertSizes, Bias, LayerNames, Layers, read_bert
from rapidembed.graph.blocks import basic, layers
from rapidembed.graph.inputs import TextInputs
from rapidembed.graph.layout import LayerLayout, Layout, Relative, Rows
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_padding

BERT_LAYER = LayerNames()
_PROJECTION = "embeddings_project"


def read_sizes(config: ConfigFile, embedding: int | None = None) -> BertSizes:
    """The fields as BERT calls them; arguments and errors are those of :func:`read_bert`."""
    config.require(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    return read_bert(config, embedding=embedding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """One of them; its methods are what :class:`rapidembed.graph.architecture.Architecture` wants."""

    read: Callable[[ConfigFile], BertSizes] = read_sizes
    parts: LayerNames = BERT_LAYER
    layer: str = "encoder.layer.{}."
    """What a layer's tensors begin with, its number in braces."""
    padded: bool = False
    """Whether positions are counted from the padding token."""
    bias: Callable[[GraphWriter, ConfigFile, BertSizes, TextInputs], Bias] | None = None
    """Makes what is added to the scores of attention; None: nothing is."""
    relative: Callable[[ConfigFile, BertSizes], Relative] | None = None
    """The same as data."""

    def encode(
        self, writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool
    ) -> tuple[str, int]:
        """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
        written, names, x = self._layers(writer, config, inputs)
        return written.write(names, x, first_only=first_only), written.sizes.hidden

    def attention(self, writer: GraphWriter, config: ConfigFile, inputs: TextInputs) -> str:
        """Write it up to the attention of its last layer, see :func:`rapidembed.graph.blocks.heads.attention`."""
        written, names, x = self._layers(writer, config, inputs)
        return written.first_attention(names, x, inputs.real)

    def layout(self, config: ConfigFile, has: Callable[[str], bool]) -> Layout:
        """Tell the encoder as data, see :class:`rapidembed.graph.architecture.ReadLayout`."""
        sizes = self.read(config)
        return Layout(
            hidden=sizes.hidden,
            heads=sizes.heads,
            intermediate=sizes.intermediate,
            activation=basic.activation_kind(sizes.activation),
            epsilon=sizes.epsilon,
            words=ANCHOR,
            positions=encoder.POSITIONS,
            types=encoder.TYPES if sizes.types else None,
            padding=self._padding(config),
            embedding_norm="embeddings.LayerNorm",
            projection=Rows(_PROJECTION) if sizes.embedding != sizes.hidden else None,
            layers=tuple(self._layer(self.layer.format(number)) for number in range(sizes.layers)),
            relative=self.relative and self.relative(config, sizes),
        )

    def _layers(self, writer: GraphWriter, config: ConfigFile, inputs: TextInputs) -> tuple[Layers, list[str], str]:
        """The layers, the beginnings of their tensors' names, and the embeddings."""
        sizes = self.read(config)
        x = encoder.embeddings(writer, sizes, inputs, padding=self._padding(config))
        if sizes.embedding != sizes.hidden:
            x = layers.linear(writer, _PROJECTION, x, sizes.embedding, sizes.hidden)
        names = [self.layer.format(number) for number in range(sizes.layers)]
        bias = self.bias and self.bias(writer, config, sizes, inputs)
        return Layers(writer=writer, sizes=sizes, inputs=inputs, parts=self.parts, bias=bias), names, x

    def _layer(self, name: str) -> LayerLayout:
        parts = self.parts
        return LayerLayout(
            qkv=tuple(Rows(name + part) for part in (parts.query, parts.key, parts.value)),
            out=Rows(name + parts.attended),
            up=(Rows(name + parts.inner),),
            down=Rows(name + parts.outer),
            middle=name + parts.attended_norm,
            last=name + parts.outer_norm,
        )

    def _padding(self, config: ConfigFile) -> int | None:
        return read_padding(config) if self.padded else None
