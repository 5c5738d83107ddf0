"""The tiny model, what is right about a start with it, and what a cache holds of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fakes.hub import FakeHub

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "golden" / "base"
WEIGHTS = "model.safetensors"
SIZE = (TINY / WEIGHTS).stat().st_size
NAME = "someone/tiny"

Row = Callable[[int, str, str], None]
"""The fixture ``row``."""


def right(found: dict, vector: list[float]) -> bool:
    return "vector" in found and np.allclose(found["vector"], vector, atol=1e-6)


def gets(hub: FakeHub, file: str) -> int:
    return sum(request.startswith("GET") and request.endswith(file) for request in hub.requests)


def partial_files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*.incomplete") if path.is_file()]


def blob(cache: Path, file: str) -> Path:
    (link,) = cache.glob(f"models--*/snapshots/*/{file}")
    return link.resolve()
