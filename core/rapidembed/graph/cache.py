"""What is built, on disk: graphs, kilobytes each, keyed by everything that shapes them; and weights that were rounded.

A graph is stored as a safetensors file of one byte tensor and its checksum, so a damaged file is recognised. Rounded
weights are a safetensors file too; they are read where they lie, and never whole, so only their size is checked.
"""

import contextlib
import hashlib
import json
import logging
import mmap
import os
from collections.abc import Callable
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save, save_file

from rapidembed import settings
from rapidembed.errors import IntegrityError
from rapidembed.graph.built import BuiltGraph, Rounded
from rapidembed.graph.weights import Weights

T = TypeVar("T")

logger = logging.getLogger(__name__)

_ABSENT = (FileNotFoundError, NotADirectoryError)
_ROUNDED_ANEW = (
    "weights are rounded at every start, which takes seconds. `rapidembed compile MODEL --precision int8 --out DIR` "
    "makes a folder that holds them, to be loaded instead; or RAPIDEMBED_CACHE_DIR names another cache."
)


def cached(key: str, build: Callable[[], BuiltGraph]) -> BuiltGraph:
    """The graph stored under ``key``, else the one that ``build`` makes, which is then stored.

    A folder that cannot be written costs one warning in the log, not the model.
    """
    return stored(f"{key}.graph", read_graph, build, write_graph, "graphs are built at every start.")


def cached_tensors(key: str, names: set[str], make: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The tensors ``names`` stored under ``key``, as views of their file, else as ``make`` gives them, then stored."""
    mapped = partial(map_tensors, names=names)
    return stored(f"{key}.weights", mapped, make, write_tensors, _ROUNDED_ANEW, anew=True)


def cached_bytes(key: str, size: int, fill: Callable[[NDArray[np.uint8]], None]) -> NDArray[np.uint8]:
    """So many bytes, stored under ``key``, at the beginning of a page of memory.

    They are the file's, which processes share; the first time, ``fill`` puts them into the memory that it is given.
    """

    def make() -> NDArray[np.uint8]:
        memory = np.frombuffer(mmap.mmap(-1, size), dtype=np.uint8)
        fill(memory)
        return memory

    mapped = partial(map_bytes, size=size)
    return stored(f"{key}.packed", mapped, make, write_bytes, "weights are packed at every start.", anew=True)


def stored(
    name: str,
    read: Callable[[Path], T | None],
    make: Callable[[], T],
    write: Callable[[Path, T], None],
    otherwise: str,
    *,
    anew: bool = False,
    level: int = logging.WARNING,
) -> T:
    """What ``read`` finds in the cache's file ``name``, else what ``make`` gives, which ``write`` then stores.

    Where that cannot be, a line in the log, of this ``level``, says what happens ``otherwise``. Processes share what
    ``read`` finds, so what is large is read ``anew`` from what was written.
    """
    path = settings.cache_dir() / "graphs" / name
    if (found := read(path)) is not None:
        return found
    made = make()
    try:
        write(path, made)
    except (OSError, SafetensorError) as error:
        logger.log(level, "The graph cache cannot be written (%s); %s", error, otherwise)
    found = read(path) if anew else None
    return made if found is None else found


def write_text(path: Path, text: str) -> None:
    """Store a text with its checksum, whole or not at all."""
    content = f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}"
    _write(path, lambda file: file.write_text(content, encoding="utf-8"))


def read_text(path: Path, parse: Callable[[str], T]) -> T | None:
    """What ``parse`` makes of a text of :func:`write_text`; None, with a line in the log, if it cannot be had."""
    try:
        checksum, _, text = path.read_text(encoding="utf-8").partition("\n")
        if hashlib.sha256(text.encode()).hexdigest() == checksum:
            return parse(text)
        error: Exception = ValueError("its checksum is wrong")
    except _ABSENT:
        return None
    except OSError as found:
        logger.warning("Reading the model anew: %s cannot be read (%s).", path, found)
        return None
    except (ValueError, KeyError, TypeError) as found:
        error = found
    logger.warning("Reading the model anew: %s is damaged (%s).", path, error)
    return None


def map_bytes(path: Path, size: int) -> NDArray[np.uint8] | None:
    """A file of so many bytes, mapped; None, with a line in the log, if it cannot be had."""
    try:
        if path.stat().st_size != size:
            logger.warning("Packing the weights anew: %s has not the size that it should.", path)
            return None
        return np.memmap(path, dtype=np.uint8, mode="r")
    except _ABSENT:
        return None
    except OSError as error:
        logger.warning("Packing the weights anew: %s cannot be read (%s).", path, error)
        return None


def map_tensors(path: Path, names: set[str]) -> dict[str, NDArray[Any]] | None:
    """The tensors ``names`` of a file, as views of it; None, with a line in the log, if that cannot be had."""
    try:
        path.stat()
        weights = Weights([("", path)])
    except _ABSENT:
        return None
    except (IntegrityError, OSError) as error:
        logger.warning("Rounding the weights anew: %s", error)
        return None
    if weights.names != names:
        logger.warning("Rounding the weights anew: %s holds other tensors.", path)
        return None
    return {name: weights.stored(name) for name in weights.names}


def write_bytes(path: Path, content: NDArray[np.uint8]) -> None:
    """Store bytes, whole or not at all."""
    _write(path, lambda file: file.write_bytes(content.data))


def write_tensors(path: Path, tensors: dict[str, NDArray[Any]]) -> None:
    """Store tensors, whole or not at all."""
    _write(path, lambda file: save_file(tensors, file))


def write_graph(path: Path, graph: BuiltGraph) -> None:
    """Store a graph, whole or not at all."""
    _write(path, lambda file: file.write_bytes(_serialize(graph)))


def read_graph(path: Path) -> BuiltGraph | None:
    """A stored graph; None, with a line in the log, if it cannot be had."""
    try:
        path.stat()  # safetensors calls whatever it cannot open missing
        with safe_open(path, framework="numpy") as file:
            names = file.metadata()
            model = file.get_tensor("model").tobytes()
        graph = BuiltGraph(
            model,
            tuple(json.loads(names["converted"])),
            tuple(json.loads(names["tables"])),
            tuple(Rounded(*entry) for entry in json.loads(names["rounded"])),
        )
        intact = hashlib.sha256(model).hexdigest() == names["sha256"]
    except _ABSENT:
        return None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("Building the graph anew: %s is damaged (%s).", path, error)
        return None
    if not intact:
        logger.warning("Building the graph anew: the checksum of %s is wrong.", path)
        return None
    return graph


def _serialize(graph: BuiltGraph) -> bytes:
    names = {
        "converted": json.dumps(graph.converted),
        "tables": json.dumps(graph.tables),
        "rounded": json.dumps([astuple(entry) for entry in graph.rounded]),
        "sha256": hashlib.sha256(graph.model).hexdigest(),
    }
    return bytes(save({"model": np.frombuffer(graph.model, dtype=np.uint8)}, names))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    import tempfile  # with what it imports it takes milliseconds, and a start that finds its files writes none

    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A reader sees the whole file or none: written beside it, then renamed.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = file.name
        write(Path(temporary))
        os.chmod(temporary, 0o644)  # a cache may be shared; temporary files are private
        os.replace(temporary, path)
    except (OSError, SafetensorError):
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise
