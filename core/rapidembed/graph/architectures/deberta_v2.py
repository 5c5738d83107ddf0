"""DeBERTa-v2 and v3, as transformers' ``DebertaV2Model`` computes them.

He et al. 2020, https://arxiv.org/abs/2006.03654, and 2021, https://arxiv.org/abs/2111.09543.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph.architecture import Architecture, text_classes
from rapidembed.graph.architectures import encoder
from rapidembed.graph.architectures.encoder import ANCHOR, BertSizes, LayerNames, Layers, read_bert
from rapidembed.graph.blocks import basic, heads, layers, relative
from rapidembed.graph.inputs import TextInputs, Texts
from rapidembed.graph.writer import GraphWriter
from rapidembed.registry.config_file import ConfigFile

_LAYER = LayerNames(
    query="attention.self.query_proj",
    key="attention.self.key_proj",
    value="attention.self.value_proj",
)
_TERMS = ("c2p", "p2c")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relative:
    """How relative positions count."""

    terms: tuple[str, ...]
    """"c2p": queries look for positions; "p2c": keys are looked for by position."""
    span: int
    """Rows of the table of positions to each side."""
    buckets: int | None
    """Of which one half is for the nearest positions, one by one, the other for those up to the farthest; None: every
    position has its own row."""
    farthest: int
    shared: bool
    """Whether positions are projected as words are."""
    normalized: bool

    @classmethod
    def read(cls, config: ConfigFile) -> "_Relative":
        """Take the fields."""
        own = config.values.get("pos_att_type") or []
        terms = [term.strip() for term in own.lower().split("|")] if isinstance(own, str) else own
        if not isinstance(terms, list):
            raise IntegrityError(f"{config.path}: expected pos_att_type to be a list, got {own!r}.")
        norms = [word.strip() for word in config.text("norm_rel_ebd", "none").lower().split("|")]
        for name, found, known in (("pos_att_type", terms, _TERMS), ("norm_rel_ebd", norms, ("layer_norm", "none"))):
            if unknown := [value for value in found if value not in known]:
                raise UnsupportedModelError(
                    f"{config.path}: {name} {unknown[0]!r} is not supported; known: {', '.join(known)}."
                )
        farthest = _above_zero(config, "max_relative_positions") or config.positive("max_position_embeddings")
        buckets = _above_zero(config, "position_buckets")
        return cls(
            terms=tuple(term for term in _TERMS if term in terms),
            span=buckets or farthest,
            buckets=buckets,
            farthest=farthest,
            shared=config.flag("share_att_key", False),
            normalized="layer_norm" in norms,
        )

    def rows(self, distances: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the table for distances (query's position minus key's)."""
        if self.buckets:
            distances = relative.log_buckets(distances, self.buckets, self.farthest)
        return np.clip(distances + self.span, 0, 2 * self.span - 1)


