"""Programs of a few lines over the tiny model, and calls that must be refused."""

import gc
import sys
from collections.abc import Callable

import psutil
import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")


def refused(calls: dict[str, Callable[[], object]], kind: type[Exception], words: str = "") -> str:
    """How many of the calls raise an error of the kind with the words in it."""
    for name, call in calls.items():
        with pytest.raises(kind) as caught:
            call()
        assert words in str(caught.value), (name, caught.value)
    return f"{len(calls)}/{len(calls)}"


def megabytes() -> float:
    """Memory of this process, without garbage."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6
