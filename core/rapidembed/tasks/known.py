"""Which models a facade knows by name; the registry is imported when somebody asks, for BM25 does without."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapidembed.registry import Task


class Known:
    """A class attribute whose value is a row of :data:`rapidembed.registry.TASKS`.

    Args:
        name: of the row.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> "Task":
        from rapidembed.registry import TASKS

        return TASKS[self._name]
