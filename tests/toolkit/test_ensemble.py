"""Several wordings of one question."""

import doctest

import numpy as np
import pytest
from rapidembed import TextEmbedding
from rapidembed.toolkit import PackedIndex, ensemble, fuse

STATIC = "builtin:static-en"
NOTES = [
    "closed at Christmas",
    "expenses are refunded",
    "printers need paper",
    "trains leave at noon",
    "soup on Monday",
]


def test_the_example_runs() -> None:
    result = doctest.testmod(ensemble)
    assert (result.attempted > 0, result.failed) == (True, 0)


def test_wordings_are_embedded_in_one_batch_and_fused() -> None:
    wordings = ["When is my money back?", "refund", "Is anybody there in December?"]
    with TextEmbedding(STATIC) as model:
        index = PackedIndex.of(model.encode_document(NOTES), "int8")
        batches = []

        def search(queries: np.ndarray) -> list[list[int]]:
            batches.append(len(queries))
            return index.search(queries, 5)[0].tolist()

        found = ensemble.search_all(model, wordings, search, k=3, weights=[1, 2, 0.5])
        alone = [index.search(model.encode_query(w)[None], 5)[0][0].tolist() for w in wordings]
    assert batches == [3]
    assert found == fuse.reciprocal_rank(alone, weights=[1, 2, 0.5])[:3]


def test_what_does_not_fit_is_named() -> None:
    with TextEmbedding(STATIC) as model:
        for wrong, message in [("one", "list of at least one"), ([], "list of at least one")]:
            with pytest.raises(ValueError, match=message):
                ensemble.search_all(model, wrong, lambda queries: [])
        with pytest.raises(ValueError, match="a ranking for each of 2 wordings, got 1"):
            ensemble.search_all(model, ["a", "b"], lambda queries: [[1]])
        with pytest.raises(TypeError, match=r"texts\[1\] must be a str"):
            ensemble.search_all(model, ["a", None], lambda queries: [[1]])