def encode(writer: GraphWriter, config: ConfigFile, inputs: TextInputs, *, first_only: bool) -> tuple[str, int]:
    """Write the encoder, see :class:`rapidembed.graph.architecture.Encode`."""
    sizes, positions = _read(config), _Relative.read(config)
    if inputs.hides_tokens:
        raise UnsupportedModelError(
            f"{config.path}: with model_type 'deberta-v2', queries filled with tokens that the others do not see are "
            "not supported."
        )
    x = encoder.embeddings(writer, sizes, inputs, positions=config.flag("position_biased_input", True))
    names = [f"encoder.layer.{layer}." for layer in range(sizes.layers)]
    scale = float((sizes.hidden // sizes.heads * (1 + len(positions.terms))) ** -0.5)
    bias = None
    if config.flag("relative_attention", False) and positions.terms:
        bias = _Disentangled(writer, sizes, positions, inputs, scale)
    written = Layers(writer=writer, sizes=sizes, inputs=inputs, parts=_LAYER, bias=bias, scale=scale)
    return written.write(names, x, first_only=first_only), sizes.hidden


def _read(config: ConfigFile) -> BertSizes:
    sizes = read_bert(config, types=_above_zero(config, "type_vocab_size") or 0, epsilon=1e-7)
    config.require(
        embedding_size=sizes.hidden,
        attention_head_size=sizes.hidden // sizes.heads,
        conv_kernel_size=0,
        pooler_hidden_size=sizes.hidden,
        pooler_hidden_act="gelu",
    )
    return sizes


def _above_zero(config: ConfigFile, name: str) -> int | None:
    """A number that may be missing, which may also be said by 0 or -1."""
    return None if config.values.get(name) in (None, 0, -1) else config.positive(name)


class _Disentangled:
    """What positions add to the scores of attention, a :class:`rapidembed.graph.architectures.encoder.Bias`.

    Queries and keys are multiplied with the positions at the distances that the batch has, and each product is moved
    to its pair of tokens. To gather it for every pair from the products with all positions takes ten times as long for
    texts of 32 tokens.
    """

    def __init__(
        self, writer: GraphWriter, sizes: BertSizes, positions: _Relative, inputs: TextInputs, scale: float
    ) -> None:
        self._writer, self._sizes, self._positions = writer, sizes, positions
        self._scale = basic.scalar(writer, scale)
        self._table = writer.weight("encoder.rel_embeddings.weight", (2 * positions.span, sizes.hidden))
        if positions.normalized:
            self._table = layers.norm(writer, "encoder.LayerNorm", self._table, sizes.hidden, sizes.epsilon)
        self._count = writer.node("Shape", inputs.ids, start=1, end=2)
        # From as far before as a token can stand to one more than that behind.
        distances = np.arange(1 - sizes.positions, sizes.positions + 1)
        self._ahead, self._behind = (writer.constant(positions.rows(sign * distances)) for sign in (-1, 1))

    def __call__(self, layer: str, q: str, k: str, *, first_only: bool) -> str:
        """Write it; see :class:`rapidembed.graph.architectures.encoder.Bias`."""
        terms = {
            "c2p": self._first_c2p if first_only else self._c2p,
            "p2c": self._first_p2c if first_only else self._p2c,
        }
        parts = [terms[term](layer, q, k) for term in self._positions.terms]
        return parts[0] if len(parts) == 1 else self._writer.node("Add", *parts)

    def _c2p(self, layer: str, q: str, k: str) -> str:
        return self._moved(q, self._projected(layer, "key", self._window(self._ahead)))

    def _p2c(self, layer: str, q: str, k: str) -> str:
        moved = self._moved(k, self._projected(layer, "query", self._window(self._behind)))
        return self._writer.node("Transpose", moved, perm=[0, 1, 3, 2])

    def _first_c2p(self, layer: str, q: str, k: str) -> str:
        return self._products(q, self._projected(layer, "key", self._from_zero()))

    def _first_p2c(self, layer: str, q: str, k: str) -> str:
        writer = self._writer
        products = writer.node("Mul", k, self._projected(layer, "query", self._from_zero()))
        sums = writer.node("ReduceSum", writer.node("Reshape", products, self._heads(0, 0)), writer.ints(3), keepdims=0)
        return writer.node("Unsqueeze", writer.node("Transpose", sums, perm=[0, 2, 1]), writer.ints(2))

    def _window(self, rows: str) -> str:
        """The rows for every distance that tokens have from one another."""
        middle = self._writer.ints(self._sizes.positions)
        ends = (self._writer.node(operator, middle, self._count) for operator in ("Sub", "Add"))
        return self._writer.node("Slice", rows, *ends, self._writer.ints(0))

    def _from_zero(self) -> str:
        """The rows for the distances of all tokens from the first."""
        first = self._writer.ints(self._sizes.positions - 1)
        end = self._writer.node("Add", first, self._count)
        return self._writer.node("Slice", self._ahead, first, end, self._writer.ints(0))

    def _projected(self, layer: str, part: str, rows: str) -> str:
        """Rows of the table as keys or queries, (rows, hidden); scaled, which ONNX Runtime does when it loads."""
        hidden = self._sizes.hidden
        name = f"{layer}attention.self.{'' if self._positions.shared else 'pos_'}{part}_proj"
        table = layers.linear(self._writer, name, self._table, hidden, hidden, exact=True)
        return basic.lookup(self._writer, self._writer.node("Mul", table, self._scale), rows)

    def _products(self, x: str, rows: str) -> str:
        """Of queries or keys and positions, head by head: (batch, heads, tokens, positions)."""
        writer = self._writer
        x = writer.node("Transpose", writer.node("Reshape", x, self._heads(0, 0)), perm=[0, 2, 1, 3])
        rows = writer.node("Transpose", writer.node("Reshape", rows, self._heads(0)), perm=[1, 2, 0])
        return writer.node("MatMul", x, rows)

    def _moved(self, x: str, rows: str) -> str:
        return relative.moved(self._writer, self._products(x, rows), self._count)

    def _heads(self, *leading: int) -> str:
        return self._writer.ints(*leading, self._sizes.heads, self._sizes.hidden // self._sizes.heads)


ARCHITECTURE = Architecture(
    classes=text_classes("DebertaV2", heads=("classification",)),
    prefixes=("", "deberta."),
    anchor=ANCHOR,
    ignorable=(
        "embeddings.position_ids",
        "embeddings.position_embeddings.",
        "cls.",
        "lm_predictions.",
        "mask_predictions.",
    ),
    modality=Texts(told_apart=True),
    encode=encode,
    classifier=heads.Classifier(dense="pooler.dense", activation="Gelu"),
)
