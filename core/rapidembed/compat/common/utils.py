"""Small helpers that programs import from fastembed."""

import itertools
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def define_cache_dir(cache_dir: str | Path | None = None) -> Path:
    """The folder that fastembed keeps models in, which is made if it does not exist.

    ``cache_dir`` if given, else ``$FASTEMBED_CACHE_PATH``, else ``fastembed_cache`` in the system's temporary folder.
    It is laid out as the Hugging Face cache, so what fastembed has downloaded is found.
    """
    given = cache_dir or os.environ.get("FASTEMBED_CACHE_PATH")
    folder = Path(given) if given else Path(tempfile.gettempdir(), "fastembed_cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def normalize(input_array: NDArray[Any], p: int = 2, dim: int = 1, eps: float = 1e-12) -> NDArray[Any]:
    """Vectors along the axis ``dim`` scaled to length 1 by the norm ``p``; shorter ones than ``eps`` stay short."""
    half = input_array.dtype == np.float16  # the squares of which are soon too large
    array = input_array.astype(np.float32) if half else input_array
    length = np.linalg.norm(array, ord=p, axis=dim, keepdims=True)
    scaled: NDArray[Any] = array / np.maximum(length, eps)
    return scaled.astype(np.float16) if half else scaled


def mean_pooling(input_array: NDArray[Any], attention_mask: NDArray[np.int64]) -> NDArray[Any]:
    """The mean of the token vectors that the mask names: (batch, tokens, width) -> float64 (batch, width)."""
    weights = attention_mask.astype(np.float64)
    total = np.einsum("btw,bt->bw", input_array.astype(np.float64), weights)
    return np.asarray(total / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9))


def last_token_pooling(input_array: NDArray[Any], attention_mask: NDArray[np.int64]) -> NDArray[Any]:
    """The vector of the last token that the mask names, wherever it is padded: -> (batch, width)."""
    last = attention_mask.shape[1] - 1 - attention_mask[:, ::-1].argmax(axis=1)
    return np.asarray(input_array[np.arange(len(input_array)), last])


def iter_batch(iterable: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items, the last of what is left.

    Raises:
        ValueError: ``size`` is not positive; at the call.
    """
    if size < 1:
        raise ValueError(f"batch_size must be >= 1, got {size}")
    items = iter(iterable)
    return iter(lambda: list(itertools.islice(items, size)), [])


def get_all_punctuation() -> set[str]:
    """Every character of Unicode that is punctuation."""
    return {character for character in map(chr, range(sys.maxunicode)) if unicodedata.category(character)[0] == "P"}


def remove_non_alphanumeric(text: str) -> str:
    """The text with spaces for what is no letter, digit, underscore or space."""
    return re.sub(r"[^\w\s]", " ", text)
