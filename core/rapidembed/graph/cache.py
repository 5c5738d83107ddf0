"""Built graphs on disk: kilobytes each, keyed by everything that shapes them; no weights.

A graph is stored as a safetensors file of one byte tensor and its checksum, so a damaged file is recognised.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rapidembed import settings
from rapidembed.graph.built import BuiltGraph

logger = logging.getLogger(__name__)


def cached(key: str, build: Callable[[], BuiltGraph]) -> BuiltGraph:
    """The graph stored under ``key``, else the one that ``build`` makes, which is then stored.

    A folder that cannot be written costs one warning in the log, not the model.
    """
    path = settings.cache_dir() / "graphs" / f"{key}.graph"
    if found := _read(path):
        return found
    graph = build()
    _write(path, graph)
    return graph


def _read(path: Path) -> BuiltGraph | None:
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.metadata()
            model = file.get_tensor("model").tobytes()
        graph = BuiltGraph(model, tuple(json.loads(names["converted"])), tuple(json.loads(names["tables"])))
        intact = hashlib.sha256(model).hexdigest() == names["sha256"]
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("Building the graph anew: %s is damaged (%s).", path, error)
        return None
    if not intact:
        logger.warning("Building the graph anew: the checksum of %s is wrong.", path)
        return None
    return graph


def _write(path: Path, graph: BuiltGraph) -> None:
    names = {
        "converted": json.dumps(graph.converted),
        "tables": json.dumps(graph.tables),
        "sha256": hashlib.sha256(graph.model).hexdigest(),
    }
    data = save({"model": np.frombuffer(graph.model, dtype=np.uint8)}, names)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A reader sees the whole file or none: written beside it, then renamed.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = file.name
            file.write(data)
        os.chmod(temporary, 0o644)  # a cache may be shared; temporary files are private
        os.replace(temporary, path)
    except OSError as error:
        logger.warning("The graph cache cannot be written (%s); graphs are built at every start.", error)
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
