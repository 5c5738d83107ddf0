"""Vectors of pictures with fastembed's values."""

import rapidembed
from rapidembed.tasks.facade import View

VIEW = View(exported=True)
"""fastembed treats pictures as the model's own files say."""


class InnerImage(rapidembed.ImageEmbedding):
    """The facade."""

    _view = VIEW
