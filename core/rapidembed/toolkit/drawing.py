"""Pictures, for which matplotlib is needed (extra ``report``)."""

from typing import Any


def new_figure(size: tuple[float, float]) -> Any:
    """An empty figure of so many inches.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'rapidembed[report]'") from error
    return Figure(figsize=size, layout="constrained")
