"""From ready inputs to what a graph is fed with: one class for each kind of input."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from rapidembed.hub import Checkpoint
from rapidembed.registry.config_file import ConfigFile
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
    position_limit: int | None = None
    """Longest sequence the model has positions for, if it says so."""

    def length(self, item: X) -> int:
        """Tokens of an input as the graph sees it. Batches are cut by it, on a CPU they are of one length."""
        return item.length

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
        config = ConfigFile.read(checkpoint.folder / "config.json")
        self.tokenizer = Tokenizer.of(checkpoint)
        self.position_limit = read_position_limit(config)
        self.hidden = read_optional_hidden(config) or checkpoint.spec.dim
        self._pad_id = config.values.get("pad_token_id") or 0
        self._fixed = checkpoint.spec.fixed_tokens

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
