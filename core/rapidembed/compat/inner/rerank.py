"""Scores with fastembed's values."""

import rapidembed
from rapidembed.compat.values import VIEW


class InnerRerank(rapidembed.TextCrossEncoder):
    """The facade."""

    _view = VIEW
