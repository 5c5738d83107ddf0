"""What a facade asks of the registry: its curated rows, and how a checkpoint's own files are read for its task."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rapidembed.registry.catalog import curated, find
from rapidembed.registry.cross_encoder import discover_cross_encoder
from rapidembed.registry.discovery import discover
from rapidembed.registry.multi_vector import METADATA_FILE, discover_multi_vector
from rapidembed.registry.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Task:
    """One facade's models."""

    facade: str
    """The class, for messages."""
    rows: str
    """Data file of the curated models."""
    discover: Callable[[Path, str], ModelSpec]
    """Reads the spec of the model in a folder, given the name to call it by."""
    needs_modules: bool
    """Whether a checkpoint without modules.json says too little."""
    files: tuple[str, ...] = ()
    """Files that a checkpoint may have for this task beyond those that every one has."""

    def models(self) -> tuple[ModelSpec, ...]:
        """The curated models, in the order of the data file."""
        return curated(self.rows)

    def find(self, name: str) -> ModelSpec | None:
        """The curated model of that name (case does not matter), or None."""
        return find(self.rows, name)


TEXT = Task("TextEmbedding", "dense", discover, needs_modules=True)
RERANK = Task("TextCrossEncoder", "rerank", discover_cross_encoder, needs_modules=False)
LATE_INTERACTION = Task(
    "LateInteractionTextEmbedding",
    "late_interaction",
    discover_multi_vector,
    needs_modules=False,
    files=(METADATA_FILE,),
)
