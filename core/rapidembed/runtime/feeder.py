"""From ready inputs to what a graph is fed with: one class for each kind of input."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.hub import Checkpoint
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.encoder_config import read_optional_hidden, read_position_limit, text_part
from rapidembed.registry.heads import HEADS
from rapidembed.runtime.engine import TextTokenizer
from rapidembed.runtime.feeds import Ids, attention_mask, feeds
from rapidembed.runtime.ready import X
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer


class Feeder(Generic[X]):
    """Base: inputs all of whose tokens count."""

    hidden: int
    """Width of the network, which says how much its attention costs beside the rest."""
    tokenizer: TextTokenizer | None = None
    """Of feeders of texts."""
    pads: bool = True
    """Whether a batch may hold inputs of different lengths, of which the shorter ones are filled up."""
    most_rows: int | None = None
    """Of a batch on a CPU; None: as many as its budget of work allows."""

    @property
    def position_limit(self) -> int | None:
        """Longest sequence the model has positions for, if it says so."""
        return None

    def length(self, item: X) -> int:
        """Tokens of an input as the graph sees it. Batches are cut by it, on a CPU they are of one length."""
        return item.length

    def refuse(self, item: X, where: str) -> None:
        """Refuse an input that the model cannot take.

        Raises:
            ValueError: names the input by ``where``.
        """

    def feeds(
        self, names: frozenset[str], inputs: Sequence[X], length: int, extra: Mapping[str, int]
    ) -> dict[str, NDArray[Any]]:
        """A value for each of the graph's inputs.

        Args:
            names: of the graph's inputs.
            inputs: the rows of a batch, none longer than ``length``.
            length: tokens of every row.
            extra: numbers by name, see :meth:`rapidembed.runtime.engine.Engine.run`.

        Raises:
            IntegrityError: the graph has an input that nothing is known for.
        """
        raise NotImplementedError

    def sample(self) -> list[dict[str, NDArray[Any]]]:
        """What a graph is fed with to observe its activations before weights are rounded, batch by batch."""
        raise UnsupportedModelError("Weights of 8 bits are not known for models of this kind; leave precision out.")

    def mask(self, inputs: Sequence[X], length: int) -> Ids:
        """int64 (rows, tokens of the graph's output): 1 for those that pooling outside the graph takes in."""
        return np.ones((len(inputs), length), dtype=np.int64)


class TokenFeeder(Feeder[TokenIds]):
    """Texts and pairs of them, as token ids."""

    own_inputs: tuple[str, ...] = ()
    """What else a graph may be fed with."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        config = text_part(checkpoint.config)
        self.tokenizer: Tokenizer = Tokenizer.of(checkpoint)
        self._checkpoint = checkpoint
        self._positions = read_position_limit(config)
        self.hidden = read_optional_hidden(config) or checkpoint.spec.dim
        self._name = checkpoint.spec.name
        self._pad_id = self._padding(config)
        rows = config.optional_positive("vocab_size")
        self._check_ends(rows, checkpoint.folder)
        # Nearly always the table has a row for every token, and no text needs a look.
        self._rows = rows if rows is not None and self.tokenizer.size > rows else None

    @property
    def position_limit(self) -> int | None:
        """See :class:`Feeder`."""
        if self._fixed is not None:
            return self._fixed
        # A model without a table of positions may be declared to take more than it was trained with.
        return max(self._positions or 0, self._checkpoint.spec.max_tokens or 0) or None

    @cached_property
    def _fixed(self) -> int | None:
        """Tokens that every text must have, where the model or its ONNX file fixes their number."""
        checkpoint = self._checkpoint
        if checkpoint.spec.fixed_tokens is not None or not checkpoint.is_onnx:
            return checkpoint.spec.fixed_tokens
        path = checkpoint.root / checkpoint.weights[0]
        from rapidembed.graph.export import Export, check_text_inputs  # where a graph is built nobody reads one

        export = Export.read(path, checkpoint.spec)
        check_text_inputs(path, export.inputs - set(self.own_inputs), checkpoint.spec, checkpoint.config)
        return export.tokens

    def _padding(self, config: ConfigFile) -> int:
        """The token that texts are filled up with, which a model that sees it shares with its tokenizer."""
        if self._checkpoint.spec.fixed_tokens is not None:
            stated = ConfigFile.read_optional(self._checkpoint.folder / "tokenizer_config.json").values.get("pad_token")
            name = stated.get("content") if isinstance(stated, dict) else stated
            if isinstance(name, str) and (number := self.tokenizer.token_id(name)) is not None:
                return number
        number = config.values.get("pad_token_id")
        return number if isinstance(number, int) else 0

    def _check_ends(self, rows: int | None, folder: Path) -> None:
        """Check that the table has the tokens that stand around every text."""
        ends = self.tokenizer.encode([""], self.tokenizer.special_tokens)[0].ids
        if rows is not None and ends and max(ends) >= rows:
            raise IntegrityError(
                f"{folder}: the tokenizer puts {self.tokenizer.tokens([max(ends)])[0]!r} around every text, but the "
                f"model has vectors for {rows} tokens only. Its vocabulary lacks that token."
            )

    def refuse(self, item: TokenIds, where: str) -> None:
        """Refuse a text without tokens, or with one that the model's table has no row for; see :class:`Feeder`."""
        if not item.ids:
            raise ValueError(f"{where} has no tokens: this model's tokenizer adds none of its own to a text.")
        if self._rows is not None and (beyond := max(item.ids)) >= self._rows:
            token = self.tokenizer.tokens([beyond])[0]
            raise ValueError(
                f"{where} holds the token {token!r} of number {beyond}, but {self._name} has vectors for {self._rows} "
                "tokens only. Take it out of the text, or the token out of the tokenizer's files."
            )

    def length(self, item: TokenIds) -> int:
        """Its tokens; of graphs that take texts of one length only, that."""
        return self._fixed or len(item.ids)

    def feeds(
        self, names: frozenset[str], inputs: Sequence[TokenIds], length: int, extra: Mapping[str, int]
    ) -> dict[str, Ids]:
        """See :class:`Feeder`."""
        return feeds(names, inputs, length, pad_id=self._pad_id, extra=extra)

    def mask(self, inputs: Sequence[TokenIds], length: int) -> Ids:
        """See :class:`Feeder`."""
        return attention_mask(inputs, length)

    def sample(self) -> list[dict[str, NDArray[Any]]]:
        """See :class:`Feeder`."""
        from rapidembed.runtime.sample import sample  # a start that finds the integers in the cache needs none of it

        fixed = self._checkpoint.spec.fixed_tokens
        batches = sample(self.tokenizer, self._positions)
        if fixed is not None:
            batches = [_filled(ids, fixed, self._pad_id) for ids in batches]
        return [{"input_ids": ids, "attention_mask": np.ones_like(ids)} for ids in batches]


def _filled(ids: Ids, length: int, filling: int) -> Ids:
    return np.pad(ids, ((0, 0), (0, length - ids.shape[1])), constant_values=filling)


FEEDERS: dict[str, Callable[[Checkpoint], Feeder[Any]]] = {}
"""By architecture, see :attr:`rapidembed.ModelSpec.architecture`; all others read what their head does."""


def open_feeder(checkpoint: Checkpoint) -> Feeder[Any]:
    """What makes a checkpoint's inputs into what its graph is fed with."""
    spec = checkpoint.spec
    if spec.architecture in FEEDERS:
        return FEEDERS[spec.architecture](checkpoint)
    if HEADS[spec.head].pictures:
        from rapidembed.runtime.pictures.feeder import PictureFeeder  # that of texts needs none of it

        return PictureFeeder(checkpoint)
    if spec.head == "page":
        from rapidembed.runtime.pages.feeder import PageFeeder

        return PageFeeder(checkpoint)
    return TokenFeeder(checkpoint)
