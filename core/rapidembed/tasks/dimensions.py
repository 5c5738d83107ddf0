"""What facades have in common whose vectors have a width, and those whose results are such vectors."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic

from rapidembed.errors import ModelNotFoundError
from rapidembed.tasks.bulk import gather
from rapidembed.tasks.facade import Facade, O
from rapidembed.tasks.runner import M, Runner, X
from rapidembed.types import Vectors

if TYPE_CHECKING:
    from rapidembed.tasks.arrow.forms import Form
    from rapidembed.tasks.arrow.packing import Packing


class WithDimensions(Facade[Any, Any]):
    """Base of the facades whose vectors all have one width."""

    @property
    def embedding_size(self) -> int:
        """Dimensions of a vector; of models that give several kinds, of those that are not sparse."""
        size: int = (self._row() or self._loaded().spec).dim
        return size

    @classmethod
    def get_embedding_size(cls, model_name: str) -> int:
        """Dimensions of the vectors of a curated or added model, without loading it."""
        spec = cls._task.find(model_name)
        if spec is None:
            raise ModelNotFoundError(f"No model {model_name!r} is known by name; list_supported_models() lists them.")
        return spec.dim


class DenseResults(Runner[O, M, X, Vectors, Vectors], WithDimensions, Generic[O, M, X]):
    """Base of the facades that make one vector of each input: of several an array."""

    def _gather(self, model: M, windows: Iterator[Vectors], items: Iterable[X]) -> Vectors:
        return gather(windows, items, self.embedding_size)

    def _form(self, packing: "Packing") -> "Form[Vectors]":
        from rapidembed.tasks.arrow.forms import Dense

        return Dense(self.embedding_size, packing)

    def _each(self, window: Vectors) -> Iterator[Vectors]:
        # A view would keep the whole window in memory.
        return (row.copy() for row in window)
