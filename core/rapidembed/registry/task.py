"""What a facade asks of the registry: its curated rows, and how a checkpoint's own files are read for its task."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rapidembed.registry import custom
from rapidembed.registry.catalog import curated, find_curated
from rapidembed.registry.cross_encoder import discover_cross_encoder
from rapidembed.registry.discovery import WEIGHTS_FILE, discover
from rapidembed.registry.encoder import discover_encoder
from rapidembed.registry.hybrid import discover_hybrid, find_layers
from rapidembed.registry.modules_file import read_modules
from rapidembed.registry.multi_vector import METADATA_FILE, discover_multi_vector
from rapidembed.registry.sparse_encoder import ROUTER_FILE, discover_sparse, read_sparse_modules
from rapidembed.registry.spec import ModelSpec
from rapidembed.types import Head


@dataclass(frozen=True, slots=True)
class Task:
    """One facade's models."""

    facade: str
    """The class, for messages."""
    rows: tuple[str, ...]
    """Data files of the curated models."""
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
        return (*(spec for file in self.rows for spec in curated(file)), *custom.models(self.heads))

    def find(self, name: str) -> ModelSpec | None:
        """The curated, added or installed model of that name (case does not matter), or None."""
        return self._find_curated(name) or self.find_added(name)

    def read(self, folder: Path, name: str, row: ModelSpec | None) -> ModelSpec:
        """The spec of the model in ``folder``, which is to have the head of ``row`` if that is given.

        A folder with the layers of BGE-M3 is that in all tasks but text, where its modules say all that is needed.
        """
        head = row.head if row is not None else self.heads[0]
        if head == "hybrid" or (row is None and self is not TEXT and find_layers(folder)):
            return discover_hybrid(folder, name)
        return discover_encoder(folder, name, head) if head in ("attention", "words") else self.discover(folder, name)

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


TEXT = Task("TextEmbedding", ("dense", "hybrid"), ("pool", "hybrid"), discover, needs_modules=True)
RERANK = Task("TextCrossEncoder", ("rerank",), ("classification",), discover_cross_encoder)
LATE_INTERACTION = Task(
    "LateInteractionTextEmbedding",
    ("late_interaction", "hybrid"),
    ("tokens", "hybrid"),
    discover_multi_vector,
    undeclared_files=(METADATA_FILE, WEIGHTS_FILE),
)
SPARSE = Task(
    "SparseTextEmbedding",
    ("sparse", "hybrid"),
    ("mlm", "attention", "words", "hybrid"),
    discover_sparse,
    modules=read_sparse_modules,
    files=(ROUTER_FILE,),
)
HYBRID = Task("HybridTextEmbedding", ("hybrid",), ("hybrid",), discover_hybrid)
