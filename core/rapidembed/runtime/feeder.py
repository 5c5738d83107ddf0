"""From ready inputs to what a graph is fed with: one class for each kind of input."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from rapidembed.errors import IntegrityError
from rapidembed.graph.export import Export, check_text_inputs
from rapidembed.hub import Checkpoint
from rapidembed.registry.encoder_config import read_optional_hidden, read_position_limit
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

    def mask(self, inputs: Sequence[X], length: int) -> Ids:
        """int64 (rows, tokens of the graph's output): 1 for those that pooling outside the graph takes in."""
        return np.ones((len(inputs), length), dtype=np.int64)


class TokenFeeder(Feeder[TokenIds]):
    """Texts and pairs of them, as token ids."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        config = checkpoint.config
        self.tokenizer: Tokenizer = Tokenizer.of(checkpoint)
        self._checkpoint = checkpoint
        self._positions = read_position_limit(config)
        self.hidden = read_optional_hidden(config) or checkpoint.spec.dim
        self._name = checkpoint.spec.name
        self._pad_id = config.values.get("pad_token_id") or 0
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
        export = Export.read(path, checkpoint.spec)
        check_text_inputs(path, export.inputs, checkpoint.spec, checkpoint.config)
        return export.tokens

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


FEEDERS: dict[str, Callable[[Checkpoint], Feeder[Any]]] = {}
"""By architecture, see :attr:`rapidembed.ModelSpec.architecture`; all others read token ids."""


def open_feeder(checkpoint: Checkpoint) -> Feeder[Any]:
    """What makes a checkpoint's inputs into what its graph is fed with."""
    return FEEDERS.get(checkpoint.spec.architecture, TokenFeeder)(checkpoint)
