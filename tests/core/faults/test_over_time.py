"""What goes on for very long: rows of docs/reliability.md, as in the other files of this folder."""

import sys
from collections.abc import Callable

import pytest

from tests.fakes.process import printed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
Row = Callable[[int, str, str], None]
linux = pytest.mark.skipif(sys.platform != "linux", reason="the figures are Linux's")


_MANY = """
import gc, random, warnings
import psutil
from rapidembed import TextEmbedding
warnings.simplefilter("ignore")
choose, model, process = random.Random(56), TextEmbedding(TINY), psutil.Process()
def some(calls):
    for _ in range(calls):
        texts = ["w " * choose.randrange(60) for _ in range(choose.choice([1, 1, 1, 2, 5, 17]))]
        model.encode(texts if len(texts) > 1 else texts[0], batch_size=choose.choice([1, 4, 256]))
    gc.collect()
    return process.memory_info().rss / 1e6, process.num_threads(), process.num_fds()
sizes = [some(10_000) for _ in range(10)]
print(*(last - first for first, last in zip(sizes[1], sizes[-1])))
"""

_MANY_MODELS = """
import gc
import psutil
from rapidembed import TextEmbedding
process = psutil.Process()
def some(count):
    for i in range(count):
        with TextEmbedding(TINY, threads=1 + i % 2) as model:
            model.encode_query("x")
            model.encode(["x", "y z"])
    gc.collect()
    return process.memory_info().rss / 1e6, process.num_threads(), process.num_fds(), len(process.children())
first, last = some(100), some(1_000)
print(*(b - a for a, b in zip(first, last)))
"""


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever machine runs this, so that memory is comparable."""
    monkeypatch.setenv("RAPIDEMBED_THREADS", "2")


@linux
@pytest.mark.usefixtures("two_threads")
def test_many_shapes(row: Row) -> None:
    """100,000 calls of random shapes."""
    megabytes, threads, files = map(float, printed(_MANY, timeout=1500)[0].split())
    assert (threads, files) == (0, 0)
    assert megabytes / 80 < 0.1
    row(56, "memory stays", f"{megabytes / 80:+.3f} MB for each of the last 80 thousand, 0 threads, 0 descriptors more")


@linux
@pytest.mark.usefixtures("two_threads")
def test_a_thousand_models(row: Row) -> None:
    """A thousand models are opened and closed."""
    megabytes, threads, files, children = map(float, printed(_MANY_MODELS, timeout=1500)[0].split())
    assert (threads, files, children) == (0, 0, 0)
    assert megabytes < 20
    row(57, "all is given back", f"{megabytes:+.1f} MB, 0 threads, 0 descriptors, 0 processes more")
