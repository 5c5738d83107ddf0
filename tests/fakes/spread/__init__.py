"""A task as somebody else would write it: one folder, and a row for the registry. It touches nothing of the library.

A text becomes the mean of its tokens' vectors and how far they lie from it.
"""

from functools import partial

from rapidembed.registry import Task
from rapidembed.registry.encoder import discover_encoder

SPREAD = Task(facade="SpreadEmbedding", rows=(), head="tokens", discover=partial(discover_encoder, head="tokens"))
"""The row."""
