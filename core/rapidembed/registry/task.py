"""What a facade asks of the registry: its curated rows, and how a checkpoint's own files are read for its task.

``TASKS`` has a row for each task; a package of somebody else's adds its own by :func:`register` when it is imported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from rapidembed.names import HeadName
from rapidembed.registry import custom, discovery
from rapidembed.registry.catalog import curated, find_curated
from rapidembed.registry.hybrid import discover_hybrid, find_layers
from rapidembed.registry.modules_file import read_modules
from rapidembed.registry.spec import ModelSpec
from rapidembed.registry.towers import discover_pictures, discover_texts, reads_texts

Reader: TypeAlias = Callable[[Path, str], ModelSpec]
"""Reads the spec of the model in a folder, given the name to call it by.

Raises:
    UnsupportedModelError: the model is of another kind, a file that decides the vectors is missing, or one says
        something unknown.
    IntegrityError: a file is damaged, holds a value of a wrong type, or contradicts another.
"""


@dataclass(frozen=True, slots=True)
class Task:
    """One facade's models."""

    facade: str
    """The class, which ``module`` has."""
    rows: tuple[str, ...]
    """Data files of the curated models."""
    head: HeadName
    """What a checkpoint's own files describe."""
    discover: Reader
    """Reads them."""
    others: Mapping[HeadName, Reader] = field(default_factory=dict)
    """Heads that only a row can ask for, and what reads the files of such a model. All heads tell added models of one
    facade from another's."""
    reads_layers: bool = True
    """Whether a folder that has the layers of BGE-M3 is read as that, where no row says otherwise; not where its
    modules say all that is needed."""
    needs_modules: Callable[[Path], bool] = lambda folder: False
    """Whether the checkpoint in a folder says too little without modules.json."""
    modules: Callable[[Path], list[tuple[str, str]]] = read_modules
    """Reads kind and folder of each module of a checkpoint, the encoder first."""
    files: tuple[str, ...] = ()
    """Files that a checkpoint may have for this task beyond those that every one has."""
    encoder_files: tuple[str, ...] = ()
    """The same of files that lie beside config.json."""
    undeclared_files: tuple[str, ...] = ()
    """Files that say what modules.json does not, where there is none."""
    module: str = "rapidembed"
    """Where the facade is imported from."""

    @property
    def heads(self) -> tuple[HeadName, ...]:
        """Heads of its models."""
        return (self.head, *self.others)

    def models(self) -> tuple[ModelSpec, ...]:
        """The models known by name: curated ones in the order of the data file, then installed and added ones."""
        return (*(spec for file in self.rows for spec in curated(file)), *custom.models(self.heads))

    def find(self, name: str) -> ModelSpec | None:
        """The curated, added or installed model of that name (case does not matter), or None."""
        return self._find_curated(name) or self.find_added(name)

    def read(self, folder: Path, name: str, row: ModelSpec | None) -> ModelSpec:
        """The spec of the model in ``folder``, which is to have the head of ``row`` if that is given."""
        if row is None and self.reads_layers and find_layers(folder):
            return discover_hybrid(folder, name)
        head = self.head if row is None else row.head
        return self.others.get(head, self.discover)(folder, name)

    def find_added(self, name: str) -> ModelSpec | None:
        """The added or installed model of that name (case does not matter), or None."""
        return custom.find(self.heads, name)

    def add(self, spec: ModelSpec) -> None:
        """Add a model to this process. Adding an equal one again does nothing.

        Raises:
            ValueError: the model is for another task, or the name is taken.
        """
        if spec.head not in self.heads:
            known = " or ".join(map(repr, self.heads))
            raise ValueError(f"{self.facade} runs models with head={known}, got {spec.name!r} with {spec.head!r}.")
        if self._find_curated(spec.name):
            raise ValueError(f"{spec.name!r} is a curated model; choose another name.")
        custom.add(spec)

    def remove(self, name: str) -> None:
        """Take a model back that :meth:`add` added.

        Raises:
            ValueError: no such model was added.
        """
        custom.remove(self.heads, name)

    def _find_curated(self, name: str) -> ModelSpec | None:
        return next(filter(None, (find_curated(file, name) for file in self.rows)), None)


def _later(name: str, **known: str) -> Callable[..., Any]:
    """A function of this package by module and name, imported when it is called: a model needs one of them."""

    def call(folder: Path, *arguments: str) -> Any:
        module, _, function = name.partition(".")
        return getattr(import_module(f"rapidembed.registry.{module}"), function)(folder, *arguments, **known)

    return call


_HYBRIDS: Mapping[HeadName, Reader] = {"hybrid": discover_hybrid}


def _discover_text(folder: Path, name: str) -> ModelSpec:
    return discover_texts(folder, name) if reads_texts(folder) else discovery.discover(folder, name)


TEXT = Task(
    "TextEmbedding",
    ("dense", "hybrid"),
    "pool",
    _discover_text,
    _HYBRIDS,
    reads_layers=False,
    needs_modules=lambda folder: not reads_texts(folder),
)
SPARSE = Task(
    "SparseTextEmbedding",
    ("sparse", "hybrid"),
    "mlm",
    _later("sparse_encoder.discover_sparse"),
    {**{head: _later("encoder.discover_encoder", head=head) for head in ("attention", "words")}, **_HYBRIDS},
    modules=_later("sparse_encoder.read_sparse_modules"),
    files=(discovery.ROUTER_FILE,),
)
LATE_INTERACTION = Task(
    "LateInteractionTextEmbedding",
    ("late_interaction", "hybrid"),
    "tokens",
    _later("multi_vector.discover_multi_vector"),
    _HYBRIDS,
    undeclared_files=(discovery.METADATA_FILE, discovery.WEIGHTS_FILE),
)
RERANK = Task("TextCrossEncoder", ("rerank",), "classification", _later("cross_encoder.discover_cross_encoder"))
HYBRID = Task("HybridTextEmbedding", ("hybrid",), "hybrid", discover_hybrid)
IMAGE = Task(
    "ImageEmbedding",
    ("image",),
    "picture",
    discover_pictures,
    reads_layers=False,
    encoder_files=(discovery.PREPROCESSOR_FILE, discovery.PROCESSOR_FILE),
)
MULTIMODAL = Task(
    "LateInteractionMultimodalEmbedding",
    ("multimodal",),
    "page",
    _later("page_encoder.discover_pages"),
    reads_layers=False,
    encoder_files=(discovery.PREPROCESSOR_FILE, discovery.PROCESSOR_FILE),
)

TASKS = {
    "text": TEXT,
    "sparse": SPARSE,
    "late-interaction": LATE_INTERACTION,
    "rerank": RERANK,
    "hybrid": HYBRID,
    "image": IMAGE,
    "multimodal": MULTIMODAL,
}
"""By the name that the command line has for it; the first is what an unknown model is taken for."""


def register(name: str, task: Task) -> None:
    """Add a task to this process, for the command line and for the ``_task`` of its facade.

    Raises:
        ValueError: the name is taken.
    """
    if TASKS.setdefault(name, task) is not task:
        raise ValueError(f"There is a task {name!r} already; choose another name.")
