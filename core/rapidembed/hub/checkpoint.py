"""A model whose files are on this machine."""

from dataclasses import dataclass
from pathlib import Path

from rapidembed.errors import IntegrityError
from rapidembed.hub.content import announced_hash
from rapidembed.registry import ModelSpec
from rapidembed.registry.adapter import Adapter, read_adapter
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.transformer_module import read_config

Stamp = tuple[tuple[str | int, ...], ...]

TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")
ADDED_TOKENS_FILE = "added_tokens.json"
# Checkpoints without it hold the vocabulary, and what to make of it.
VOCABULARY_FILES = (
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A local folder, what model it holds, and which of its weights to run."""

    spec: ModelSpec
    root: Path
    weights: tuple[str, ...]
    """Weight files inside ``root``, or of an adapter's base wherever that is: ``.safetensors`` or ``.bin`` files, or an
    ``.onnx`` graph and the files it keeps data in."""
    revision: str | None = None
    """Commit of the hub repository; None for folders and packages."""
    encoder: str = ""
    """Folder inside ``root`` that holds config.json and the tokenizer; older models have one."""

    @property
    def folder(self) -> Path:
        """Where config.json and the tokenizer lie."""
        return self.root / self.encoder

    @property
    def config(self) -> ConfigFile:
        """The encoder's config.json, with what the spec lays over it.

        Raises:
            UnsupportedModelError, IntegrityError: it is missing, damaged, or says something unknown.
        """
        return read_config(self.folder, self.spec.config)

    @property
    def adapter(self) -> Adapter | None:
        """What is merged into the encoder's weights, if anything is."""
        return None if self.is_onnx else read_adapter(self.folder)

    @property
    def is_onnx(self) -> bool:
        """Whether a ready-made ONNX graph runs instead of one built from safetensors."""
        return self.weights[0].endswith(".onnx")

    @property
    def weight_files(self) -> list[Path]:
        """All weights: the encoder's, then those of Dense modules."""
        files = [self.root / file for file in (*self.weights, *self.spec.module_weights)]
        return files if self.adapter is None else [*files, self.adapter.weights]

    @property
    def tokenizer_files(self) -> list[Path]:
        """The files that decide the token ids."""
        whole = self.folder / TOKENIZER_FILE
        vocabulary = (TOKENIZER_FILE,) if whole.is_file() else VOCABULARY_FILES
        names = (*vocabulary, *TOKENIZER_SETTINGS, ADDED_TOKENS_FILE)
        return [path for name in names if (path := self.folder / name).is_file()]

    @property
    def deciding_files(self) -> list[Path]:
        """The files that decide the vectors, beside what the spec was read from."""
        files = [*self.weight_files, self.folder / "config.json", *self.tokenizer_files]
        return [file for file in files if file.is_file()]

    def stamp(self) -> Stamp:
        """Identity of the files that decide the vectors: a file that is saved again gets another."""
        return tuple(map(_identity, self.deciding_files))

    def check(self, stamp: Stamp) -> None:
        """Compare the files with what they were when ``stamp`` was taken.

        Raises:
            IntegrityError: they were replaced since then.
        """
        if self.stamp() != stamp:
            raise IntegrityError(
                f"The files in {self.root} changed while {self.spec.name} was in use. "
                "Close the model and create it again."
            )


def _identity(path: Path) -> tuple[str | int, ...]:
    state = path.stat()
    # Another process may put the same blob into the hub's cache again.
    announced = announced_hash(path)
    return (announced, state.st_size) if announced else (state.st_ino, state.st_size, state.st_mtime_ns)
