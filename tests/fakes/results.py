"""What a model computes, as JSON holds it: one call for each task. Other processes import this module too."""

from typing import Any

QUERY, DOCUMENTS = "the lazy dog", ["hello world", "the quick fox"]


def vector(model: Any) -> Any:
    """A dense model's vector of one text."""
    return model.encode("hello world").tolist()


def vector_with_a_bar(model: Any) -> Any:
    """The same, showing the progress."""
    return model.encode(["hello world"], show_progress=True)[0].tolist()


def scores(model: Any) -> Any:
    """A reranker's scores."""
    return model.score(QUERY, DOCUMENTS).tolist()


def token_vectors(model: Any) -> Any:
    """Late interaction's vectors of all tokens, in a row, of the query and the documents."""
    return [found.ravel().tolist() for found in (model.encode_query(QUERY), *model.encode_document(DOCUMENTS))]


def weights(model: Any) -> Any:
    """A sparse model's pairs of an index and its weight, of the query and the documents."""
    return [
        [*map(list, found.as_dict().items())]
        for found in (model.encode_query(QUERY), *model.encode_document(DOCUMENTS))
    ]
