"""What is made of token vectors."""

from rapidembed.compat.postprocess.muvera import Muvera

__all__ = ["Muvera"]
