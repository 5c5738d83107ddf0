"""Whose line a warning is about."""

import sys
from types import FrameType

# The adapters of this project, and the frameworks that call them.
_BETWEEN = ("rapidembed_", "langchain", "llama_index", "haystack", "wrapt", "asyncio")


def users_level(stacklevel: int) -> int:
    """The ``stacklevel`` of the nearest line that is the user's own, both seen from the caller of this function.

    Args:
        stacklevel: of the line that called this library, as in :func:`warnings.warn`. Where an adapter did, the line
            meant is the one that called the adapter, or the framework around it.
    """
    level = stacklevel
    frame: FrameType | None = sys._getframe(stacklevel)
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(_BETWEEN):
        level, frame = level + 1, frame.f_back
    return stacklevel if frame is None else level
