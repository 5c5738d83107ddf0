"""Ray on this machine, small; the other engines run in the tests' own process."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.scale)
            item.add_marker(pytest.mark.timeout(300))
            # What the engines warn of is theirs to mend.
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def ray(graph_cache: Path) -> Iterator[Any]:
    """Ray, with an object store that a million vectors do not fit into."""
    ray = pytest.importorskip("ray")
    os.environ |= {
        "RAPIDEMBED_CACHE_DIR": str(graph_cache),
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # sockets have short names
        ray.init(
            num_cpus=3,  # two for workers, one for what reads
            object_store_memory=256_000_000,
            include_dashboard=False,
            log_to_driver=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
        import ray.data

        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray
        ray.shutdown()
