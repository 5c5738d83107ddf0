"""Tiny models for every kind of adapter."""

from pathlib import Path

import pytest

from tests.golden import heads
from tests.integrations.adapters import BM25

TINY = Path(__file__).parents[1] / "golden" / "base"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A model for each kind."""
    root = tmp_path_factory.mktemp("models")
    cross = heads.assemble_reranker(heads.RERANKERS["plain"], root / "cross")
    late = heads.assemble_colbert(heads.COLBERTS["authors"], root / "late")
    return {"dense": str(TINY), "sparse": BM25, "cross": str(cross), "late": str(late)}
