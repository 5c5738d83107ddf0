"""Every environment variable and default folder, read when asked for, never at import.

| variable | meaning | default |
|---|---|---|
| ``RAPIDEMBED_MODEL`` | model that ``TextEmbedding()`` loads | ``BAAI/bge-small-en-v1.5`` |
| ``RAPIDEMBED_THREADS`` | threads of the process-wide compute pool | the cores this process may use |
| ``RAPIDEMBED_BATCHING`` | ``0``: the inputs of concurrent callers run each alone, not together | ``1`` |
| ``RAPIDEMBED_CACHE_DIR`` | what is built: graphs, and weights in int8 | ``rapidembed`` in the user's cache folder |

Downloads live in the Hugging Face cache (``HF_HOME``, ``HF_HUB_CACHE``) and obey ``HF_HUB_OFFLINE``, ``HF_TOKEN``
and ``HF_ENDPOINT``.
"""

import os
import sys
from pathlib import Path

DEFAULT_MODEL = "BAAI/bge-small-en-v1.5"


def default_model() -> str:
    """Name of the model that is used when none is given: ``$RAPIDEMBED_MODEL``, else BAAI/bge-small-en-v1.5."""
    return os.environ.get("RAPIDEMBED_MODEL") or DEFAULT_MODEL


def requested_threads() -> int | None:
    """``RAPIDEMBED_THREADS`` as a positive integer, or None when it is not set.

    Raises:
        ValueError: the variable holds something else.
    """
    text = os.environ.get("RAPIDEMBED_THREADS")
    if not text:
        return None
    try:
        threads = int(text)
    except ValueError:
        threads = 0
    if threads < 1:
        raise ValueError(f"RAPIDEMBED_THREADS must be a positive integer, got {text!r}.")
    return threads


def batches_callers() -> bool:
    """Whether inputs of concurrent callers run together: ``RAPIDEMBED_BATCHING``, "1" or "0".

    Raises:
        ValueError: the variable holds something else.
    """
    text = os.environ.get("RAPIDEMBED_BATCHING") or "1"
    if text not in ("0", "1"):
        raise ValueError(f"RAPIDEMBED_BATCHING must be 0 or 1, got {text!r}.")
    return text == "1"


def cache_dir() -> Path:
    """Folder for what the library builds itself; it may not exist yet."""
    override = os.environ.get("RAPIDEMBED_CACHE_DIR")
    return Path(override).expanduser() if override else _user_cache_dir() / "rapidembed"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:  # a user without an entry, as in some containers
        raise ValueError("This user has no home folder; set RAPIDEMBED_CACHE_DIR to a folder for the cache.") from error


def _user_cache_dir() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else _home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches"
    xdg = os.environ.get("XDG_CACHE_HOME")
    return Path(xdg) if xdg else _home() / ".cache"
