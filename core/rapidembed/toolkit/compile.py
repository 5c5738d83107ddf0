"""A model and all that is built of it in one folder: for container images, and for hosts that should build nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph import Compiled
from rapidembed.graph.compiled import ADAPTER
from rapidembed.hub import Checkpoint
from rapidembed.runtime.backends import BACKENDS
from rapidembed.runtime.backends.backend import Compiling
from rapidembed.runtime.cpu import integer_kind

_BESIDE_WEIGHTS = ("*.json", "*.txt", "*.model", "LICENSE*", "README*")


class Loaded(Protocol):
    """A facade that runs a network."""

    @property
    def fingerprint(self) -> str:
        """See :attr:`rapidembed.TextEmbedding.fingerprint`."""

    def _loaded(self) -> Any: ...


def compile_model(model: Loaded, folder: Path) -> None:
    """Write the folder of a loaded model.

    The folder loads by its path, like any other, in the precision and on the backend that ``model`` has, and builds
    nothing. It holds the weights too, so other precisions are still to be had. Integers are for the kind of CPU that
    they were made on; another refuses them.

    Args:
        model: a facade, with the precision and backend that are wanted.
        folder: a new or an empty one.

    Raises:
        ValueError: the folder is not empty.
        UnsupportedModelError: the model has no graph that is built.
        OSError: the folder cannot be written.
    """
    from rapidembed import __version__

    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; name a new folder.")
    loaded = model._loaded()
    key = loaded.engine.key
    checkpoint: Checkpoint = key.checkpoint
    backend = BACKENDS[key.backend].load()
    if not isinstance(backend, Compiling) or checkpoint.is_onnx:
        raise UnsupportedModelError(
            f"{checkpoint.spec.name} needs no graph to be built; copy {checkpoint.root} as it is."
        )
    if checkpoint.spec.head == "page":
        raise UnsupportedModelError(
            f"{checkpoint.spec.name} reads pages by two graphs, which compiled folders do not hold; they are built in "
            "a moment at the first start, and kept in the cache."
        )
    if checkpoint.adapter is not None:
        raise UnsupportedModelError(
            f"{checkpoint.folder} holds an adapter. Merge it into the weights once, where peft is installed: "
            "model.merge_and_unload().save_pretrained(FOLDER)."
        )
    for path in _files(checkpoint):
        target = folder / path.relative_to(checkpoint.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    copy = Checkpoint(checkpoint.spec, folder, checkpoint.weights, None, checkpoint.encoder)
    record = Compiled(
        precision=key.precision,
        backend=key.backend,
        integers=integer_kind(),
        bits=None,
        layout="",
        version=__version__,
    )
    if getattr(loaded, "adapter", None) is not None:  # models of texts may have one
        loaded.adapter.save(folder / ADAPTER)
    backend.compile(key, copy, record)


def check_compiled(model: Loaded, compiled: Loaded) -> None:
    """Compare a model with its compiled folder.

    Raises:
        UnsupportedModelError: some of what decides the results is not in the folder, but known by the model's name.
    """
    if model.fingerprint != compiled.fingerprint:
        own, copied = model._loaded().facts(), compiled._loaded().facts()
        other = ", ".join(name for name in own if own[name] != copied.get(name))
        raise UnsupportedModelError(
            f"The folder would give other results than the model: {other or 'its files'} are known by the model's name "
            "only. Pull the model and use it by name."
        )


def _files(checkpoint: Checkpoint) -> Iterator[Path]:
    """The weights that run, and the small files of the checkpoint; other weights stay behind."""
    wanted = {*checkpoint.weight_files, *checkpoint.tokenizer_files}
    for pattern in _BESIDE_WEIGHTS:
        wanted.update(checkpoint.root.rglob(pattern))
    return iter(sorted(path for path in wanted if path.is_file()))
