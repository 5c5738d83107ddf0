"""What a facade asks of the registry: its curated rows, and how a checkpoint's own files are read for its task."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rapidembed.registry import custom
from rapidembed.registry.catalog import curated, find_curated
from rapidembed.registry.cross_encoder import discover_cross_encoder
from rapidembed.registry.discovery import WEIGHTS_FILE, discover, read_modules
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
    head: Head
    """Head of its models; tells added models of one facade from another's."""
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
        """The models known by name: curated ones in the order of the data file, then those that were added."""
        return (*curated(self.rows), *(spec for spec in custom.models() if spec.head == self.head))

    def find(self, name: str) -> ModelSpec | None:
        """The curated, added or installed model of that name (case does not matter), or None."""
        if found := find_curated(self.rows, name):
            return found
        added = custom.find(name)
        return added if added and added.head == self.head else None

    def is_curated(self, name: str) -> bool:
        """Whether a curated model has that name (case does not matter)."""
        return find_curated(self.rows, name) is not None


TEXT = Task("TextEmbedding", "dense", "pool", discover, needs_modules=True)
RERANK = Task("TextCrossEncoder", "rerank", "classification", discover_cross_encoder)
LATE_INTERACTION = Task(
    "LateInteractionTextEmbedding",
    "late_interaction",
    "tokens",
    discover_multi_vector,
    files=(METADATA_FILE,),
    undeclared_files=(WEIGHTS_FILE,),  # the width of the projection
)
SPARSE = Task(
    "SparseTextEmbedding", "sparse", "mlm", discover_sparse, modules=read_sparse_modules, files=(ROUTER_FILE,)
)
