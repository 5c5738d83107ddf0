"""A loaded model whose results are objects of their own, such as the vectors of a text's tokens."""

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rapidembed.runtime.sinks import ListSink
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.facade import O
from rapidembed.tasks.lone import Lone
from rapidembed.tasks.token_model import TokenModel

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListModel(TokenModel[O], Generic[O, V]):
    """Makes a ``V`` of each input; a task's own says how one is read from the output (:meth:`sink`)."""

    def sink(self, call: Call) -> ListSink[Any, V]:
        """Reads results from what the model computed."""
        raise NotImplementedError

    def one(self, call: Call, item: Any) -> V:
        """The result of a lone input."""
        return self.run_lone(item, self._lone(call))

    def aone(self, call: Call, item: Any) -> Awaitable[V] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`."""
        return self.arun_lone(item, self._lone(call))

    def rows(self, call: Call, items: Iterable[Any], bulk: Bulk) -> Iterator[list[V]]:
        """The results of many inputs, window by window."""
        return self.windows(items, self.steps(call), self.sink(call), bulk)

    def _lone(self, call: Call) -> Lone[Any, Any, V]:
        return Lone(self.steps(call), self.sink(call).read)
