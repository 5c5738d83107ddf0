"""Type aliases of fastembed's."""

from rapidembed.compat.common.types import ImageInput, OnnxProvider, PathInput

__all__ = ["ImageInput", "OnnxProvider", "PathInput"]
