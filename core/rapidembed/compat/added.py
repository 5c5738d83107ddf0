"""The models that a program added, as fastembed's classes for them show them."""

from typing import Any

from rapidembed.registry import Task, custom


class Added(list[Any]):
    """Descriptions of the models that were added to a task; clearing it forgets them all."""

    def __init__(self, task: Task, descriptions: list[Any]) -> None:
        super().__init__(descriptions)
        self._task = task

    def clear(self) -> None:
        """Forget the models."""
        forget(self._task, keep=())
        super().clear()


class AddedModels(type):
    """Class of the classes whose ``SUPPORTED_MODELS`` are what was added, now; setting them forgets the others."""

    @property
    def SUPPORTED_MODELS(cls) -> Added:  # noqa: N802  # fastembed's name
        """Descriptions of the models."""
        task = cls._computing()._task  # type: ignore[attr-defined]
        names = {spec.name for spec in custom.models(task.heads)}
        listed = cls.__mro__[1]._list_supported_models()  # type: ignore[attr-defined]
        return Added(task, [row for row in listed if row.model in names])

    @SUPPORTED_MODELS.setter
    def SUPPORTED_MODELS(cls, descriptions: list[Any]) -> None:  # noqa: N802
        forget(cls._computing()._task, keep=[row.model for row in descriptions])  # type: ignore[attr-defined]

    def knows(cls, name: str) -> bool:
        """Whether a model of that name was added (case does not matter)."""
        return name.lower() in [row.model.lower() for row in cls.SUPPORTED_MODELS]


def forget(task: Task, keep: Any) -> None:
    """Forget the models that a program added to a task, but for those named."""
    for spec in custom.models(task.heads):
        if spec.name not in keep and custom.is_added(spec):
            task.remove(spec.name)
