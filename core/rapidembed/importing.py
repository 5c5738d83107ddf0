"""Imports that a process waits for."""

import gc
from importlib import import_module
from types import ModuleType


def load(module: str) -> ModuleType:
    """Import a module without collecting garbage meanwhile.

    What is imported stays; looking through it again and again is a twentieth of the time to a first vector.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        if collecting:
            gc.enable()
