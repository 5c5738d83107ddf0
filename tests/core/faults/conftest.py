"""A hub, a network, a cache and models in use, under faults: ``make faults`` writes docs/reliability.md.

Every test is one or more rows of that page: its first line says what goes wrong, ``row`` notes what is expected and
what was measured. Up to row 35 most load a model from a hub on the loopback interface, in a process of its own where
that matters. Of models in use most faults have tests of their own too, close to the code; here they are counted.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rapidembed import TextEmbedding

from tests.fakes.tiny import TINY


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def vector() -> list[float]:
    return TextEmbedding(TINY).encode("hello world").tolist()


@pytest.fixture(scope="module")
def model() -> Iterator[TextEmbedding]:
    with TextEmbedding(TINY) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "model"))
