"""Small helpers that programs import from fastembed."""

import os
import tempfile
from pathlib import Path


def define_cache_dir(cache_dir: str | Path | None = None) -> Path:
    """The folder that fastembed keeps models in, which is made if it does not exist.

    ``cache_dir`` if given, else ``$FASTEMBED_CACHE_PATH``, else ``fastembed_cache`` in the system's temporary folder.
    It is laid out as the Hugging Face cache, so what fastembed has downloaded is found.
    """
    given = cache_dir or os.environ.get("FASTEMBED_CACHE_PATH")
    folder = Path(given) if given else Path(tempfile.gettempdir(), "fastembed_cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
