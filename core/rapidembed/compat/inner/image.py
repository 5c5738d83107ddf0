"""Vectors of pictures with fastembed's values; how pictures become pixels the checkpoint's files say."""

import rapidembed
from rapidembed.compat.values import own_vectors
from rapidembed.tasks.facade import View


class InnerImage(rapidembed.ImageEmbedding):
    """The facade."""

    _view = View(spec=own_vectors, exported=True, quiet=True)
