"""What computes: one row for each backend. Asking the table imports none of them.

A backend is one file and its row. The file's ``BACKEND`` is a :class:`rapidembed.runtime.backends.backend.Backend`; a
package of somebody else's adds its row by :func:`register` when it is imported.
"""

import importlib.util
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from rapidembed.errors import DeviceError
from rapidembed.types import Precision

if TYPE_CHECKING:
    from rapidembed.hub import Checkpoint
    from rapidembed.runtime.backends.backend import Backend

DEFAULT = "onnxruntime"
_BY_ITSELF = ("auto", "fast")
"""Precisions that every backend takes, for they leave the choice to the library."""


class Numbers(NamedTuple):
    """With which numbers a model computes, and what computes with them."""

    precision: Precision
    backend: str


FLOAT32 = Numbers("fp32", DEFAULT)
"""What computes any model anywhere."""
_NATIVE_FLOAT32 = Numbers("fp32", "native")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRow:
    """What is known of a backend without importing it."""

    name: str
    """In the words of the ``backend`` option."""
    precisions: tuple[Precision, ...]
    """It computes in; the first is what "auto" means."""
    module: str
    """Where its ``BACKEND`` is."""
    package: str
    """Module and distribution that do the work, whose version is told."""
    install: str | None = None
    """Command that installs the package; None: it is always there."""
    takes_providers: bool = False
    """Whether the option ``providers`` is for it."""
    own_numbers: tuple[Precision, ...] = ()
    """Precisions in which its results differ from other backends' by more than their last places."""
    chosen: bool = True
    """Whether users choose it; otherwise a model of a certain kind does."""
    batched: bool = True
    """Whether inputs of concurrent callers run together; not worth it where one takes microseconds."""

    @property
    def installed(self) -> bool:
        """Whether its package is there."""
        return self.install is None or importlib.util.find_spec(self.package) is not None

    @property
    def version(self) -> str:
        """Of the package."""
        from importlib import metadata  # imports the email package

        return metadata.version(self.package)

    def accepts(self, precision: str) -> bool:
        """Whether the option ``precision`` may have this value."""
        return precision in (*_BY_ITSELF, *self.precisions)

    def numbers(self, precision: str) -> Numbers:
        """What the option ``precision`` means here, where nothing else decides it."""
        found = next((name for name in self.precisions if name == precision), self.precisions[0])
        return Numbers(found, self.name)

    def load(self) -> "Backend":
        """Import it."""
        backend: Backend = import_module(self.module).BACKEND
        return backend


_OWN = "rapidembed.runtime.backends"
BACKENDS = {
    row.name: row
    for row in (
        BackendRow(
            name=DEFAULT,
            precisions=("fp32", "int8"),
            module=f"{_OWN}.onnxruntime",
            package="onnxruntime",
            takes_providers=True,
        ),
        BackendRow(
            name="openvino",
            precisions=("fp32", "bf16"),
            module=f"{_OWN}.openvino",
            package="openvino",
            install="pip install 'rapidembed[openvino]'",
        ),
        BackendRow(
            name="native",
            precisions=("int8", "bf16", "fp32"),
            module=f"{_OWN}.native",
            package="rapidembed_native",
            install="pip install rapidembed-native",
            own_numbers=("int8", "bf16"),
        ),
        BackendRow(
            name="numpy", precisions=("fp32",), module=f"{_OWN}.tables", package="numpy", chosen=False, batched=False
        ),
    )
}
"""By name, in the order in which messages list them."""


def register(row: BackendRow) -> None:
    """Add a backend to this process; ``backend=row.name`` then works for every facade.

    Raises:
        ValueError: the name is taken.
    """
    if BACKENDS.setdefault(row.name, row) != row:
        raise ValueError(f"There is a backend {row.name!r} already; choose another name.")


def check_options(precision: str, backend: str, *, providers: bool) -> None:
    """Check what a user asks for.

    Args:
        precision: the option.
        backend: the option.
        providers: whether ``providers`` were given.

    Raises:
        ValueError: a name is unknown, or they do not go together.
    """
    rows = {name: row for name, row in BACKENDS.items() if row.chosen}
    if not isinstance(backend, str) or backend not in rows:
        raise ValueError(f"backend must be one of {', '.join(rows)}, got {backend!r}.")
    everywhere = dict.fromkeys(name for row in rows.values() for name in (*_BY_ITSELF, *row.precisions))
    if not isinstance(precision, str) or precision not in everywhere:
        raise ValueError(f"precision must be one of {', '.join(everywhere)}, got {precision!r}.")
    if not rows[backend].accepts(precision):
        right = next(name for name, row in rows.items() if row.accepts(precision))
        raise ValueError(f'precision="{precision}" is for backend="{right}", got backend="{backend}".')
    if providers and not rows[backend].takes_providers:
        raise ValueError(f'providers are ONNX Runtime\'s; leave them out with backend="{backend}".')


def require(numbers: Numbers) -> None:
    """Check that a backend is there, and that it computes so on this machine.

    Raises:
        DeviceError: it is not installed, or the CPU lacks the instructions.
    """
    row = BACKENDS[numbers.backend]
    if not row.installed:
        raise DeviceError(f'backend="{row.name}" needs the package {row.package}. Install it with: {row.install}')
    row.load().require(numbers.precision)


def can_compute(numbers: Numbers, checkpoint: "Checkpoint | None" = None) -> bool:
    """Whether a backend is there, is fast on this machine, and computes the model, if one is meant."""
    row = BACKENDS[numbers.backend]
    if not row.installed:
        return False
    backend = row.load()
    try:
        backend.require(numbers.precision)
    except DeviceError:
        return False
    return backend.is_fast(numbers.precision) and (checkpoint is None or backend.takes(checkpoint))


def float32(checkpoint: "Checkpoint | None" = None) -> Numbers:
    """What computes float32 on a CPU where nobody says with what: rapidembed-native where it can."""
    return _NATIVE_FLOAT32 if can_compute(_NATIVE_FLOAT32, checkpoint) else FLOAT32
