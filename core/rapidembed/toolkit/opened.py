"""A model that a tool was given: a loaded one, or one that is loaded while the tool runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rapidembed.tasks.text.facade import TextEmbedding


@contextmanager
def opened(model: "str | Path | TextEmbedding") -> Iterator[TextEmbedding]:
    """The model; one that was given by name is closed at the end."""
    if isinstance(model, TextEmbedding):
        yield model
        return
    with TextEmbedding(model) as own:
        yield own
