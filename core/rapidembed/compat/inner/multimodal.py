"""Vectors of texts and pictures with fastembed's values."""

import rapidembed
from rapidembed.compat.inner.image import VIEW


class InnerMultimodal(rapidembed.LateInteractionMultimodalEmbedding):  # type: ignore[misc, name-defined]
    """The facade."""

    _view = VIEW
