"""What a facade asks of the registry: its curated rows, and how a checkpoint's own files are read for its task."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rapidembed.registry import custom
from rapidembed.registry.catalog import curated, find_curated
from rapidembed.registry.cross_encoder import discover_cross_encoder
from rapidembed.registry.discovery import WEIGHTS_FILE, discover, read_modules
from rapidembed.registry.encoder import discover_encoder
from rapidembed.registry.multi_vector import METADATA_FILE, discover_multi_vector
from rapidembed.registry.sparse_encoder import ROUTER_FILE, discover_sparse, read_sparse_modules
from rapidembed.registry.spec import ModelSpec
from rapidembed.types import Head


@dataclass(frozen=True, slots=True)
class Task:
    """One facade's models."""

    facade: str
    """The class, for messages."""
    rows: str
    """Data file of the curated models."""
    heads: tuple[Head, ...]
    """Heads of its models, which tell added models of one facade from another's; the first is what a checkpoint's own
    files describe, the others need a row."""
    discover: Callable[[Path, str], ModelSpec]
    """Reads the spec of the model in a folder, given the name to call it by."""
    needs_modules: bool = False
    """Whether a checkpoint without modules.json says too little."""
    modules: Callable[[Path], list[tuple[str, str]]] = read_modules
    """Reads kind and folder of each module of a checkpoint, the encoder first."""
    files: tuple[str, ...] = ()
    """Files that a checkpoint may have for this task beyond those that every one has."""
    undeclared_files: tuple[str, ...] = ()
    """Files that say what modules.json does not, where there is none."""

    def models(self) -> tuple[ModelSpec, ...]:
        """The models known by name: curated ones in the order of the data file, then installed and added ones."""
        return (*curated(self.rows), *custom.models(self.heads))

    def find(self, name: str) -> ModelSpec | None:
        """The curated, added or installed model of that name (case does not matter), or None."""
        return find_curated(self.rows, name) or self.find_added(name)

    def read(self, folder: Path, name: str, row: ModelSpec | None) -> ModelSpec:
        """The spec of the model in ``folder``, which is to have the head of ``row`` if that is given."""
        if row is not None and row.head != self.heads[0]:
            return discover_encoder(folder, name, row.head)
        return self.discover(folder, name)

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
        if find_curated(self.rows, spec.name):
            raise ValueError(f"{spec.name!r} is a curated model; choose another name.")
        custom.add(spec)

    def remove(self, name: str) -> None:
        """Take a model back that :meth:`add` added.

        Raises:
            ValueError: no such model was added.
        """
        custom.remove(self.heads, name)


TEXT = Task("TextEmbedding", "dense", ("pool",), discover, needs_modules=True)
RERANK = Task("TextCrossEncoder", "rerank", ("classification",), discover_cross_encoder)
LATE_INTERACTION = Task(
    "LateInteractionTextEmbedding",
    "late_interaction",
    ("tokens",),
    discover_multi_vector,
    undeclared_files=(METADATA_FILE, WEIGHTS_FILE),
)
SPARSE = Task(
    "SparseTextEmbedding",
    "sparse",
    ("mlm", "attention", "words"),
    discover_sparse,
    modules=read_sparse_modules,
    files=(ROUTER_FILE,),
)
