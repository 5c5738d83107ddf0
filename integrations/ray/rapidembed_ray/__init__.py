"""rapidembed for Ray Data: ``from rapidembed_ray import embed``."""

try:
    import ray.data  # noqa: F401
except ImportError as error:
    raise ImportError("rapidembed_ray needs Ray Data: pip install 'rapidembed[ray]'") from error

from rapidembed_ray.dataset import TASKS, embed
from rapidembed_ray.shards import embed_shards
from rapidembed_ray.worker import Embed

__all__ = ["TASKS", "Embed", "embed", "embed_shards"]
