"""Vectors of texts and pictures with fastembed's values."""

import rapidembed
from rapidembed.compat.inner.image import VIEW


class InnerMultimodal(rapidembed.LateInteractionMultimodalEmbedding):  # type: ignore[misc, valid-type]
    """The facade."""

    _view = VIEW
