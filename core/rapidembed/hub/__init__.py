"""Where a model comes from: a hub id, a folder or an installed package becomes a local checkpoint."""

from rapidembed.hub.checkpoint import Checkpoint, Stamp
from rapidembed.hub.content import announced_sha256
from rapidembed.hub.mend import mend, mended
from rapidembed.hub.options import HubOptions
from rapidembed.hub.resolve import resolve

__all__ = [
    "Checkpoint",
    "HubOptions",
    "Stamp",
    "announced_sha256",
    "mend",
    "mended",
    "resolve",
]
