"""A model that a tool was given: a loaded one, or one that is loaded while the tool runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rapidembed.tasks.text.facade import TextEmbedding
from rapidembed.tasks.unit import unit_rows
from rapidembed.types import Vectors


@contextmanager
def opened(model: "str | Path | TextEmbedding") -> Iterator[TextEmbedding]:
    """The model; one that was given by name is closed at the end."""
    if isinstance(model, TextEmbedding):
        yield model
        return
    with TextEmbedding(model) as own:
        yield own


def both_sides(
    model: TextEmbedding, queries: list[str], documents: list[str], *, show_progress: bool = False
) -> tuple[Vectors, Vectors]:
    """The vectors of queries and of documents, of length 1."""
    return (
        unit_rows(model.encode_query(queries, show_progress=show_progress)),
        unit_rows(model.encode_document(documents, show_progress=show_progress)),
    )
