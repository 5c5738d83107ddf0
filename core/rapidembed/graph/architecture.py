"""What an architecture tells of itself to have its graphs built."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from rapidembed.graph.blocks.heads import Classifier
from rapidembed.graph.inputs import GraphInputs, Modality
from rapidembed.graph.layout import Layout
from rapidembed.graph.writer import GraphWriter
from rapidembed.names import HeadName
from rapidembed.registry import SparseWeights
from rapidembed.registry.config_file import ConfigFile

Read = TypeVar("Read", bound=GraphInputs)
Read_contra = TypeVar("Read_contra", bound=GraphInputs, contravariant=True)


class Encode(Protocol[Read_contra]):
    """Writes an encoder."""

    def __call__(
        self, writer: GraphWriter, config: ConfigFile, inputs: Read_contra, *, first_only: bool
    ) -> tuple[str, int]:
        """Write it.

        Args:
            writer: takes the nodes.
            config: config.json.
            inputs: names of the graph's inputs.
            first_only: compute the last layer for the first token of each text only; nothing else is needed of it where
                a vector is taken from that token.

        Returns:
            The last hidden state, (batch, tokens, hidden) or, with ``first_only``, (batch, hidden); and hidden.

        Raises:
            UnsupportedModelError, IntegrityError: over config.json, naming the field and its value; or over a tensor.
        """


class Attention(Protocol[Read_contra]):
    """Writes an encoder up to the attention of its last layer."""

    def __call__(self, writer: GraphWriter, config: ConfigFile, inputs: Read_contra) -> str:
        """Write it, see :func:`rapidembed.graph.blocks.heads.attention`."""


class Classify(Protocol[Read_contra]):
    """Writes a classifier of its own behind an encoder."""

    def __call__(
        self, writer: GraphWriter, config: ConfigFile, inputs: Read_contra, labels: int, encode: Encode[Any]
    ) -> str:
        """Write both, the encoder by ``encode``: logits (batch, labels)."""


class Mlm(Protocol):
    """Writes the masked-language-model head of an encoder."""

    def __call__(self, writer: GraphWriter, config: ConfigFile, x: str, sparse: SparseWeights, mask: str | None) -> str:
        """Write it behind ``x``, the last hidden state; see :class:`rapidembed.graph.blocks.mlm.MlmHead`."""


class ReadLayout(Protocol):
    """Tells an encoder as data."""

    def __call__(self, config: ConfigFile, has: Callable[[str], bool]) -> Layout:
        """Read it.

        Args:
            config: config.json.
            has: whether the checkpoint has an encoder tensor of a name, without prefix.

        Raises:
            UnsupportedModelError: a layout cannot tell it, or a value is unknown.
        """


def text_classes(
    *families: str, heads: Sequence[HeadName] = (), trained: Sequence[str] = ("MaskedLM",), colbert: bool = False
) -> dict[HeadName, frozenset[str]]:
    """Classes of transformers by head, for :attr:`Architecture.classes`.

    Args:
        families: what their names begin with.
        heads: those beyond vectors of texts and of tokens.
        trained: what follows "For" in the names of those that hold the encoder with what it was trained by.
        colbert: whether the ColBERT authors' class may hold the encoder.
    """
    pretrained = frozenset(f"{family}For{task}" for family in families for task in trained)
    encoders = pretrained | {f"{family}Model" for family in families}
    classifiers = frozenset(f"{family}ForSequenceClassification" for family in families)
    known: dict[HeadName, frozenset[str]] = {"mlm": pretrained, "classification": classifiers}
    return {
        "pool": encoders,
        "tokens": encoders | {"HF_ColBERT"} if colbert else encoders,
        **{head: known.get(head, encoders) for head in heads},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(Generic[Read]):
    """A kind of encoder whose graph can be built; its module ends with one, called ``ARCHITECTURE``.

    Where two encoders share a checkpoint, of pictures and of texts, it is a tuple of both; the head tells which is
    meant.

    What goes in is the architecture's own affair. Those of this package read :class:`rapidembed.graph.inputs.Texts`.
    One that reads pictures brings a :class:`rapidembed.graph.inputs.Modality` that declares, say, "pixel_values",
    float32 (batch, 3, height, width), as large as config.json says, and gives its ``encode`` the name. Its tokens are
    patches, or places of a feature map; one that it puts before them itself, for the class, counts as a token. Pooling
    and Dense follow as for texts. A vector that the checkpoint pools in a way of its own is an ``own_vector``.
    """

    classes: Mapping[HeadName, frozenset[str]]
    """Classes that config.json may name for each head; a head that is missing cannot be built."""
    prefixes: tuple[str, ...] = ("",)
    """What published checkpoints put before the encoder's tensor names."""
    anchor: str
    """A tensor that each of them has, without prefix."""
    ignorable: tuple[str, ...] = ()
    """Beginnings of the names, without prefix, of tensors that need not be read."""
    modality: Modality[Read]
    encode: Encode[Read]
    attention: Attention[Read] | None = None
    mlm: Mlm | None = None
    classifier: Classifier | None = None
    """Names of a classifier's tensors, where it is like BERT's."""
    classify: Classify[Read] | None = None
    """Where it is not."""
    own_vector: bool = False
    """Whether the encoder makes a vector of each input itself, (batch, width), and none of its tokens; its pooling is
    "none"."""
    layout: ReadLayout | None = None
    """Where the encoder can be told as data."""

    def __post_init__(self) -> None:
        writes = {
            "attention": self.attention,
            "mlm": self.mlm,
            "classification": self.classifier or self.classify,
        }
        for head, part in writes.items():
            if (head in self.classes) != (part is not None):
                raise ValueError(f"An architecture names classes for the head {head!r} if, and only if, it writes it.")
