"""Freed memory, which the C library may keep for itself."""

import ctypes
import sys


def give_back() -> None:
    """Hand freed memory back to the system, where the C library is one that else keeps it (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
