"""Imports that a process waits for."""

import gc
import sys
from importlib import import_module
from types import ModuleType


def load(module: str) -> ModuleType:
    """Import a module without collecting garbage meanwhile.

    What is imported stays; looking through it again and again is a twentieth of the time to a first vector.

    Raises:
        RuntimeError: this is a subinterpreter.
    """
    if _in_subinterpreter():
        raise RuntimeError(
            "rapidembed does not run in a subinterpreter, where NumPy and ONNX Runtime hang or crash. Use a "
            "thread, which computes as fast, or a process."
        )
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        if collecting:
            gc.enable()


def _in_subinterpreter() -> bool:
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    try:
        interpreters = import_module(name)
    except ImportError:  # a Python without them
        return False
    # Numbers of interpreters, beside more of them from 3.13 on.
    return bool(interpreters.get_current() != interpreters.get_main())
