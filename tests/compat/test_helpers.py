"""Helpers that programs import from fastembed."""

import numpy as np
import pytest
from rapidembed.compat.common import utils
from rapidembed.compat.sparse.utils.tokenizer import SimpleTokenizer

HIDDEN = np.array([[[1.0, 1.0], [3.0, 5.0], [9.0, 9.0]], [[2.0, 2.0], [4.0, 4.0], [6.0, 9.0]]], np.float32)


def test_pooling() -> None:
    right, left = np.array([[1, 1, 0], [1, 1, 1]]), np.array([[0, 1, 1], [0, 0, 1]])
    np.testing.assert_allclose(utils.mean_pooling(HIDDEN, right), [[2, 3], [4, 5]])
    assert utils.mean_pooling(HIDDEN, right).dtype == np.float64
    np.testing.assert_array_equal(utils.mean_pooling(HIDDEN, np.zeros((2, 3), int)), np.zeros((2, 2)))
    np.testing.assert_array_equal(utils.last_token_pooling(HIDDEN, right), [[3, 5], [6, 9]])
    np.testing.assert_array_equal(utils.last_token_pooling(HIDDEN, left), [[9, 9], [6, 9]])


def test_normalize() -> None:
    np.testing.assert_allclose(utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])
    half = utils.normalize(np.array([[300.0, 400.0]], np.float16))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, [[0.6, 0.8]], atol=1e-3)


def test_batches_and_words() -> None:
    assert list(utils.iter_batch(iter("abcde"), 2)) == [["a", "b"], ["c", "d"], ["e"]]
    with pytest.raises(ValueError, match="batch_size must be >= 1, got 0"):
        utils.iter_batch("abc", 0)
    assert utils.remove_non_alphanumeric("It's 3.14, naïve!") == "It s 3 14  naïve "
    assert SimpleTokenizer.tokenize("It's NAÏVE_1") == ["it", "s", "naïve_1"]
    assert {"!", "。", "«"} <= utils.get_all_punctuation()
    assert "a" not in utils.get_all_punctuation()
