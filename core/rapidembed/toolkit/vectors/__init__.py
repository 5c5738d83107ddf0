"""Vectors in fewer bytes: their numbers, search over them, and other programs' formats of them."""

from rapidembed.tasks.quantize import Ranges, quantize
from rapidembed.toolkit.vectors.search import PackedIndex

__all__ = ["PackedIndex", "Ranges", "quantize"]
