"""Columns of queries and documents as pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rapidembed.tasks.arrow.columns import Texts


@dataclass(frozen=True, slots=True)
class Pairs:
    """A pair for each row.

    Attributes:
        documents: the second of each.
        queries: the first of each; None: ``query`` is.
        query: of all rows.
    """

    documents: Texts
    queries: Texts | None
    query: str

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        if self.queries is None:
            return ((self.query, document) for document in self.documents)
        return zip(self.queries, self.documents, strict=True)

    @property
    def nulls(self) -> NDArray[np.bool_] | None:
        """Bool (rows,), True where one of both is missing; None where all are there."""
        found = [column.nulls for column in (self.queries, self.documents) if column is not None]
        missing = [nulls for nulls in found if nulls is not None]
        return np.logical_or.reduce(missing) if missing else None
