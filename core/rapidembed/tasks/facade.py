"""What all facades share: options that are kept, a model that is loaded when it is needed, and an end."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

from rapidembed.errors import ClosedError
from rapidembed.runtime.device import CPU_PROVIDER, Placement
from rapidembed.runtime.hooks import observed
from rapidembed.runtime.meter import Work
from rapidembed.tasks.call import Call
from rapidembed.tasks.known import Known
from rapidembed.tasks.options import ModelOptions
from rapidembed.tasks.stats import CallMeter, Measured, Stats

if TYPE_CHECKING:
    from rapidembed.hub import Checkpoint
    from rapidembed.registry import ModelSpec
    from rapidembed.tasks.info import ModelInfo


class View(NamedTuple):
    """How a surface that promises another library's results looks at the same models."""

    spec: "Callable[[Checkpoint], ModelSpec]" = lambda checkpoint: checkpoint.spec
    """The facts to go by, from the checkpoint and those that it states."""
    exported: bool = False
    """Whether the ONNX file that a row names runs, where a graph could be built from the original weights."""
    quiet: bool = False
    """Whether users are not told of what was cut off."""


AS_IT_IS = View()


class Model(Protocol):
    """A loaded model as a facade holds it."""

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides the results."""

    def warm(self) -> None:
        """Load what a first call needs."""

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""

    def work(self) -> Work:
        """What it has computed so far."""

    def close(self) -> None:
        """Give everything back; calls that run end with a ClosedError."""


O = TypeVar("O", bound=ModelOptions)  # noqa: E741
M = TypeVar("M", bound=Model)


class Facade(Generic[O, M]):
    """Base of the facades."""

    _task: ClassVar[Known]
    """The task's row in the registry, or what finds it there."""
    _view: ClassVar[View] = AS_IT_IS
    _kind: ClassVar[type[Any]]
    """What the loaded model is, where :meth:`_load` does not say it in another way."""
    _options: O
    _placement: Placement

    def _start(self, kind: Callable[..., O], arguments: Mapping[str, Any]) -> None:
        """All of every ``__init__``: keep its arguments as options, and load the model unless told not to.

        Args:
            kind: the class of the options, whose fields are the arguments' names.
            arguments: ``locals()`` of the ``__init__``.
        """
        self._options = kind(**{name: value for name, value in arguments.items() if name != "self"})
        self._placement = self._place()
        self._lock = threading.Lock()
        self._model: M | None = None
        self._closed = False
        self._calls = CallMeter()
        if not self._options.lazy_load:
            self._loaded().warm()

    def _place(self) -> Placement:
        """Where to run; contradictory options are an error now, not when the model is loaded."""
        if self._options.stays_on_cpu:
            return self._options.place([CPU_PROVIDER])
        # ONNX Runtime, which lexical models and some backends do without.
        from rapidembed.runtime.session import available_providers

        return self._options.place(available_providers())

    def _load(self) -> M:
        """Load the model."""
        model: M = self._kind.load(self)
        return model

    def _loaded(self) -> M:
        with self._lock:
            if self._closed:
                name = type(self).__name__
                raise ClosedError(f"{self._options.model_name} was closed. Create a new {name} to go on.")
            if self._model is None:
                self._model = self._load()
            return self._model

    def _row(self) -> "ModelSpec | None":
        """Facts of a model that is known by name and not loaded; what others are, their files say."""
        loaded = self._model is not None or self._closed
        return None if loaded else self._task.find(self._options.model_name)

    def _observed(
        self, role: str, count: int | None, call: Call, *, stream: bool = False
    ) -> "AbstractContextManager[None, None]":
        """Around the work of a call: counts it, for those who observe too (:class:`rapidembed.runtime.hooks.Event`)."""
        inner = observed(type(self).__name__, role, self._options.model_name, count)
        return Measured(self._calls, inner, call, stream)

    # Facts

    @property
    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        return self._loaded().info()

    def stats(self) -> Stats:
        """What this object has done so far; see the fields of :class:`rapidembed.Stats`. It takes microseconds."""
        model = self._model
        return self._calls.read(Work() if model is None else model.work())

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the results: store it with an index, compare it before searching.

        Reads the weights once, unless the hub cache already names their hash.

        Raises:
            IntegrityError: the model's files were replaced since they were loaded.
        """
        return self._loaded().fingerprint

    @classmethod
    def list_supported_models(cls) -> list[dict[str, Any]]:
        """The models that this version knows by name, a fresh dict each, with fastembed's keys and some of ours."""
        from rapidembed.tasks.describe import describe

        return [describe(spec) for spec in cls._task.models()]

    @classmethod
    def add_custom_model(cls, model: "ModelSpec") -> None:
        """Give a model of your own a name, for this process and for every process that its objects are pickled to.

        Hub repositories and folders in sentence-transformers' layout need no registration. It serves models whose files
        do not say how they are meant, and ONNX files.

        Args:
            model: its name and facts. They win over what the checkpoint's files say.

        An installed package registers models by entry points of the group ``rapidembed.models``, each a ModelSpec or an
        iterable of them; a spec's head says which class the model is for.

        Raises:
            ValueError: the model is for another class, or the name is taken.
        """
        from rapidembed.registry import ModelSpec

        if not isinstance(model, ModelSpec):
            raise TypeError(f"{cls.__name__}.add_custom_model takes a ModelSpec, got {type(model).__name__}.")
        cls._task.add(model)

    @classmethod
    def remove_custom_model(cls, name: str) -> None:
        """Forget a model that :meth:`add_custom_model` added; objects that use it go on.

        Raises:
            ValueError: no such model was added.
        """
        cls._task.remove(name)

    # Lifetime

    def close(self) -> None:
        """Give the loaded model back; it is freed with its last user. Closing again does nothing."""
        with self._lock:
            self._closed = True
            model, self._model = self._model, None
        if model is not None:
            model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _copies(self) -> str:
        """The same text for all objects that would be equal copies, and for no others, within a process."""
        options = self._options.picklable() | {"lazy_load": True}
        return repr((options, self._task.find_added(self._options.model_name)))

    def _lazily(self) -> Self:
        """A copy that loads at its first use."""
        rebuild, (options, added) = self.__reduce__()
        return rebuild(options | {"lazy_load": True}, added)

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[dict[str, Any], "ModelSpec | None"]]:
        # Another process may not know an added model. A method of the class: a pickle names nothing that is not public.
        return type(self)._rebuilt, (self._options.picklable(), self._task.find_added(self._options.model_name))

    @classmethod
    def _rebuilt(cls, options: dict[str, Any], added: "ModelSpec | None") -> Self:
        if added is not None:
            from rapidembed.registry import custom

            custom.add(added)
        return cls(**options)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "loaded" if self._model else "not loaded"
        return f"{type(self).__name__}({self._options.model_name!r}, device={self._placement.label!r}, {state})"
