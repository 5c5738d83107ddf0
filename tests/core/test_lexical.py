"""BM25 against fastembed's own vectors and cases worked out by hand."""

import pytest
from rapidembed import SparseTextEmbedding


def test_a_case_by_hand() -> None:
    # "cat" and "mat" once, "sat" once: f=1, |d|=3: 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 256)) = 1.678688...
    vector = SparseTextEmbedding("Qdrant/bm25").encode_document("The cat sat on the mat.")
    assert vector.values.tolist() == pytest.approx([2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 256))] * 3)
